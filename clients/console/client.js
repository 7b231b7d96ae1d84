// A small WebSocket client of the bridge: subscribes, follows every channel's position, comes back by itself and resumes
// where it was. Knows nothing of what the events mean.
//
//   const client = new Client({ url: 'ws://127.0.0.1:7480/v1/ws', onEvent(event, raw, channelState) {} });
//   client.subscribe('webgui:global', { last: 200 });
//   client.start();

import { backoffMs } from './backoff.js';
import { ChannelState, addCounts, noCounts } from './channel_state.js';

const SILENCE_MS = 60_000; // the server says $ping every 25 s when it has nothing else to say
const HELLO_MS = 15_000; // for the handshake and $hello together
const STEADY_MS = 5_000; // a connection that lived this long ends the backoff
const HINT_LAST_MS = 60_000; // the most that an after_ms is believed
const RETRY_SUBSCRIBE_MS = 2_000;
const CHANNELS = 512; // positions remembered, of channels left as well

export class Client {
  // Callbacks, all optional: onEvent(event, raw, channel) for each new event; onControl(frame, raw) for each $ frame;
  // onStatus(status) when the connection's state changes; onCaughtUp(summary) when every channel is live again.
  constructor({ url, onEvent, onControl, onStatus, onCaughtUp, random = Math.random, silenceMs = SILENCE_MS }) {
    this.url = url;
    this.onEvent = onEvent || (() => {});
    this.onControl = onControl || (() => {});
    this.onStatus = onStatus || (() => {});
    this.onCaughtUp = onCaughtUp || (() => {});
    this.random = random;
    this.silenceMs = silenceMs;
    this.channels = new Map(); // name → ChannelState
    this.forgotten = noCounts(); // of channels that are no longer remembered
    this.wanted = new Map(); // name → where to start when nothing of it was seen
    this.commands = new Map(); // id of an unanswered command → channel
    this.nextCommand = 1;
    this.socket = null;
    this.ready = false; // $hello came
    this.attempt = 0;
    this.connects = 0;
    this.limit = 128;
    this.connectionId = '';
    this.malformed = 0;
    this.awaited = new Set(); // channels that are not live again yet
    this.status = { phase: 'idle', detail: '', retryAt: 0 };
  }

  start() {
    this.watch = setInterval(() => this.checkSilence(), 1000);
    this.connect();
  }

  // How many subscriptions the server allows, and how many are in use.
  get room() {
    return this.limit - this.wanted.size;
  }

  subscribe(name, from = {}) {
    if (this.wanted.has(name)) return;
    this.wanted.set(name, from);
    if (!this.channels.has(name)) this.channels.set(name, new ChannelState(name));
    this.forgetOldChannels();
    if (this.ready) this.sendSubscribe(name);
  }

  unsubscribe(name) {
    if (!this.wanted.delete(name)) return;
    this.awaited.delete(name);
    const channel = this.channels.get(name);
    if (this.ready && channel.phase !== 'refused') this.send({ cmd: 'unsubscribe', id: this.nextCommand++, channel: name });
    channel.phase = 'left';
  }

  // Ends the connection as a broken network would and comes back after `ms`.
  cut(ms) {
    if (this.status.phase === 'refused') return;
    this.drop();
    this.wait(ms, 'cut');
  }

  // Tries now instead of at the end of the wait.
  hurry() {
    if (this.status.phase === 'waiting' && this.status.detail !== 'cut') this.connect();
  }

  connect() {
    clearTimeout(this.timer);
    this.setStatus('connecting');
    this.heardAt = performance.now();
    this.ready = false;
    let socket;
    try {
      socket = new WebSocket(this.url, 'spanwire.v1');
    } catch (error) {
      this.setStatus('refused', String(error.message || error));
      return;
    }
    this.socket = socket;
    socket.onmessage = (message) => this.receive(message.data);
    socket.onclose = (close) => this.closed(close);
  }

  // Leaves the socket without waiting for it: on a dead network its close would take minutes.
  drop() {
    clearTimeout(this.timer);
    this.commands.clear();
    this.ready = false;
    if (!this.socket) return;
    this.socket.onmessage = null;
    this.socket.onclose = null;
    this.socket.close();
    this.socket = null;
    this.noteEnd();
  }

  noteEnd() {
    if (this.helloAt && performance.now() - this.helloAt > STEADY_MS) this.attempt = 0;
    this.helloAt = 0;
    for (const name of this.wanted.keys()) {
      const channel = this.channels.get(name);
      if (channel.phase !== 'refused') channel.phase = 'new';
    }
  }

  closed(close) {
    this.socket = null;
    this.ready = false;
    this.commands.clear();
    this.noteEnd();
    const reason = parseObject(close.reason) || {};
    if ((close.code >= 3500 && close.code <= 3999) || reason.reconnect === false) {
      this.setStatus('refused', `${reason.code || 'closed'} (${close.code})`);
      return;
    }
    const hinted = Number.isFinite(reason.after_ms) && reason.after_ms >= 0;
    this.wait(hinted ? Math.min(reason.after_ms, HINT_LAST_MS) : backoffMs(this.attempt, this.random), 'lost');
    this.attempt += 1;
  }

