// The metadata services of AWS, Google and Azure as their documentation has them, and a URL of the user's own. POST /leave: this node goes.
const http = require('http');
let leaving = false;
let waiting = [];

function aws(request, item) {
  if (request.url === '/latest/api/token') return request.method === 'PUT' && request.headers['x-aws-ec2-metadata-token-ttl-seconds'] ? [200, 'AQAEAtoken=='] : [405, ''];
  if (request.headers['x-aws-ec2-metadata-token'] !== 'AQAEAtoken==') return [401, ''];
  if (item === 'spot/instance-action' && leaving) return [200, '{"action": "terminate", "time": "2026-11-21T10:02:00Z"}'];
  return item === 'autoscaling/target-lifecycle-state' ? [200, 'InService'] : [404, 'Not Found'];
}

function azure(request, path) {
  if (request.headers.metadata !== 'true') return [400, '{"error": "Bad request. Required metadata header not specified"}'];
  if (path === '/metadata/instance/compute/name') return [200, 'aks-pool-vmss_3'];
  if (path !== '/metadata/scheduledevents') return [404, ''];
  const event = (id, machine) => ({ EventId: id, EventStatus: 'Scheduled', EventType: 'Preempt', ResourceType: 'VirtualMachine', Resources: [machine],
    NotBefore: 'Sat, 21 Nov 2026 10:00:30 GMT', Description: '', EventSource: 'Platform', DurationInSeconds: -1 });
  const events = [event('A', 'aks-pool-vmss_1')];
  if (leaving) events.push(event('B', 'aks-pool-vmss_3'));
  return [200, JSON.stringify({ DocumentIncarnation: events.length, Events: events })];
}

function google(request, response, url) {
  if (request.headers['metadata-flavor'] !== 'Google') return end(response, [403, '']);
  const answer = () => {
    response.setHeader('Metadata-Flavor', 'Google');
    response.setHeader('ETag', leaving ? 'b2' : 'a1');
    end(response, [200, url.pathname.endsWith('/preempted') ? (leaving ? 'TRUE' : 'FALSE') : 'NONE']);
  };
  const waits = url.searchParams.get('wait_for_change') === 'true';
  const seen = url.searchParams.get('last_etag');
  if (waits && (seen === null || seen === (leaving ? 'b2' : 'a1'))) waiting.push(answer);
  else answer();
}

function end(response, [status, body]) {
  response.statusCode = status;
  response.end(body);
}

http.createServer((request, response) => {
  const url = new URL(request.url, 'http://x');
  if (request.method === 'POST' && url.pathname === '/leave') {
    leaving = true;
    waiting.splice(0).forEach(answer => answer());
    return end(response, [200, 'leaving']);
  }
  if (url.pathname.startsWith('/latest/')) return end(response, aws(request, url.pathname.replace('/latest/meta-data/', '')));
  if (url.pathname.startsWith('/metadata/')) return end(response, azure(request, url.pathname));
  if (url.pathname.startsWith('/computeMetadata/')) return google(request, response, url);
  if (url.pathname === '/own') return end(response, leaving ? [200, 'maintenance at ten'] : [404, '']);
  end(response, [200, 'ok']);
}).listen(process.env.PORT, '127.0.0.1');
