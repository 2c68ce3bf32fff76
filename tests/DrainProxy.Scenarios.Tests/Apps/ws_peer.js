// A WebSocket server and client of the library ws. Both tell a digest of every byte after the handshake, and how the connection was closed.
const crypto = require('crypto');
const { WebSocket, WebSocketServer } = require('ws');

const [role, port, ending] = process.argv.slice(2);

// Each byte that the peer has sent, in order, however it was cut into packets.
function watch(ws, who) {
  const digest = crypto.createHash('sha256');
  let bytes = 0;
  ws._socket.on('data', (data) => { digest.update(data); bytes += data.length; });
  ws.on('close', (code, reason) => console.log(`${who}: ${bytes} bytes ${digest.digest('hex')}, closed ${code} ${reason}`));
  ws.on('error', (error) => console.log(`${who}: ${error.message}`));
}

function serve() {
  const server = new WebSocketServer({ host: '127.0.0.1', port: Number(port), perMessageDeflate: { threshold: 1000 }, handleProtocols: () => 'echo' },
    () => console.log('serving'));
  server.on('connection', (ws) => {
    watch(ws, 'server');
    ws.on('message', (data, isBinary) => {
      if (data.toString() === 'close me') ws.close(4001, 'as asked');
      else ws.send(data, { binary: isBinary });
    });
  });
}

async function talk() {
  // The same mask always, or no two runs would have the same bytes.
  const ws = new WebSocket(`ws://127.0.0.1:${port}/echo?q=1`, ['other', 'echo'], { generateMask: (mask) => mask.fill(7), perMessageDeflate: { threshold: 1000 } });
  const closed = new Promise((resolve) => ws.once('close', resolve));
  ws.once('error', (error) => { console.log(`client: ${error.message}`); process.exit(1); });
  await new Promise((resolve) => ws.once('open', resolve));
  watch(ws, 'client');
  console.log(`client: protocol ${ws.protocol}, extensions ${ws.extensions}`);
  const echo = async (data) => {
    const answer = new Promise((resolve) => ws.once('message', (text, isBinary) => resolve(isBinary ? text : text.toString())));
    ws.send(data);
    const got = await answer;
    if (!Buffer.from(got).equals(Buffer.from(data))) throw new Error(`${data.length} bytes came back as ${got.length}`);
  };
  for (const size of [0, 1, 125, 126, 65535, 65536, 1 << 20]) await echo(Buffer.alloc(size, size % 251));
  // And one that does not shrink.
  await echo(crypto.createHash('shake256', { outputLength: 300000 }).update('seed').digest());
  for (const text of ['', 'a', 'ü € 😀', 'long '.repeat(50000)]) await echo(text);
  // One message in three fragments, a ping between them.
  const whole = new Promise((resolve) => ws.once('message', resolve));
  const pong = new Promise((resolve) => ws.once('pong', resolve));
  ws.send('one ', { fin: false, compress: false });
  ws.send('two ', { fin: false, compress: false });
  ws.ping('are you there');
  ws.send('three', { fin: true, compress: false });
  console.log(`client: pong ${await pong}`);
  console.log(`client: ${await whole}`);
  if (ending === 'server') ws.send('close me');
  else ws.close(4002, 'done');
  await closed;
}

if (role === 'server') serve();
else talk().then(() => process.exit(0), (error) => { console.log(error.message); process.exit(1); });
