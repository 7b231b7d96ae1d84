// The console's connection: the one file that knows which client it stands on. It counts what the client gives, from
// positions, so that neither the server nor the client is taken at its word.
//
// The connection can be treated badly on purpose: cut, made to do without transports, and made to take in nothing.

import { ChannelState, addCounts, noCounts } from './channel_state.js';
import { Obstacles } from './obstacles.js';
import { connect } from './spanwire.js';

const URL_CHANNELS = 32; // without a WebSocket; the client follows so many and lets the others wait
const SUBSCRIPTIONS = 128; // until $hello says otherwise
const REMEMBERED = 512; // positions, of channels left as well

// The transports, in words.
export const WEBSOCKET = 'WebSocket';
export const STREAM = 'server-sent events';
const POLL = 'polling';
const NAMES = { ws: WEBSOCKET, sse: STREAM, poll: POLL };
const ALL = Object.values(NAMES);

export class Link {
  // Callbacks: onEvent(event, raw, channel) for each new event; onControl(frame, raw) for each $ frame; onLive(channel)
  // when a channel has caught up; onStatus(status) when the connection's state changes; onCaughtUp(summary) when every
  // channel is live again after a loss; onRefilled(summary) when what was not taken in has come from the log.
  constructor({ url, onEvent, onControl, onLive, onStatus, onCaughtUp, onRefilled }) {
    Object.assign(this, { onEvent, onControl, onLive, onStatus, onCaughtUp, onRefilled });
    this.channels = new Map(); // name → ChannelState, of channels left as well
    this.forgotten = noCounts(); // of channels that are no longer remembered
    this.wanted = new Map(); // name → where to start when nothing of it was seen
    this.subscriptions = new Map(); // name → the client's; none while idling
    this.copy = null; // the frame before, if it said that it is one and was not given
    this.awaited = new Set(); // channels that are not live again yet, after a loss
    this.refilling = null; // likewise, after idling
    this.idling = false;
    this.down = true;
    this.connects = 0;
    this.limit = SUBSCRIPTIONS; // how many channels can be followed
    this.since = 0; // when this connection became live
    this.blocked = [];
    this.cutUntil = 0;
    this.status = { phase: 'idle', detail: '', retryAt: 0 };
    this.obstacles = new Obstacles();
    this.client = connect(url, {
      storage: null, // after a reload the page wants more than what is new
      WebSocket: this.obstacles.WebSocket,
      fetch: this.obstacles.fetch,
    });
    this.client.on('frame', (frame) => this.seeFrame(frame));
    this.client.on('state', (state) => this.seeState(state));
  }

  // The transport in use, as in NAMES; '' if there is none.
  get transport() {
    return NAMES[this.client.transport] || '';
  }

  totals() {
    const sum = { ...this.forgotten };
    for (const channel of this.channels.values()) addCounts(sum, channel);
    return sum;
  }

  subscribe(name, from) {
    if (this.wanted.has(name)) return;
    this.wanted.set(name, from);
    if (!this.channels.has(name)) this.channels.set(name, new ChannelState(name));
    this.forgetOldChannels();
    if (!this.idling) this.open(name);
  }

  unsubscribe(name) {
    if (!this.wanted.delete(name)) return;
    this.leave(name);
    this.settled(name);
  }

  open(name) {
    if (this.status.phase === 'refused') return;
    const channel = this.channels.get(name);
    channel.phase = [...this.wanted.keys()].indexOf(name) < this.limit ? 'subscribing' : 'waiting';
    channel.error = '';
    const start = channel.last ? { after: channel.last } : this.wanted.get(name);
    this.subscriptions.set(name, this.client.subscribe(name, {
      ...start,
      onEvent: (event) => {
        if (event === this.copy) this.copy = null;
        channel.lastAt = Date.now();
        if (channel.onEvent(event)) this.onEvent(event, this.raw, channel);
      },
      onGap: (gap) => channel.onGap(gap),
      onLive: () => {
        channel.phase = 'live';
        this.onLive(channel);
        this.settled(name);
      },
      onError: (error) => {
        channel.phase = 'refused';
        channel.error = `${error.code}: ${error.message}`;
        this.settled(name);
      },
    }));
  }

  leave(name) {
    const subscription = this.subscriptions.get(name);
    this.subscriptions.delete(name);
    if (subscription) subscription.close();
    this.channels.get(name).phase = 'left';
  }

