// Sessions at work as cards, in the order they began, so that a card does not jump under the reader's eyes; finished ones
// as lines, the newest first.

import { KeyedList, byId, el, setData, setText, setTitle, show } from './dom.js';
import { age, count, short } from './format.js';
import { total } from './state.js';

const WORKING_SHOWN = 12;
const FINISHED_SHOWN = 6;
const TASKS_SHOWN = 2;
const SPEECH_SHOWN = 280;

export class SessionView {
  // onPick(id): the user wants to see the session's frames.
  constructor(state, onPick) {
    this.state = state;
    this.all = false;
    const key = (session) => session.id;
    this.working = new KeyedList(byId('session-list'), key, (session) => new Card(session, onPick));
    this.finished = new KeyedList(byId('finished-list'), key, (session) => new FinishedLine(session, onPick));
    byId('sessions-more').addEventListener('click', () => {
      this.all = !this.all;
      this.stale = true;
    });
  }

  draw(now) {
    this.stale = false;
    const sessions = [...this.state.sessions.values()];
    const working = sessions.filter((session) => !session.finished)
      .sort((a, b) => a.firstAt - b.firstAt || (a.id < b.id ? -1 : 1));
    const finished = sessions.filter((session) => session.finished).sort((a, b) => b.updatedAt - a.updatedAt);
    this.working.draw(this.all ? working : working.slice(0, WORKING_SHOWN), now);
    this.finished.draw(this.all ? finished : finished.slice(0, FINISHED_SHOWN), now);
    setText(byId('sessions-note'), sessions.length
      ? `${count(working.length)} at work, ${count(finished.length)} finished` : '');
    show(byId('sessions-empty'), sessions.length === 0);
    show(byId('sessions-more'), working.length > WORKING_SHOWN || finished.length > FINISHED_SHOWN);
    setText(byId('sessions-more'), this.all ? 'Show fewer' : `Show all ${count(sessions.length)}`);
  }
}

function nameButton(id, onPick) {
  const button = el('button', 'name mono', id);
  button.type = 'button';
  button.title = `Show the frames of ${id}`;
  button.addEventListener('click', () => onPick(id));
  return button;
}

class Card {
  constructor(session, onPick) {
    this.badge = el('span', 'badge');
    this.age = el('span', 'age');
    this.message = el('p', 'message');
    this.fill = el('span', 'fill');
    this.bar = el('div', 'progress', [this.fill]);
    this.bar.setAttribute('role', 'progressbar');
    this.bar.setAttribute('aria-valuemin', '0');
    this.bar.setAttribute('aria-valuemax', '100');
    this.bar.setAttribute('aria-label', `Progress of ${session.id}`);
    this.percent = el('span', 'percent');
    this.progress = el('div', 'progress-line', [this.bar, this.percent]);
    this.question = el('p', 'question');
    this.tasks = el('ul', 'tasks');
    this.taskList = new KeyedList(this.tasks, (task) => task.id, () => new TaskLine());
    this.role = el('span', 'role');
    this.said = el('span', 'said');
    this.speech = el('div', 'speech', [this.role, el('p', 'tail', [this.said])]);
    this.facts = el('p', 'facts');
    this.node = el('li', 'card', [
      el('div', 'card-head', [nameButton(session.id, onPick), this.badge, this.age]),
      this.message, this.progress, this.question, this.tasks, this.speech, this.facts,
    ]);
  }

  update(session, now) {
    setData(this.node, 'tone', session.tone);
    setText(this.badge, session.status || 'new');
    setText(this.age, age(now - session.updatedAt));
    setText(this.message, session.message || session.log || '\u00a0');
    setTitle(this.message, session.message);
    this.drawProgress(session);
    show(this.question, session.question !== null);
    if (session.question) setText(this.question, `Waits for an answer: ${session.question.reason}`);
    const tasks = [...session.tasks.values()].slice(-TASKS_SHOWN);
    show(this.tasks, tasks.length > 0);
    this.taskList.draw(tasks, now);
    this.drawSpeech(session.speech);
    setText(this.facts, facts(session));
  }

  drawProgress(session) {
    const known = session.progress !== null;
    const scale = `scaleX(${known ? session.progress / 100 : 0})`;
    if (this.fill.style.transform !== scale) this.fill.style.transform = scale;
    if (known) this.bar.setAttribute('aria-valuenow', String(Math.round(session.progress)));
    else this.bar.removeAttribute('aria-valuenow');
    setText(this.percent, known ? `${Math.round(session.progress)} %` : '');
  }

  drawSpeech(speech) {
    const visible = Boolean(speech && speech.text);
    show(this.speech, visible);
    if (!visible) return;
    const end = speech.text.slice(-SPEECH_SHOWN);
    setText(this.role, speech.role);
    setText(this.said, end.length < speech.text.length ? `…${end}` : end);
    setData(this.speech, 'open', String(speech.open));
  }
}

class FinishedLine {
  constructor(session, onPick) {
    this.badge = el('span', 'badge');
    this.message = el('span', 'message');
    this.facts = el('span', 'facts');
    this.age = el('span', 'age');
    this.node = el('li', 'finished', [
      el('span', 'who', [nameButton(session.id, onPick), this.badge]), this.message, this.facts, this.age,
    ]);
  }

  update(session, now) {
    setData(this.node, 'tone', session.tone);
    setText(this.badge, session.status);
    setText(this.message, session.message);
    setTitle(this.message, session.message);
    setText(this.facts, facts(session));
    setText(this.age, age(now - session.updatedAt));
  }
}

function facts(session) {
  const parts = [];
  const tests = total(session.tests);
  const bad = session.tests.failed + session.tests.error;
  if (session.agents.size) parts.push([...session.agents].slice(0, 3).join(', '));
  if (session.tool && !session.finished) parts.push(`calls ${session.tool}`);
  if (session.tasksDone) parts.push(`${count(session.tasksDone)} ${session.tasksDone === 1 ? 'task' : 'tasks'} done`);
  if (session.tasksFailed) parts.push(`${count(session.tasksFailed)} failed`);
  if (tests) parts.push(bad ? `${count(tests)} tests, ${count(bad)} failed` : `${count(tests)} tests`);
  if (session.artifacts) parts.push(`${count(session.artifacts)} ${session.artifacts === 1 ? 'file' : 'files'}`);
  if (session.tokens) parts.push(`${short(session.tokens)} tokens`);
  if (session.costUsd) parts.push(`$${session.costUsd.toFixed(2)}`);
  return parts.join('  ·  ');
}

class TaskLine {
  constructor() {
    this.name = el('span', 'task-name');
    this.percent = el('span', 'percent');
    this.node = el('li', '', [this.name, this.percent]);
  }

  update(task) {
    const named = task.message.startsWith(task.name);
    setText(this.name, named ? task.message : [task.name, task.message].filter(Boolean).join(': '));
    setText(this.percent, task.progress === null ? '' : `${Math.round(task.progress)} %`);
  }
}
