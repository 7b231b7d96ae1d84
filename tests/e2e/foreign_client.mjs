// A program that has never heard of Spanwire: node foreign_client.mjs KIND URL
// KIND: WebSocket or EventSource, Node's own, or the packages ws and eventsource in NODE_PATH.
// Prints "open" each time it is connected, and each message as it came.

import { createRequire } from 'node:module';
import { join } from 'node:path';

const [kind, url] = process.argv.slice(2);
const require = createRequire(join(process.env.NODE_PATH, 'x.js'));
const Kind = {
  WebSocket: () => globalThis.WebSocket,
  EventSource: () => globalThis.EventSource,
  ws: () => require('ws').WebSocket,
  eventsource: () => require('eventsource').EventSource,
}[kind]();

const client = new Kind(url);
client.onopen = () => console.log('open');
client.onmessage = ({ data }) => console.log(data);
// Control frames have an event name; a naive client that wants to know when it is up to date listens for one.
if (kind.toLowerCase() === 'eventsource') client.addEventListener('$live', ({ data }) => console.log(data));
setInterval(() => {}, 1000); // Node's EventSource does not keep it running while it waits to come back
