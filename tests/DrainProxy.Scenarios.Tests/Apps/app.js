// The app of the scenarios: what a plain Node server does, with a few endpoints that take time or have no end.
const http = require('http');
const crypto = require('crypto');

const server = http.createServer((request, response) => {
  const url = new URL(request.url, 'http://app');
  if (url.pathname === '/slow') {
    setTimeout(() => response.end('slow done'), Number(url.searchParams.get('ms')));
  } else if (url.pathname === '/sse') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    let id = 0;
    // Each event goes out in two writes, so that a cut anywhere would show.
    const timer = setInterval(() => {
      response.write(`id: ${id}\nda`);
      setTimeout(() => response.write(`ta: ${id++}\n\n`), 10);
    }, 50);
    response.on('close', () => clearInterval(timer));
  } else if (url.pathname === '/half') {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('half');
    setTimeout(() => request.socket.destroy(), 20);
  } else if (url.pathname === '/headers') {
    response.end(JSON.stringify({ raw: request.rawHeaders, url: request.url, method: request.method }));
  } else if (url.pathname === '/stream') {
    response.write('first');
    request.once('data', () => {});
    setTimeout(() => response.end('last'), 1000);
  } else {
    let bytes = 0;
    request.on('data', (data) => { bytes += data.length; });
    request.on('end', () => response.end(`ok ${bytes}`));
  }
});

server.on('upgrade', (request, socket) => {
  if (request.url === '/plain') {
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok');
    return;
  }
  const accept = crypto.createHash('sha1')
    .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  socket.on('error', () => {});
  socket.on('data', (frame) => {
    const opcode = frame[0] & 15;
    const length = frame[1] & 127;
    const payload = Buffer.from(frame.subarray(6, 6 + length));
    for (let i = 0; i < length; i++) payload[i] ^= frame[2 + (i & 3)];
    if (opcode === 8) console.log(`close ${payload.readUInt16BE(0)}`);
    socket.write(Buffer.concat([Buffer.from([0x80 | opcode, length]), payload]));
    if (opcode === 8) socket.end();
  });
});

server.on('clientError', (error, socket) => socket.destroy());
server.keepAliveTimeout = Number(process.env.KEEP_ALIVE_MS);
server.listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => { console.log('sigterm'); process.exit(0); });