  wait(ms, detail) {
    clearTimeout(this.timer);
    this.setStatus('waiting', detail, Date.now() + ms);
    this.timer = setTimeout(() => this.connect(), ms);
  }

  checkSilence() {
    if (!this.socket) return;
    const silentMs = performance.now() - this.heardAt;
    if (silentMs < (this.ready ? this.silenceMs : HELLO_MS)) return;
    this.drop();
    this.wait(backoffMs(this.attempt, this.random), 'silent');
    this.attempt += 1;
  }

  setStatus(phase, detail = '', retryAt = 0) {
    this.status = { phase, detail, retryAt };
    this.onStatus(this.status);
  }

  receive(raw) {
    this.heardAt = performance.now();
    const frame = parseObject(raw);
    if (!frame || typeof frame.type !== 'string') {
      this.malformed += 1;
      return;
    }
    if (frame.type.startsWith('$')) {
      this.control(frame);
      this.onControl(frame, raw);
      return;
    }
    const channel = this.channels.get(frame.channel);
    if (!channel || !this.wanted.has(frame.channel)) return;
    channel.lastAt = Date.now();
    if (channel.onEvent(frame)) this.onEvent(frame, raw, channel);
  }

  control(frame) {
    const channel = this.channels.get(frame.channel);
    switch (frame.type) {
      case '$hello':
        this.hello(frame);
        break;
      case '$subscribed':
        this.commands.delete(frame.id);
        if (!channel || !this.wanted.has(frame.channel)) break;
        channel.onSubscribed(frame.position);
        channel.phase = 'replaying';
        break;
      case '$live':
        if (!channel) break;
        channel.moveTo(frame.position);
        if (this.wanted.has(frame.channel)) channel.phase = 'live';
        this.settled(frame.channel);
        break;
      case '$position':
        if (channel) channel.moveTo(frame.position);
        break;
      case '$gap':
        if (channel) channel.onGap(frame);
        break;
      case '$error':
        this.failed(frame);
        break;
      case '$drain':
        this.drain(frame);
        break;
      default: // $ping, $slow and what later servers say need nothing of us
    }
  }

  hello(frame) {
    this.ready = true;
    this.helloAt = performance.now();
    this.connects += 1;
    this.connectionId = String(frame.connection || '');
    const limit = frame.limits && frame.limits.subscriptions;
    if (Number.isInteger(limit) && limit > 0) this.limit = limit;
    this.awaited = new Set(this.wanted.keys());
    this.before = this.totals();
    this.setStatus('catching_up');
    for (const name of this.wanted.keys()) this.sendSubscribe(name);
    if (this.awaited.size === 0) this.caughtUp();
  }

  sendSubscribe(name) {
    const channel = this.channels.get(name);
    const id = this.nextCommand++;
    channel.phase = 'subscribing';
    channel.error = '';
    this.commands.set(id, name);
    const start = channel.last ? { after: channel.last } : this.wanted.get(name);
    this.send({ cmd: 'subscribe', id, channel: name, ...start });
  }

  failed(frame) {
    // A subscription may also be refused later, when its command was answered long ago.
    const later = frame.code === 'not_found' ? undefined : frame.channel;
    const name = this.commands.get(frame.id) || later;
    this.commands.delete(frame.id);
    const channel = this.channels.get(name);
    if (!channel || frame.code === 'already_exists') return;
    channel.error = `${frame.code || 'error'}: ${frame.message || ''}`;
    channel.phase = 'refused';
    this.settled(name);
    if (frame.retry !== true) return;
    const socket = this.socket;
    setTimeout(() => {
      if (this.socket === socket && this.ready && this.wanted.has(name)) this.sendSubscribe(name);
    }, RETRY_SUBSCRIBE_MS);
  }

  // The server goes down soon and spreads its clients over the time until then.
  drain(frame) {
    const socket = this.socket;
    const ms = Math.min(Math.max(Number(frame.after_ms) || 0, 0), HINT_LAST_MS);
    setTimeout(() => {
      if (this.socket !== socket || !socket) return;
      this.drop();
      this.connect();
    }, ms);
  }

  settled(name) {
    if (this.awaited.delete(name) && this.awaited.size === 0) this.caughtUp();
  }

  caughtUp() {
    if (this.status.phase !== 'catching_up') return;
    this.setStatus('live');
    const now = this.totals();
    this.onCaughtUp({
      first: this.connects === 1,
      replayed: now.replayed - this.before.replayed,
      lost: now.lost - this.before.lost,
      gaps: now.gaps - this.before.gaps,
      duplicates: now.duplicates - this.before.duplicates,
    });
  }

  totals() {
    const sum = { ...this.forgotten };
    for (const channel of this.channels.values()) addCounts(sum, channel);
    return sum;
  }

  send(command) {
    if (this.socket && this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(command));
  }

  forgetOldChannels() {
    for (const name of this.channels.keys()) {
      if (this.channels.size <= CHANNELS) return;
      if (this.wanted.has(name)) continue;
      addCounts(this.forgotten, this.channels.get(name));
      this.channels.delete(name);
    }
  }
}

function parseObject(text) {
  if (typeof text !== 'string' || !text) return null;
  try {
    const value = JSON.parse(text);
    return value && typeof value === 'object' && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