  // Comes before the client does anything with it.
  seeFrame(frame) {
    this.passCopy();
    const { transport } = this.client;
    this.raw = transport === 'ws' ? this.obstacles.text : JSON.stringify(frame);
    const { type } = frame;
    if (frame.was) this.copy = frame;
    if (typeof type !== 'string' || type[0] !== '$') return;
    const channel = this.subscriptions.has(frame.channel) && this.channels.get(frame.channel);
    // An answer to a poll has no control frames but gaps; the client makes the others for itself.
    const made = transport === 'poll' && type !== '$gap';
    if (channel && type === '$subscribed' && channel.phase !== 'live') channel.phase = 'replaying';
    if (channel && type === '$subscribed' && !(made && channel.last)) channel.onSubscribed(frame.position);
    if (channel && (type === '$live' || type === '$position')) channel.advance(frame.position);
    if (type === '$hello' && transport === 'ws') this.limit = frame.limits?.subscriptions ?? SUBSCRIPTIONS;
    if (!made) this.onControl(frame, this.raw);
  }

  // The last frame was a copy, and the client did not give it since it had given the first: there is no hole.
  passCopy() {
    const { copy } = this;
    this.copy = null;
    const subscription = copy && this.subscriptions.get(copy.channel);
    if (subscription && subscription.position === copy.id) this.channels.get(copy.channel).onCopy(copy.id);
  }

  seeState(state) {
    if (state === 'failed') this.setStatus('refused', this.client.error.code);
    else if (state === 'online' || state === 'degraded') this.up();
    else if (state === 'offline') this.lost();
    else if (state === 'connecting' && this.status.phase === 'idle') this.setStatus('connecting');
  }

  up() {
    const names = [...this.wanted.keys()];
    this.limit = this.client.transport === 'ws' ? SUBSCRIPTIONS : URL_CHANNELS;
    for (const name of names.slice(this.limit)) this.channels.get(name).phase = 'waiting';
    if (!this.down) { // by another transport than before
      this.onStatus(this.status);
      return;
    }
    this.down = false;
    this.connects += 1;
    this.before = this.totals();
    this.awaited = new Set(this.idling ? [] : names.slice(0, this.limit));
    this.setStatus('catching_up');
    this.settled('');
  }

  lost() {
    this.down = true;
    for (const name of this.subscriptions.keys()) {
      const channel = this.channels.get(name);
      if (channel.phase !== 'refused') channel.phase = 'new';
    }
    this.setStatus('waiting', this.cutUntil ? 'cut' : 'lost', this.cutUntil);
  }

  settled(name) {
    this.awaited.delete(name);
    if (this.status.phase === 'catching_up' && this.awaited.size === 0) {
      this.since = Date.now();
      this.setStatus('live');
      if (!this.idling && !this.refilling) this.onCaughtUp({ first: this.connects === 1, ...this.sinceBefore(this.before) });
    }
    if (!this.refilling || !this.refilling.delete(name) || this.refilling.size > 0) return;
    this.refilling = null;
    this.onRefilled(this.sinceBefore(this.idledAt));
  }

  sinceBefore(before) {
    const now = this.totals();
    const counts = ['replayed', 'lost', 'gaps', 'duplicates'];
    return Object.fromEntries(counts.map((key) => [key, now[key] - before[key]]));
  }

  setStatus(phase, detail = '', retryAt = 0) {
    this.status = { phase, detail, retryAt };
    this.onStatus(this.status);
  }

  // Breaks the connection as a bad network would; for `ms` nothing gets through.
  cut(ms) {
    if (this.status.phase === 'refused') return;
    this.cutUntil = Date.now() + ms;
    this.stop(ALL);
    setTimeout(() => {
      this.cutUntil = 0;
      this.block(this.blocked);
    }, ms);
  }

  // Lets nothing through by these transports.
  block(transports) {
    this.blocked = transports;
    this.stop(transports);
    // What a browser says when a network is there again: the client does not wait then.
    window.dispatchEvent(new Event('online'));
  }

  stop(transports) {
    this.obstacles.block(Object.keys(NAMES).filter((id) => transports.includes(NAMES[id])));
  }

  // Takes in nothing for `ms`, then goes on where it stopped. Nobody keeps what comes meanwhile for this page: neither the
  // bridge nor the page itself. It is in the log.
  idle(ms) {
    this.idling = true;
    this.idledAt = this.totals();
    for (const name of this.wanted.keys()) this.leave(name);
    setTimeout(() => {
      this.idling = false;
      this.refilling = new Set([...this.wanted.keys()].slice(0, this.limit));
      for (const name of this.wanted.keys()) this.open(name);
    }, ms);
  }

  forgetOldChannels() {
    for (const name of this.channels.keys()) {
      if (this.channels.size <= REMEMBERED) return;
      if (this.wanted.has(name)) continue;
      addCounts(this.forgotten, this.channels.get(name));
      this.channels.delete(name);
    }
  }
}
