// What the console knows, made of events. Every collection is bounded; the oldest goes. No DOM here.
//
// An event may come on two channels (a session's status comes on the global one as well): it counts once.

import { Rate } from './rate.js';
import { applyToSession, newSession } from './session_state.js';
import { clip, isObject, number, text } from './format.js';

const SESSIONS = 200;
const AGENTS = 100;
const TESTS = 200;
const NOTICES = 100;
const SERIES = 60;
const POINTS = 90;
const FRAMES = 1000;
const FRAME_CHARS = 16_384;
const PEOPLE = 24;
const COMMENTS = 40;
const SEEN = 4096;
const RATE_SECONDS = 60;
const AGENT_RATE_SECONDS = 5;

export class State {
  constructor() {
    this.sessions = new Map();
    this.agents = new Map();
    this.tests = [];
    this.testTotals = { passed: 0, failed: 0, skipped: 0, error: 0 };
    this.notices = [];
    this.series = new Map();
    this.people = new Map();
    this.comments = [];
    this.frames = [];
    this.frameCount = 0;
    this.rate = new Rate(RATE_SECONDS);
    this.seen = new Map(); // fingerprint → channel
    this.changed = new Set(); // names of the parts that views must draw anew
  }

  addFrame(frame, raw) {
    this.frameCount += 1;
    this.frames.push({
      n: this.frameCount,
      at: Date.now(),
      type: frame.type,
      channel: text(frame.channel),
      id: text(frame.position) || text(frame.id),
      agent: text(frame.agent),
      size: raw.length,
      raw: raw.length > FRAME_CHARS ? raw.slice(0, FRAME_CHARS) : raw,
      data: summary(frame),
    });
    if (this.frames.length > FRAMES) this.frames.shift();
    this.changed.add('frames');
  }

