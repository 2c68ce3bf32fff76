// An app that counts what it is told at its end: GET /bye answers with 200 once, and prints who came before whom.
const http = require('http');

http.createServer((request, response) => {
  const url = new URL(request.url, 'http://app');
  const end = (text) => { console.log(`${request.method} ${request.url} ${request.headers['x-token'] || ''}`.trim()); response.end(text); };
  if (url.pathname === '/slow') setTimeout(() => end('slow done'), Number(url.searchParams.get('ms')));
  else if (url.pathname === '/bye') end('bye');
  else response.end('ok');
}).listen(process.env.PORT, '127.0.0.1');
