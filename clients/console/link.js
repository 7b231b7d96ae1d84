// The console's connection: the one file that knows which client it stands on.
//
// Beside what the client does, it can be treated badly on purpose: cut, and made to take in nothing for a while.

import { Client } from './client.js';

export class Link {
  // Callbacks as those of the client, and onRefilled(summary) when what was not taken in has come from the log.
  constructor({ url, onEvent, onControl, onStatus, onCaughtUp, onRefilled }) {
    this.onRefilled = onRefilled;
    this.wanted = new Map(); // channel → where to start
    this.refilling = null; // channels that are not up to date again, after idling
    this.idling = false;
    this.since = 0; // when this connection became live
    this.client = new Client({
      url,
      onEvent,
      onControl: (frame, raw) => {
        onControl(frame, raw);
        if (frame.type === '$live' || frame.type === '$error') this.settled(frame.channel);
      },
      onStatus: (status) => {
        if (status.phase === 'live') this.since = Date.now();
        onStatus(status);
      },
      onCaughtUp: (summary) => {
        if (!this.idling && !this.refilling) onCaughtUp(summary);
      },
    });
  }

  start() {
    this.client.start();
  }

  get status() {
    return this.client.status;
  }

  get transport() {
    return 'WebSocket';
  }

  // Whether it has other ways than a WebSocket.
  get canBlock() {
    return false;
  }

  get limit() {
    return this.client.limit;
  }

  get connects() {
    return this.client.connects;
  }

  // name → ChannelState, of channels left as well.
  get channels() {
    return this.client.channels;
  }

  totals() {
    return this.client.totals();
  }

  subscribe(name, from) {
    if (this.wanted.has(name)) return;
    this.wanted.set(name, from);
    if (!this.idling) this.client.subscribe(name, from);
  }

  unsubscribe(name) {
    this.wanted.delete(name);
    this.client.unsubscribe(name);
    this.settled(name);
  }

  hurry() {
    this.client.hurry();
  }

  cut(ms) {
    this.client.cut(ms);
  }

  // Takes in nothing for `ms`, then goes on where it stopped. Nobody keeps what comes meanwhile for this page: neither the
  // bridge nor the page itself. It is in the log.
  idle(ms) {
    this.idling = true;
    this.before = this.totals();
    for (const name of this.wanted.keys()) this.client.unsubscribe(name);
    setTimeout(() => {
      this.idling = false;
      this.refilling = new Set(this.wanted.keys());
      for (const [name, from] of this.wanted) this.client.subscribe(name, from);
    }, ms);
  }

  settled(name) {
    if (!this.refilling || !this.refilling.delete(name) || this.refilling.size > 0) return;
    this.refilling = null;
    const now = this.totals();
    const difference = (key) => now[key] - this.before[key];
    this.onRefilled({ replayed: difference('replayed'), lost: difference('lost'), gaps: difference('gaps') });
  }
}
