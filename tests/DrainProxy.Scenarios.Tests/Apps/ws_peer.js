// A WebSocket server and client of the library ws. Both tell a digest of every byte after the handshake, and how the connection was closed.
// Roles: server, client; server-h2, client-h2 in a stream of HTTP/2 (RFC 8441); client-plain as client-h2, without extensions, over HTTP/1.1.
const crypto = require('crypto');
const http2 = require('http2');
const { WebSocket, WebSocketServer } = require('ws');

const [role, port, ending] = process.argv.slice(2);
// The same mask always, or no two runs would have the same bytes.
const generateMask = (mask) => mask.fill(7);

// Each byte that the peer has sent, in order, however it was cut into packets.
function watch(ws, who) {
  const digest = crypto.createHash('sha256');
  let bytes = 0;
  ws._socket.on('data', (data) => { digest.update(data); bytes += data.length; });
  ws.on('close', (code, reason) => console.log(`${who}: ${bytes} bytes ${digest.digest('hex')}, closed ${code} ${reason}`));
  ws.on('error', (error) => console.log(`${who}: ${error.message}`));
}

function echo(ws) {
  watch(ws, 'server');
  ws.on('message', (data, isBinary) => {
    if (data.toString() === 'close me') ws.close(4001, 'as asked');
    else ws.send(data, { binary: isBinary });
  });
}

// The library speaks on a stream that is open already.
function onStream(stream, isServer) {
  const ws = new WebSocket(null, undefined, { autoPong: true, closeTimeout: 30000 });
  ws._isServer = isServer;
  ws._protocol = 'echo';
  ws.setSocket(stream, Buffer.alloc(0), { allowSynchronousEvents: true, generateMask, maxPayload: 0, skipUTF8Validation: false });
  return ws;
}

function serve() {
  const server = new WebSocketServer({ host: '127.0.0.1', port: Number(port), perMessageDeflate: { threshold: 1000 }, handleProtocols: () => 'echo' },
    () => console.log('serving'));
  server.on('connection', echo);
}

function serveHttp2() {
  const server = http2.createServer({ settings: { enableConnectProtocol: true } });
  server.on('stream', (stream, headers) => {
    if (headers[':method'] !== 'CONNECT' || headers[':protocol'] !== 'websocket' || headers['sec-websocket-key']) {
      stream.respond({ ':status': 400 }, { endStream: true });
      return;
    }
    stream.respond({ ':status': 200, 'sec-websocket-protocol': 'echo' });
    echo(onStream(stream, true));
  });
  server.listen(Number(port), '127.0.0.1', () => console.log('serving'));
}

async function connectHttp2() {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  const settings = await new Promise((resolve, reject) => { session.once('remoteSettings', resolve); session.once('error', reject); });
  if (!settings.enableConnectProtocol) throw new Error('no extended CONNECT');
  const stream = session.request({
    ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'http', ':path': '/echo?q=1', ':authority': `127.0.0.1:${port}`,
    'sec-websocket-version': '13', 'sec-websocket-protocol': 'other, echo',
  });
  const headers = await new Promise((resolve, reject) => { stream.once('response', resolve); stream.once('error', reject); });
  if (headers[':status'] !== 200 || headers['sec-websocket-protocol'] !== 'echo') throw new Error(JSON.stringify(headers));
  return onStream(stream, false);
}

async function connect() {
  const perMessageDeflate = role === 'client' && { threshold: 1000 };
  const ws = new WebSocket(`ws://127.0.0.1:${port}/echo?q=1`, ['other', 'echo'], { generateMask, perMessageDeflate });
  ws.once('error', (error) => { console.log(`client: ${error.message}`); process.exit(1); });
  await new Promise((resolve) => ws.once('open', resolve));
  return ws;
}

async function talk() {
  const ws = await (role === 'client-h2' ? connectHttp2() : connect());
  const closed = new Promise((resolve) => ws.once('close', resolve));
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
  else if (ending === 'drain') console.log('client: idle');
  else ws.close(4002, 'done');
  await closed;
}

if (role === 'server') serve();
else if (role === 'server-h2') serveHttp2();
else talk().then(() => process.exit(0), (error) => { console.log(error.message); process.exit(1); });
