// Takes orders: answers with the order's id and notes on its output that it was executed.
const http = require('http');

const server = http.createServer((request, response) => {
  const id = new URL(request.url, 'http://app').searchParams.get('id') ?? '';
  request.resume();
  request.on('end', () => {
    if (request.method === 'POST') console.log(`executed ${id}`);
    response.end(id);
  });
});

server.keepAliveTimeout = Number(process.env.KEEP_ALIVE_MS);
server.listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
