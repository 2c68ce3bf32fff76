// Connects to a peer of its own four times a second and never closes what the peer has closed: a leak of sockets in CLOSE_WAIT.
const http = require('http');
const net = require('net');
const kept = [];

const peer = net.createServer((socket) => socket.end()).listen(0, '127.0.0.1', () => {
  setInterval(() => {
    const socket = net.connect({ port: peer.address().port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => {});
    socket.resume();
    kept.push(socket);
  }, 250);
});
http.createServer((request, response) => response.end('ok\n')).listen(Number(process.env.PORT), '127.0.0.1');
