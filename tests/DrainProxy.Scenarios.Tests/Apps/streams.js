// Answers in odd orders: while the body comes, before it has come, with trailers, without a body, and cut off.
const http = require('http');

let drip;
let drops = 0;
let received = 0;
const server = http.createServer((request, response) => {
  const whole = (then) => {
    let bytes = 0;
    request.on('data', (data) => { bytes += data.length; received += data.length; });
    request.on('end', () => then(bytes));
  };
  switch (new URL(request.url, 'http://app').pathname) {
    case '/drip':
      response.write('head');
      drip = response;
      break;
    case '/head-first':
      response.flushHeaders();
      break;
    case '/drop':
      drip.write(`drop ${drops++}`, () => response.end());
      break;
    case '/received':
      response.end(`${received}`);
      break;
    case '/trailers':
      response.writeHead(200, { trailer: 'X-Checksum' });
      response.write('body');
      response.addTrailers({ 'X-Checksum': '42' });
      response.end();
      break;
    case '/early':
      response.writeHead(413, { 'content-length': '9' });
      response.end('too large');
      break;
    case '/slow':
      whole((bytes) => setTimeout(() => response.end(`slow ${bytes}`), 1000));
      break;
    case '/large':
      response.writeHead(200, { 'content-length': `${64 << 20}` });
      response.end(Buffer.alloc(64 << 20, 'x'));
      break;
    case '/length':
      response.writeHead(200, { 'content-length': '5' });
      response.end(request.method === 'HEAD' ? undefined : '12345');
      break;
    case '/empty':
      response.writeHead(204);
      response.end();
      break;
    case '/same':
      response.writeHead(304, { etag: '"1"' });
      response.end();
      break;
    case '/cut':
      response.write('half');
      setTimeout(() => request.socket.destroy(), 100);
      break;
    default:
      whole((bytes) => response.end(`${bytes}`));
  }
});

server.listen(Number(process.env.PORT), '127.0.0.1');
