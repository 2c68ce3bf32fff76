// Streams without an end, and streams that the app drops under its clients after a moment.
const crypto = require('crypto');
const http = require('http');

const piece = Buffer.alloc(64 << 10, 'x');
const server = http.createServer((request, response) => {
  const drop = () => setTimeout(() => (Math.random() < 0.5 ? request.socket.resetAndDestroy() : request.socket.destroy()), 20);
  switch (request.url) {
    case '/endless': {
      const more = () => { while (!response.destroyed && response.write(piece)); };
      response.on('drain', more);
      more();
      break;
    }
    case '/dropped-chunks':
      response.write('chunk');
      drop();
      break;
    case '/dropped-events':
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: 1\n\n');
      drop();
      break;
    default:
      response.end('ok');
  }
});

server.on('upgrade', (request, socket) => {
  socket.on('error', () => {});
  const accept = crypto.createHash('sha1')
    .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  setTimeout(() => (Math.random() < 0.5 ? socket.resetAndDestroy() : socket.destroy()), 20);
});

server.listen(Number(process.env.PORT), '127.0.0.1');
