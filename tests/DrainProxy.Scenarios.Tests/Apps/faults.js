// Ends its answers in every wrong way: by FIN and by reset, with a length, in chunks, and before the first byte.
const http = require('http');

http.createServer((request, response) => {
  const url = new URL(request.url, 'http://app');
  const leave = () => (url.searchParams.get('by') === 'reset' ? request.socket.resetAndDestroy() : request.socket.destroy());
  request.resume();
  switch (url.pathname) {
    case '/length':
      response.writeHead(200, { 'content-length': '100000' });
      response.write('x'.repeat(50000), () => setTimeout(leave, 50));
      break;
    case '/chunked':
      response.write('x'.repeat(50000), () => setTimeout(leave, 50));
      break;
    case '/nothing':
      request.on('end', leave);
      break;
    default:
      request.on('end', () => response.end('ok'));
  }
}).listen(Number(process.env.PORT), process.env.HOST ?? '127.0.0.1');
