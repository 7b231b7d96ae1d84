// What the console knows, made of events. Every collection is bounded; the oldest goes. No DOM here.
//
// An event may come on two channels (a session's status comes on the global one as well): it counts once.

import { Latency, Rate } from './rate.js';
import { Ring } from './ring.js';
import { PAYLOADS, dropOldest } from './payloads.js';
import { applyToSession, newSession } from './session_state.js';
import { clip, isObject, text } from './format.js';

const SESSIONS = 200;
const AGENTS = 100;
const TESTS = 2000;
const NOTICES = 500;
const FRAMES = 5000;
const FRAME_CHARS = 16_384; // of one
const FRAMES_CHARS = 8_000_000; // of all of them
const COMMENTS = 100;
const SEEN = 4096;
const RATE_SECONDS = 60;
const AGENT_RATE_SECONDS = 5;

export class State {
  constructor() {
    this.sessions = new Map();
    this.agents = new Map();
    this.tests = new Ring(TESTS);
    this.testTotals = { passed: 0, failed: 0, skipped: 0, error: 0 };
    this.notices = new Ring(NOTICES);
    this.series = new Map();
    this.people = new Map();
    this.comments = new Ring(COMMENTS);
    this.frames = new Ring(FRAMES);
    this.frameCount = 0;
    this.frameChars = 0;
    this.latency = new Latency();
    this.rate = new Rate(RATE_SECONDS);
    this.seen = new Map(); // fingerprint → channel
    this.changed = new Set(); // names of the parts that views must draw anew
  }

  addFrame(frame, raw) {
    this.frameCount += 1;
    const kept = raw.length > FRAME_CHARS ? raw.slice(0, FRAME_CHARS) : raw;
    const gone = this.frames.push({
      n: this.frameCount,
      at: Date.now(),
      type: frame.type,
      channel: text(frame.channel),
      id: text(frame.position) || text(frame.id),
      size: raw.length,
      raw: kept,
    });
    this.frameChars += kept.length - (gone ? gone.raw.length : 0);
    while (this.frameChars > FRAMES_CHARS) this.frameChars -= this.frames.shift().raw.length;
    this.changed.add('frames');
  }

  // `replayed`: it is news of the past, so it says nothing about what goes on now.
  addEvent(event, raw, channel, replayed) {
    this.addFrame(event, raw);
    if (!replayed) this.noteLive(event);
    if (this.cameBefore(event, raw, channel.name)) return;
    const now = Date.now();
    const happened = Date.parse(text(event.timestamp));
    const at = replayed && happened ? Math.min(happened, now) : now;
    const data = isObject(event.data) ? event.data : {};
    const session = this.touchSession(event, at);
    this.touchAgent(event, at, replayed);
    if (session) applyToSession(session, event, data, at);
    const payload = PAYLOADS[event.type];
    if (payload) payload(this, event, data, at);
  }

  noteLive(event) {
    const now = Date.now();
    this.rate.count(now);
    const accepted = Date.parse(text(event.accepted_at));
    if (accepted) this.latency.add(now - accepted);
  }

  touchSession(event, at) {
    const id = clip(text(event.session_id), 128);
    if (!id) return null;
    let session = this.sessions.get(id);
    if (!session) {
      session = newSession(id, at);
      this.sessions.set(id, session);
      if (this.sessions.size > SESSIONS) this.dropSession();
    }
    this.changed.add('sessions');
    return session;
  }

  dropSession() {
    let victim = null;
    for (const session of this.sessions.values()) {
      if (!victim || rank(session) < rank(victim)) victim = session;
    }
    this.sessions.delete(victim.id);
  }

  touchAgent(event, at, replayed) {
    const name = clip(text(event.agent), 128);
    if (!name) return;
    let agent = this.agents.get(name);
    if (!agent) {
      agent = { name, events: 0, lastAt: at, rate: new Rate(AGENT_RATE_SECONDS), session: '', doing: '', state: '' };
      this.agents.set(name, agent);
      if (this.agents.size > AGENTS) dropOldest(this.agents, (item) => item.lastAt);
    }
    agent.events += 1;
    agent.lastAt = Math.max(agent.lastAt, at);
    agent.session = clip(text(event.session_id), 128) || agent.session;
    agent.doing = event.type;
    if (!replayed) agent.rate.count(at);
    this.changed.add('agents');
  }

  // Whether another channel brought the same event. The fingerprint is of what stands before "channel" in the frame.
  cameBefore(event, raw, channel) {
    const end = raw.lastIndexOf(`,"channel":${JSON.stringify(channel)}`);
    const print = fingerprint(raw, end > 0 ? end : raw.length, text(event.accepted_at));
    const where = this.seen.get(print);
    if (where !== undefined) return where !== channel;
    this.seen.set(print, channel);
    if (this.seen.size > SEEN) this.seen.delete(this.seen.keys().next().value);
    return false;
  }
}

// FNV-1a, two lanes: enough to tell a few thousand frames apart.
function fingerprint(string, end, salt) {
  let a = 0x811c9dc5;
  let b = 0x1b873593;
  for (let i = 0; i < end; i += 1) {
    const code = string.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x85ebca6b);
  }
  return `${a}.${b}.${end}.${salt}`;
}

function rank(session) {
  return session.updatedAt + (session.finished ? 0 : 1e15);
}