  // `replayed`: it is news of the past, so it says nothing about what goes on now.
  addEvent(event, raw, channel, replayed) {
    this.addFrame(event, raw);
    if (!replayed) this.rate.count(Date.now());
    if (this.cameBefore(event, raw, channel.name)) return;
    const now = Date.now();
    const happened = Date.parse(text(event.timestamp));
    const at = replayed && happened ? Math.min(happened, now) : now;
    const data = isObject(event.data) ? event.data : {};
    const session = this.touchSession(event, at);
    this.touchAgent(event, at, replayed);
    if (session) applyToSession(session, event, data, at);
    const handler = HANDLERS[event.type];
    if (handler) handler(this, event, data, at);
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

const OUTCOMES = { passed: 'passed', failed: 'failed', skipped: 'skipped', error: 'error' };
const SEVERITIES = { info: 'info', success: 'success', warning: 'warning', error: 'error' };

// OUTCOME_PASSED as the contract has it, "passed" as plain JSON may.
function enumName(value, prefix, table, otherwise) {
  const name = text(value).replace(prefix, '').toLowerCase();
  return Object.hasOwn(table, name) ? name : otherwise;
}

const HANDLERS = Object.assign(Object.create(null), {
  test_result(state, event, data, at) {
    const outcome = enumName(data.outcome ?? data.status, 'OUTCOME_', OUTCOMES, '');
    if (!outcome) return;
    state.testTotals[outcome] += 1;
    const session = state.sessions.get(text(event.session_id));
    if (session) session.tests[outcome] += 1;
    push(state.tests, TESTS, {
      n: total(state.testTotals), at, outcome,
      name: clip(text(data.name), 300), suite: clip(text(data.suite), 200),
      durationMs: number(data.duration_ms), message: clip(text(data.message), 500),
      session: text(event.session_id),
    });
    state.changed.add('tests');
  },

  notification(state, event, data, at) {
    addNotice(state, event, at, {
      severity: enumName(data.severity, 'SEVERITY_', SEVERITIES, 'info'),
      title: clip(text(data.title), 200), body: clip(text(data.body), 1000), url: text(data.url),
    });
  },

  interrupt_requested(state, event, data, at) {
    const options = Array.isArray(data.options) ? data.options.slice(0, 8).map(text).join(' · ') : '';
    addNotice(state, event, at, {
      severity: 'question', title: clip(text(data.reason), 200), body: clip(options, 300), url: '',
    });
  },

  metric(state, event, data, at) {
    const value = number(data.value);
    if (value === null) return;
    const labels = isObject(data.labels)
      ? Object.entries(data.labels).slice(0, 16).map(([k, v]) => `${k}=${text(v)}`).sort().join(' ') : '';
    const name = clip(text(data.name), 120);
    const owner = clip(text(event.session_id) || text(event.agent), 128);
    const key = `${name}\n${labels}\n${owner}`;
    let series = state.series.get(key);
    if (!series) {
      series = { key, name, labels: clip(labels, 200), owner, unit: '', points: [], updates: 0, lastAt: at };
      state.series.set(key, series);
      if (state.series.size > SERIES) dropOldest(state.series, (item) => item.lastAt);
    }
    series.unit = clip(text(data.unit), 16);
    series.lastAt = at;
    series.updates += 1;
    push(series.points, POINTS, value);
    state.changed.add('metrics');
  },

  state_snapshot(state, event, data) {
    const agent = state.agents.get(text(event.agent));
    const snapshot = isObject(data.snapshot) ? data.snapshot : data;
    if (agent) agent.state = clip(text(snapshot.state) || text(snapshot.status), 40);
  },

  cursor_moved(state, event, data, at) {
    const person = touchPerson(state, data.user, at);
    if (!person) return;
    person.target = clip(text(data.target), 120) || person.target;
    person.x = number(data.x);
    person.y = number(data.y);
  },

  typing(state, event, data, at) {
    const person = touchPerson(state, data.user, at);
    if (!person) return;
    person.target = clip(text(data.target), 120) || person.target;
    person.typingUntil = data.active === true ? at + 8000 : 0;
  },

  comment(state, event, data, at) {
    const person = touchPerson(state, data.author, at);
    if (person) {
      person.typingUntil = 0;
      person.target = clip(text(data.target), 120) || person.target;
    }
    push(state.comments, COMMENTS, {
      n: state.frameCount, at, author: clip(text(data.author), 80), text: clip(text(data.text), 1000),
      target: clip(text(data.target), 120), answer: Boolean(text(data.in_reply_to)),
    });
    state.changed.add('people');
  },
});

function addNotice(state, event, at, notice) {
  push(state.notices, NOTICES, {
    n: state.frameCount, at, session: text(event.session_id), agent: text(event.agent), ...notice,
  });
  state.changed.add('notices');
}

function touchPerson(state, user, at) {
  const name = clip(text(user), 80);
  if (!name) return null;
  let person = state.people.get(name);
  if (!person) {
    person = { name, target: '', x: null, y: null, typingUntil: 0, lastAt: at };
    state.people.set(name, person);
    if (state.people.size > PEOPLE) dropOldest(state.people, (item) => item.lastAt);
  }
  person.lastAt = at;
  state.changed.add('people');
  return person;
}

// One line for the list of frames: the data's own text, control frames without their type.
function summary(frame) {
  const { type, timestamp, session_id: session, channel, id, agent, data, ...rest } = frame;
  return clip(JSON.stringify(data === undefined ? rest : data), 400);
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

function push(list, bound, item) {
  list.push(item);
  if (list.length > bound) list.shift();
}

function dropOldest(map, time) {
  let oldest;
  for (const [key, item] of map) {
    if (oldest === undefined || time(item) < time(map.get(oldest))) oldest = key;
  }
  map.delete(oldest);
}

function rank(session) {
  return session.updatedAt + (session.finished ? 0 : 1e15);
}

export function total(counts) {
  return counts.passed + counts.failed + counts.skipped + counts.error;
}
