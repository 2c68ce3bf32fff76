// Executes a request, notes its id, and may die before it answers: nobody may have it executed a second time.
const http = require('http');

const executed = [];
http.createServer((request, response) => {
  const url = new URL(request.url, 'http://app');
  if (url.pathname === '/executed') {
    response.end(JSON.stringify(executed));
    return;
  }
  request.resume();
  request.on('end', () => {
    if (url.searchParams.has('id')) executed.push(`${request.method} ${url.searchParams.get('id')}`);
    if (url.pathname === '/die') request.socket.destroy();
    else response.end(url.searchParams.get('id') ?? '');
  });
}).listen(Number(process.env.PORT), '127.0.0.1');
