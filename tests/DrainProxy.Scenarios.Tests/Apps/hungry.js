// Takes memory as it is told: /hold?mb=120&ms=300 for the time of the request, /climb?mb=120&ms=300 step by step, /keep?mb=10 for ever, /cache?mb=100&file=F as page cache.
// /metrics tells its memory as prom-client does.
const http = require('http');
const fs = require('fs');
const { setTimeout: pause } = require('timers/promises');
const kept = [];

const server = http.createServer(async (request, response) => {
  const url = new URL(request.url, 'http://app');
  const bytes = Number(url.searchParams.get('mb') || 0) * 1024 * 1024;
  if (url.pathname === '/hold') {
    const held = Buffer.alloc(bytes, 1);
    await pause(Number(url.searchParams.get('ms') || 0));
    response.end(`held ${held.length}\n`);
    return;
  }

  if (url.pathname === '/climb') {
    const steps = 40;
    const held = [];
    while (held.length < steps) {
      held.push(Buffer.alloc(bytes / steps, 1));
      await pause(Number(url.searchParams.get('ms') || 0) / steps);
    }
  }

  if (url.pathname === '/metrics') {
    const { rss, heapUsed, external } = process.memoryUsage();
    response.setHeader('Content-Type', 'text/plain; version=0.0.4; charset=utf-8');
    response.end(`# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes ${rss}\nnodejs_heap_size_used_bytes ${heapUsed}\nnodejs_external_memory_bytes ${external}\n`);
    return;
  }

  if (url.pathname === '/keep') kept.push(Buffer.alloc(bytes, 1));
  if (url.pathname === '/cache') {
    const file = fs.openSync(url.searchParams.get('file'), 'a');
    const block = Buffer.alloc(1024 * 1024, 1);
    for (let written = 0; written < bytes; written += block.length) fs.writeSync(file, block);
    fs.fsyncSync(file);
    fs.closeSync(file);
  }

  response.end('ok\n');
});
server.listen(Number(process.env.PORT), '127.0.0.1');
