// Notes what it executes, and fails requests in the ways that the replay table knows: over HTTP/1.1 (SCHEME=http, https) or HTTP/2 (h2c).
const fs = require('fs');

const executed = [];
const failed = new Map();

function handle(request, response, leave) {
  const url = new URL(request.url, 'http://app');
  if (url.pathname === '/executed') return response.end(JSON.stringify(executed));
  const id = url.searchParams.get('id');
  const times = Number(url.searchParams.get('times') ?? 0);
  const seen = failed.get(id) ?? 0;
  if (url.pathname === '/refuse' && seen < times) {
    failed.set(id, seen + 1);
    return request.stream.close(require('http2').constants.NGHTTP2_REFUSED_STREAM);
  }
  if (url.pathname === '/goaway' && seen < times) {
    failed.set(id, seen + 1);
    // This stream is above the last one that will be processed.
    return request.stream.session.goaway(0, request.stream.id - 2);
  }
  let body = '';
  request.on('data', (part) => { body += part; });
  request.on('end', () => {
    if (id !== null) executed.push(`${request.method} ${id}`);
    if (url.pathname === '/die' && seen < times) {
      failed.set(id, seen + 1);
      return leave(request);
    }
    response.end(`${body} done`);
  });
}

const port = Number(process.env.PORT);
switch (process.env.SCHEME) {
  case 'h2c':
    require('http2').createServer((q, r) => handle(q, r, (request) => request.stream.session.destroy())).listen(port, '127.0.0.1');
    break;
  case 'https':
    require('https').createServer({ key: fs.readFileSync(process.env.KEY), cert: fs.readFileSync(process.env.CERT) },
      (q, r) => handle(q, r, (request) => request.socket.destroy())).listen(port, '127.0.0.1');
    break;
  default:
    require('http').createServer((q, r) => handle(q, r, (request) => request.socket.destroy())).listen(port, '127.0.0.1');
}
