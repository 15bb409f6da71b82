// A webhook receiver in 30 lines of Node: verify, dedupe, notice gaps. Usage: SECRET=whsec_... node receiver.js PORT
const { createHmac, timingSafeEqual } = require('node:crypto');
const key = Buffer.from(process.env.SECRET.replace('whsec_', ''), 'base64');
const seen = new Set(); // keep it on disk: the same id may come again days later
let highest = 0;

function genuine(headers, body) {
  const signed = Buffer.concat([Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`), body]);
  const mac = Buffer.from('v1,' + createHmac('sha256', key).update(signed).digest('base64'));
  const entries = headers['webhook-signature'].split(' ').map((entry) => Buffer.from(entry));
  const fresh = Math.abs(Date.now() / 1000 - Number(headers['webhook-timestamp'])) < 300;
  return fresh && entries.some((entry) => entry.length === mac.length && timingSafeEqual(entry, mac));
}

require('node:http').createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part)).on('end', () => {
    const body = Buffer.concat(parts);
    if (!genuine(request.headers, body)) return response.writeHead(401).end();
    const event = JSON.parse(body);
    const number = Number(event.epsequence ?? highest);
    const gap = highest && number > highest + 1 ? ` after a gap of ${number - highest - 1}` : '';
    console.log(seen.has(event.id) ? 'again' : 'new', number, event.type, event.subject + gap);
    seen.add(event.id);
    highest = Math.max(highest, number);
    response.writeHead(204).end();
  });
}).listen(Number(process.argv[2]), '127.0.0.1');
