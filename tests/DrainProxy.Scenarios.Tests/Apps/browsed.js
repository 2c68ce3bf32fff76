// A site for a browser: a page that loads, posts, listens and talks without a pause until it has heard of the pod FINAL in every way, and then reports.
const http = require('http');
const { WebSocketServer } = require('ws');

const pod = process.env.POD;

// Runs in the browser. Whatever fails is told with what it was, a request without an answer by its URL; a WebSocket that is closed with 1001 is opened anew.
function visit() {
  const [final, limit] = ['FINAL', Date.now() + 20000];
  const seen = { post: {}, script: {}, image: {}, event: {}, socket: {} };
  const failures = [];
  const unanswered = [];
  let steady = false;
  let over = false;
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const fail = (what) => { failures.push(what); over = true; };
  const saw = (kind, name) => {
    seen[kind][name] = (seen[kind][name] ?? 0) + 1;
    const kinds = Object.values(seen);
    if (!steady && kinds.every((k) => Object.keys(k).length > 0)) {
      steady = true;
      fetch('/steady', { method: 'POST' }).catch((error) => fail(`steady: ${error}`));
    }
    if (kinds.every((k) => k[final] > 3)) over = true;
  };
  const element = (name, source) => new Promise((resolve) => {
    const it = document.createElement(name);
    it.onload = () => { it.remove(); resolve(true); };
    it.onerror = () => { unanswered.push(it.src); resolve(false); };
    it.src = source;
    document.body.append(it);
  });
  const loops = [
    async () => {
      for (let i = 0; !over; i++) {
        const body = 'x'.repeat((i % 5) * 20000);
        try {
          const answer = await fetch(`/post?${i}`, { method: 'POST', body });
          const [name, length] = (await answer.text()).split(' ');
          if (answer.status !== 200 || Number(length) !== body.length) fail(`post ${i}: ${answer.status} ${length}`);
          else saw('post', name);
        } catch { unanswered.push(`${location.origin}/post?${i}`); }
        await pause(5);
      }
    },
    async () => {
      for (let i = 0; !over; i++) {
        if (await element('script', `/name.js?${i}`)) saw('script', window.pod);
        if (await element('img', `/dot.svg?${i}`)) saw('image', window.pod);
        await pause(5);
      }
    },
    async () => {
      const source = new EventSource('/events');
      source.onmessage = (event) => saw('event', JSON.parse(event.data).pod);
      source.onerror = () => { if (source.readyState === EventSource.CLOSED) fail('events ended for good'); };
      while (!over) await pause(20);
      source.close();
    },
    async () => {
      while (!over) {
        await new Promise((resolve) => {
          const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/socket`);
          const send = () => { if (over) socket.close(1000); else socket.send('hello'); };
          socket.onopen = send;
          socket.onmessage = (message) => { saw('socket', message.data); setTimeout(send, 5); };
          socket.onclose = (end) => {
            if (!(end.wasClean && (end.code === 1001 || over))) fail(`socket closed with ${end.code}`);
            resolve();
          };
        });
      }
    },
  ];
  const timer = setInterval(() => { if (Date.now() > limit) fail('the time is up'); }, 500);
  Promise.all(loops.map((loop) => loop())).then(async () => {
    clearInterval(timer);
    const protocols = [...new Set(performance.getEntriesByType('resource').map((r) => r.nextHopProtocol))].join();
    await fetch('/report', { method: 'POST', body: JSON.stringify({ failures, unanswered, seen, protocols }) });
  });
}

const kinds = { html: 'text/html; charset=utf-8', js: 'text/javascript', svg: 'image/svg+xml', css: 'text/css', text: 'text/plain' };
const server = http.createServer((request, response) => {
  const send = (kind, text) => { response.writeHead(200, { 'content-type': kinds[kind], 'cache-control': 'no-store' }); response.end(text); };
  let body = '';
  request.on('data', (data) => { body += data; });
  switch (new URL(request.url, 'http://app').pathname) {
    case '/':
      send('html', `<!doctype html><link rel="icon" href="data:,"><link rel="stylesheet" href="/style.css"><body><script>(${`${visit}`.replace('FINAL', process.env.FINAL)})()</script>`);
      break;
    case '/style.css':
      send('css', 'body { color: black }');
      break;
    case '/name.js':
      send('js', `window.pod = '${pod}';`);
      break;
    case '/dot.svg':
      send('svg', '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>');
      break;
    case '/events': {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      response.write('retry: 50\n\n');
      const timer = setInterval(() => response.write(`data: {"pod":"${pod}"}\n\n`), 20);
      response.on('close', () => clearInterval(timer));
      break;
    }
    default:
      request.on('end', () => {
        if (request.url === '/steady' || request.url === '/report') console.log(`${request.url.slice(1)} ${body}`);
        send('text', `${pod} ${body.length}`);
      });
  }
});
new WebSocketServer({ server, path: '/socket' }).on('connection', (socket) => socket.on('message', () => socket.send(pod)));
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('serving'));
