// Writes each request down before it answers, so that what was executed outlives a kill; and watches how fast requests come.
const http = require('http');
const fs = require('fs');

const ledger = fs.openSync(process.env.LEDGER, 'a');
const milliseconds = Number(process.env.MILLISECONDS ?? 20);
const first = 8, perAnswer = 2;
let arrived = 0, answered = 0, began = 0, ahead = 0;
http.createServer((request, response) => {
  const url = new URL(request.url, 'http://app');
  if (url.pathname === '/pace') {
    response.end(JSON.stringify({ ahead, arrived, elapsed: Date.now() - began }));
    return;
  }
  if (arrived++ === 0) began = Date.now();
  // More than the answers so far have earned.
  ahead = Math.max(ahead, arrived - first - perAnswer * answered);
  request.resume();
  request.on('end', () => {
    fs.writeSync(ledger, `${request.method} ${url.searchParams.get('id')}\n`);
    setTimeout(() => {
      answered++;
      response.end('done');
    }, milliseconds);
  });
}).listen(Number(process.env.PORT), '127.0.0.1');
