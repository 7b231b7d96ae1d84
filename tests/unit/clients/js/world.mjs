// A page's world with a clock of its own: timers, WebSocket, fetch, events and storage, all in the hands of the test.

import { connect } from '../../../../clients/js/src/index.js';

export const settled = async () => {
  for (let i = 0; i < 3; i += 1) await new Promise((resolve) => setImmediate(resolve));
};

export class World {
  constructor({ page = true, random = 0.5 } = {}) {
    this.time = 1_000_000;
    this.timers = new Map();
    this.sockets = [];
    this.requests = [];
    this.items = new Map();
    this.listeners = {};
    const world = this;
    this.Date = { now: () => this.time };
    this.Math = Object.assign(Object.create(Math), { min: Math.min, max: Math.max, random: () => random });
    let next = 1;
    this.setTimeout = (then, ms) => (this.timers.set(next, { at: this.time + ms, then }), next++);
    this.clearTimeout = (id) => { this.timers.delete(id); };
    this.WebSocket = class {
      constructor(url, protocols) {
        Object.assign(this, { url, protocols, sent: [], closed: false });
        world.sockets.push(this);
      }

      send(text) { this.sent.push(JSON.parse(text)); }

      close() { this.closed = true; }
    };
    this.fetch = (url, { signal, ...init }) => new Promise((resolve, reject) => {
      const request = { url: new URL(url), ...init, aborted: false, reject, answer(status, body) {
        resolve(new Response(body === undefined ? null : JSON.stringify(body), { status }));
      }, stream() {
        let controller;
        const text = new TextEncoder();
        resolve(new Response(new ReadableStream({ start(given) { controller = given; } }), { status: 200 }));
        signal?.addEventListener('abort', () => controller.error(new Error('aborted')));
        return {
          raw: (what) => controller.enqueue(text.encode(what)),
          frame: (frame) => controller.enqueue(text.encode(`id: x\ndata: ${JSON.stringify(frame)}\n\n`)),
          end: () => controller.close(),
        };
      } };
      signal?.addEventListener('abort', () => {
        request.aborted = true;
        reject(new Error('aborted'));
      });
      this.requests.push(request);
    });
    if (!page) return;
    this.document = { baseURI: 'http://page.test/app/', hidden: false };
    this.addEventListener = (name, listener) => (this.listeners[name] ??= new Set()).add(listener);
    this.removeEventListener = (name, listener) => this.listeners[name].delete(listener);
    this.sessionStorage = {
      getItem: (key) => this.items.get(key) ?? null,
      setItem: (key, value) => { this.items.set(key, value); },
      removeItem: (key) => { this.items.delete(key); },
    };
  }

  connect(options = {}) {
    return connect('http://bridge.test', { global: this, ...options });
  }

  get socket() { return this.sockets.at(-1); }

  get request() { return this.requests.at(-1); }

  async pass(ms) {
    const end = this.time + ms;
    for (;;) {
      await settled();
      const due = [...this.timers].filter(([, { at }]) => at <= end).sort((a, b) => a[1].at - b[1].at)[0];
      if (!due) break;
      this.timers.delete(due[0]);
      this.time = Math.max(this.time, due[1].at);
      due[1].then();
    }
    this.time = end;
  }

  async happen(name) {
    this.listeners[name].forEach((listener) => listener());
    await settled();
  }
}

// The server's end of the newest WebSocket.
export const server = (world) => {
  const { socket } = world;
  const say = async (frame) => {
    socket.onmessage({ data: JSON.stringify(frame) });
    await settled();
  };
  return {
    socket,
    say,
    hello: (more) => say({ type: '$hello', ping_ms: 25000, ...more }),
    asked: () => socket.sent.at(-1),
    async subscribed(position, live = position) {
      const { id, channel } = socket.sent.findLast(({ cmd }) => cmd === 'subscribe');
      await say({ type: '$subscribed', id, channel, position });
      if (live) await say({ type: '$live', channel, position: live });
    },
    event: (id, more = {}) => say({ type: 'log_line', channel: 'c', data: {}, ...(id && { id }), ...more }),
    async close(reason = {}, code = 1006) {
      socket.onclose({ code, reason: JSON.stringify(reason) });
      await settled();
    },
  };
};

// A client that is online on channel 'c', at `position`.
export const online = async (world, { position = '1-0', start = {}, ...options } = {}) => {
  const client = world.connect(options);
  const seen = [];
  const gaps = [];
  const subscription = client.subscribe('c', { ...start, onEvent: (event) => seen.push(event.id), onGap: (gap) => gaps.push(gap) });
  await settled();
  const bridge = server(world);
  await bridge.hello();
  await bridge.subscribed(position);
  return { client, seen, gaps, subscription, bridge };
};
