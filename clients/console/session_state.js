// One session, made of its events. No DOM here.

import { clip, instant, number, text } from './format.js';

const TASKS = 32;
const SPEECH_CHARS = 1200; // of the newest message, its end
const AGENTS = 8;
const LINES = 4; // of what it did last

const FINISHED = new Set(['completed', 'complete', 'succeeded', 'success', 'done', 'finished', 'passed', 'failed',
  'error', 'aborted', 'cancelled', 'canceled', 'stopped', 'timed_out']);
const TONES = {
  ok: ['completed', 'complete', 'succeeded', 'success', 'done', 'finished', 'passed'],
  bad: ['failed', 'error', 'aborted', 'timed_out'],
  wait: ['waiting', 'paused', 'blocked', 'interrupted', 'waiting_for_input'],
  idle: ['', 'queued', 'pending', 'created', 'scheduled', 'cancelled', 'canceled', 'stopped'],
};

export function newSession(id, at) {
  return {
    id, status: '', tone: 'idle', progress: null, message: '', statusKey: '', finished: false,
    firstAt: at, updatedAt: at, agents: new Set(), tasks: new Map(), tasksDone: 0, tasksFailed: 0,
    speech: null, speechAt: 0, tool: '', lines: [], lineCount: 0, lineAt: 0, question: null, artifacts: 0,
    tests: { passed: 0, failed: 0, skipped: 0, error: 0 }, tokens: 0, costUsd: 0,
  };
}

function toneOf(status) {
  const word = status.toLowerCase();
  for (const tone of Object.keys(TONES)) {
    if (TONES[tone].includes(word)) return tone;
  }
  return 'run';
}

export function applyToSession(session, event, data, at) {
  session.updatedAt = Math.max(session.updatedAt, at);
  const agent = clip(text(event.agent), 128);
  if (agent && session.agents.size < AGENTS) session.agents.add(agent);
  const handler = HANDLERS[event.type];
  if (handler) handler(session, data, event);
  const said = LINE_OF[event.type];
  if (said) addLine(session, said(data), at);
  else if (event.type.startsWith('message_')) session.speechAt = at;
}

function addLine(session, [kind, line], at) {
  if (!line) return;
  session.lineAt = at;
  session.lineCount += 1;
  session.lines.push({ n: session.lineCount, mark: kind, text: clip(line, 200) });
  if (session.lines.length > LINES) session.lines.shift();
}

// What a reader of a session is told in a line: a mark that says its kind, and the text.
const LINE_OF = Object.assign(Object.create(null), {
  test_result: (data) => [mark(text(data.outcome ?? data.status)), text(data.name)],
  log_line: (data) => ['log', text(data.text)],
  tool_call_start: (data) => ['tool', text(data.name)],
  task_started: (data) => ['task', text(data.name) || text(data.task_id)],
  task_failed: (data) => ['bad', text(data.message) || text(data.error) || text(data.task_id)],
  artifact_added: (data) => ['file', text(data.name) || text(data.path)],
  comment: (data) => ['said', `${text(data.author)}: ${text(data.text)}`],
});

function mark(outcome) {
  const word = outcome.replace('OUTCOME_', '').toLowerCase();
  if (word === 'passed') return 'ok';
  return word === 'failed' || word === 'error' ? 'bad' : 'skip';
}

const HANDLERS = Object.assign(Object.create(null), {
  session_status_changed(session, data, event) {
    // Two channels bring it, each in its own order: an older one never overwrites a newer one.
    const key = instant(text(event.accepted_at) || text(event.timestamp));
    if (key < session.statusKey) return;
    session.statusKey = key;
    session.status = clip(text(data.status), 60);
    session.tone = toneOf(session.status);
    session.finished = FINISHED.has(session.status.toLowerCase());
    const progress = number(data.progress);
    if (progress !== null) session.progress = Math.min(100, Math.max(0, progress));
    session.message = clip(text(data.message), 500);
  },

  task_started(session, data) {
    touchTask(session, data).name = clip(text(data.name) || text(data.task_id), 120);
  },

  task_progress(session, data) {
    const task = touchTask(session, data);
    const done = number(data.steps_done);
    const all = number(data.steps_total);
    const progress = number(data.progress) ?? (done !== null && all > 0 ? (100 * done) / all : null);
    if (progress !== null) task.progress = Math.min(100, Math.max(0, progress));
    task.message = clip(text(data.message), 200) || task.message;
  },

  task_completed(session, data) {
    session.tasks.delete(text(data.task_id));
    session.tasksDone += 1;
  },

  task_failed(session, data) {
    session.tasks.delete(text(data.task_id));
    if (data.will_retry !== true) session.tasksFailed += 1;
  },

  message_start(session, data) {
    session.speech = { id: text(data.message_id), role: clip(text(data.role), 24) || 'assistant', text: '', open: true };
  },

  message_delta(session, data) {
    const id = text(data.message_id);
    if (!session.speech || session.speech.id !== id) {
      session.speech = { id, role: 'assistant', text: '', open: true };
    }
    session.speech.text = (session.speech.text + text(data.delta)).slice(-SPEECH_CHARS);
  },

  message_end(session, data) {
    if (session.speech && session.speech.id === text(data.message_id)) session.speech.open = false;
  },

  tool_call_start(session, data) {
    session.tool = clip(text(data.name), 80);
  },

  tool_call_result(session) {
    session.tool = '';
  },

  interrupt_requested(session, data) {
    session.question = { id: text(data.interrupt_id), reason: clip(text(data.reason), 200) };
  },

  interrupt_resolved(session, data) {
    if (session.question && session.question.id === text(data.interrupt_id)) session.question = null;
  },

  artifact_added(session) {
    session.artifacts += 1;
  },

  usage(session, data) {
    session.tokens += (number(data.input_tokens) || 0) + (number(data.output_tokens) || 0);
    session.costUsd += number(data.cost_usd) || 0;
  },
});

function touchTask(session, data) {
  const id = text(data.task_id);
  let task = session.tasks.get(id);
  if (!task) {
    task = { id, name: clip(text(data.name) || id, 120), progress: null, message: '' };
    session.tasks.set(id, task);
    if (session.tasks.size > TASKS) session.tasks.delete(session.tasks.keys().next().value);
  }
  return task;
}
