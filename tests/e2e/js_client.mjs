// A program on @spanwire/client: follows channels until each has had `count` events, or for as long as it may.
//   NODE_PATH=<node_modules> node js_client.mjs '{"bridges":[…],"channels":[…],"count":100,"transports":["ws"],"switchMs":0}'
// Prints each state, "live" when all channels are, then one JSON object: {texts: {channel: […]}, gaps, states, transports}.
// With switchMs, every so often everything is cut, another transport is the only one that gets through, and it gets to the
// next bridge.

import { createRequire } from 'node:module';
import { join } from 'node:path';

import { connect } from '../../clients/js/src/index.js';

const { WebSocket } = createRequire(join(process.env.NODE_PATH, 'x.js'))('ws');
const { bridges, channels, count, transports, switchMs } = JSON.parse(process.argv[2]);
const ways = ['ws', 'sse', 'poll'];
let turn = 0;
let cuts = new Set();

const through = (way, url) => {
  if (switchMs && ways[turn % ways.length] !== way) return 'http://127.0.0.1:1/'; // nothing listens there
  return url.replace(bridges[0], bridges[turn % bridges.length]);
};

class Socket extends WebSocket {
  constructor(url, protocols) {
    super(through('ws', url.replace('ws:', 'http:')).replace('http:', 'ws:'), protocols);
    cuts.add(() => this.terminate());
  }
}

const request = async (url, init) => {
  init.signal?.throwIfAborted();
  const cut = new AbortController();
  cuts.add(() => cut.abort());
  init.signal?.addEventListener('abort', () => cut.abort());
  return fetch(through(url.includes('/v1/sse') ? 'sse' : 'poll', url), { ...init, signal: cut.signal });
};

// A tenth of the time for everything, where the test would wait for long.
const hurried = { Date, Math, clearTimeout, setTimeout: (then, ms) => setTimeout(then, ms < 1000 ? ms : ms / 10 + 1000) };
const client = connect(bridges[0], { WebSocket: Socket, fetch: request, transports, global: switchMs ? hurried : globalThis });
const told = { texts: {}, gaps: [], states: [], transports: [] };
client.on('state', (state) => {
  told.states.push(state);
  console.log(state);
  if (client.transport) told.transports.push(client.transport);
});

const finish = () => {
  client.close();
  console.log(JSON.stringify(told));
  process.exit();
};
const live = new Set();
for (const channel of channels) {
  told.texts[channel] = [];
  client.subscribe(channel, {
    onEvent(event) {
      told.texts[channel].push(event.data.text);
      if (Object.values(told.texts).every(({ length }) => length >= count)) setTimeout(finish, 300);
    },
    onGap: (gap) => told.gaps.push(gap),
    onError(error) { throw error; },
    onLive() {
      if (live.size < channels.length && live.add(channel).size === channels.length) console.log('live');
    },
  });
}
if (switchMs) {
  setInterval(() => {
    turn += 1;
    const all = cuts;
    cuts = new Set();
    all.forEach((cut) => cut());
  }, switchMs);
}
