// gRPC server and client of the library @grpc/grpc-js without generated code: messages are plain bytes. The same methods as grpc_peer.py.
const grpc = require('@grpc/grpc-js');

const [role, port] = process.argv.slice(2);
const same = (data) => data;
const kind = (name, requestStream, responseStream) => ({
  path: `/t.T/${name}`, requestStream, responseStream,
  requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same,
});
const service = {
  Unary: kind('Unary', false, false), ServerStream: kind('ServerStream', false, true), ClientStream: kind('ClientStream', true, false),
  Bidi: kind('Bidi', true, true), Hang: kind('Hang', false, true), Refuse: kind('Refuse', false, false),
};

const methods = {
  Unary(call, done) {
    const trailers = new grpc.Metadata();
    trailers.set('x-trailer', 'kept');
    trailers.set('x-bytes-bin', Buffer.from([0, 255]));
    done(null, Buffer.concat([Buffer.from('re:'), call.request]), trailers);
  },
  ServerStream(call) {
    for (let i = 0; i < 5; i++) call.write(Buffer.from(`${call.request}${i}`));
    call.end();
  },
  ClientStream(call, done) {
    const all = [];
    call.on('data', (data) => all.push(data));
    call.on('end', () => done(null, Buffer.concat(all)));
  },
  Bidi(call) {
    call.on('data', (data) => call.write(Buffer.concat([Buffer.from('re:'), data])));
    call.on('end', () => call.end());
  },
  Hang(call) {
    call.write(Buffer.from('first'));
    call.on('cancelled', () => console.log('cancelled'));
  },
  Refuse(call, done) {
    done({ code: grpc.status.FAILED_PRECONDITION, details: 'not now: ü' });
  },
};

function check(condition, what) {
  if (!condition) throw new Error(what);
}

// All messages of a stream, and the status that it ended with.
function read(call) {
  return new Promise((resolve) => {
    const messages = [];
    call.on('data', (data) => messages.push(data.toString()));
    call.on('error', () => {});
    call.on('status', (status) => resolve({ messages, code: status.code, details: status.details }));
  });
}

async function talk() {
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const path = (name) => `/t.T/${name}`;
  await new Promise((resolve, reject) => {
    let text;
    const call = client.makeUnaryRequest(path('Unary'), same, same, Buffer.from('a'), (error, data) => { if (error) reject(error); text = `${data}`; });
    call.on('status', (status) => {
      try {
        check(text === 're:a', `unary: ${text}`);
        check(status.metadata.get('x-trailer')[0] === 'kept', 'no trailer');
        check(Buffer.from([0, 255]).equals(status.metadata.get('x-bytes-bin')[0]), 'no binary trailer');
        resolve();
      } catch (error) { reject(error); }
    });
  });
  const server = await read(client.makeServerStreamRequest(path('ServerStream'), same, same, Buffer.from('s')));
  check(server.code === 0 && server.messages.join() === 's0,s1,s2,s3,s4', JSON.stringify(server));
  await new Promise((resolve, reject) => {
    const call = client.makeClientStreamRequest(path('ClientStream'), same, same, (error, data) => (`${data}` === 'abc' ? resolve() : reject(error ?? new Error(`${data}`))));
    for (const part of ['a', 'b', 'c']) call.write(Buffer.from(part));
    call.end();
  });
  // The answer to the first message is there before the second one is sent.
  const bidi = client.makeBidiStreamRequest(path('Bidi'), same, same);
  const answers = [];
  const ended = new Promise((resolve) => bidi.on('status', resolve));
  for (const message of ['1', '2']) {
    const answer = new Promise((resolve) => bidi.once('data', resolve));
    bidi.write(Buffer.from(message));
    answers.push(`${await answer}`);
  }
  bidi.end();
  check(answers.join() === 're:1,re:2', answers.join());
  // Data has to be read for the end to be seen.
  bidi.resume();
  check((await ended).code === 0, 'bidi did not end well');
  const late = await read(client.makeServerStreamRequest(path('Hang'), same, same, Buffer.from(''), { deadline: Date.now() + 700 }));
  check(late.code === grpc.status.DEADLINE_EXCEEDED && late.messages.join() === 'first', JSON.stringify(late));
  const hanging = client.makeServerStreamRequest(path('Hang'), same, same, Buffer.from(''));
  hanging.once('data', () => hanging.cancel());
  check((await read(hanging)).code === grpc.status.CANCELLED, 'not cancelled');
  for (const [name, code, details] of [['Refuse', grpc.status.FAILED_PRECONDITION, 'not now: ü'], ['Missing', grpc.status.UNIMPLEMENTED, null]]) {
    const error = await new Promise((resolve) => client.makeUnaryRequest(path(name), same, same, Buffer.from(''), resolve));
    check(error.code === code && (details === null || error.details === details), `${name}: ${error.code} ${error.details}`);
  }
  client.close();
  console.log('all as expected');
}

if (role === 'server') {
  const server = new grpc.Server();
  server.addService(service, methods);
  server.bindAsync(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure(), () => console.log('serving'));
} else {
  talk().then(() => process.exit(0), (error) => { console.log(error.message); process.exit(1); });
}
