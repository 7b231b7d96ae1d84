// What each kind of payload changes in the state, but for the sessions' own part, which session_state.js has. No DOM here.

import { clip, isObject, number, text } from './format.js';
import { Ring } from './ring.js';

const SERIES = 60;
const POINTS = 180;
const PEOPLE = 24;

const OUTCOMES = { passed: 'passed', failed: 'failed', skipped: 'skipped', error: 'error' };
const SEVERITIES = { info: 'info', success: 'success', warning: 'warning', error: 'error' };

// OUTCOME_PASSED as the contract has it, "passed" as plain JSON may.
function enumName(value, prefix, table, otherwise) {
  const name = text(value).replace(prefix, '').toLowerCase();
  return Object.hasOwn(table, name) ? name : otherwise;
}

export const PAYLOADS = Object.assign(Object.create(null), {
  test_result(state, event, data, at) {
    const outcome = enumName(data.outcome ?? data.status, 'OUTCOME_', OUTCOMES, '');
    if (!outcome) return;
    state.testTotals[outcome] += 1;
    const session = state.sessions.get(text(event.session_id));
    if (session) session.tests[outcome] += 1;
    state.tests.push({
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
      series = { key, name, labels: clip(labels, 200), owner, unit: '', points: new Ring(POINTS), updates: 0, lastAt: at };
      state.series.set(key, series);
      if (state.series.size > SERIES) dropOldest(state.series, (item) => item.lastAt);
    }
    series.unit = clip(text(data.unit), 16);
    series.lastAt = at;
    series.updates += 1;
    series.points.push([at / 1000, value]);
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
    state.comments.push({
      n: state.frameCount, at, author: clip(text(data.author), 80), text: clip(text(data.text), 1000),
      target: clip(text(data.target), 120), answer: Boolean(text(data.in_reply_to)),
    });
    state.changed.add('people');
  },
});

function addNotice(state, event, at, notice) {
  state.notices.push({
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

export function dropOldest(map, time) {
  let oldest;
  for (const [key, item] of map) {
    if (oldest === undefined || time(item) < time(map.get(oldest))) oldest = key;
  }
  map.delete(oldest);
}

export function total(counts) {
  return counts.passed + counts.failed + counts.skipped + counts.error;
}
