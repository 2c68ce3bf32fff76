// An app that came back: takes its time for the first answer, or leaves without some; tells how many came meanwhile.
const http = require('http');

const leaves = Number(process.env.LEAVES ?? 0);
let arrived = 0;
let beforeFirstAnswer = 0;
let answered = 0;

http.createServer((request, response) => {
  if (request.url === '/counts') return response.end(JSON.stringify({ arrived, beforeFirstAnswer }));
  arrived++;
  if (answered === 0) beforeFirstAnswer++;
  if (arrived <= leaves) return request.socket.destroy();
  setTimeout(() => {
    answered++;
    response.end('ok');
  }, arrived === 1 ? 100 : 0);
}).listen(Number(process.env.PORT), '127.0.0.1');
