// Sessions as cards: the ones at work first, in the order they began, so that a card does not jump under the reader's eyes.

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
    this.list = new KeyedList(byId('session-list'), (session) => session.id, (session) => new Card(session, onPick));
    byId('sessions-more').addEventListener('click', () => {
      this.all = !this.all;
      this.stale = true;
    });
  }

  draw(now) {
    this.stale = false;
    const sessions = [...this.state.sessions.values()].sort(byWorkThenAge);
    const working = sessions.filter((session) => !session.finished).length;
    const some = sessions.slice(0, Math.min(working, WORKING_SHOWN))
      .concat(sessions.slice(working, working + FINISHED_SHOWN));
    this.list.draw(this.all ? sessions : some, now);
    setText(byId('sessions-note'), sessions.length
      ? `${count(working)} at work, ${count(sessions.length - working)} finished` : '');
    show(byId('sessions-empty'), sessions.length === 0);
    show(byId('sessions-more'), sessions.length > some.length);
    setText(byId('sessions-more'), this.all ? 'Show fewer' : `Show all ${count(sessions.length)}`);
  }
}

function byWorkThenAge(a, b) {
  if (a.finished !== b.finished) return a.finished ? 1 : -1;
  if (a.finished) return b.updatedAt - a.updatedAt;
  return a.firstAt - b.firstAt || (a.id < b.id ? -1 : 1);
}

class Card {
  constructor(session, onPick) {
    this.name = el('button', 'name mono', session.id);
    this.name.type = 'button';
    this.name.title = `Show the frames of ${session.id}`;
    this.name.addEventListener('click', () => onPick(session.id));
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
      el('div', 'card-head', [this.name, this.badge, this.age]),
      this.message, this.progress, this.question, this.tasks, this.speech, this.facts,
    ]);
  }

  update(session, now) {
    setData(this.node, 'tone', session.tone);
    setData(this.node, 'finished', String(session.finished));
    setText(this.badge, session.status || 'new');
    setText(this.age, age(now - session.updatedAt));
    setText(this.message, session.message || session.log || '\u00a0');
    setTitle(this.message, session.message);
    this.drawProgress(session);
    show(this.question, session.question !== null && !session.finished);
    if (session.question) setText(this.question, `Waits for an answer: ${session.question.reason}`);
    const tasks = [...session.tasks.values()].slice(-TASKS_SHOWN);
    show(this.tasks, tasks.length > 0 && !session.finished);
    this.taskList.draw(tasks, now);
    this.drawSpeech(session.finished ? null : session.speech);
    this.drawFacts(session);
  }

  drawProgress(session) {
    const known = session.progress !== null;
    show(this.progress, !session.finished);
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

  drawFacts(session) {
    const facts = [];
    const tests = total(session.tests);
    const bad = session.tests.failed + session.tests.error;
    if (session.agents.size) facts.push([...session.agents].slice(0, 3).join(', '));
    if (session.tool && !session.finished) facts.push(`calls ${session.tool}`);
    if (session.tasksDone) facts.push(`${count(session.tasksDone)} ${session.tasksDone === 1 ? 'task' : 'tasks'} done`);
    if (session.tasksFailed) facts.push(`${count(session.tasksFailed)} failed`);
    if (tests) facts.push(bad ? `${count(tests)} tests, ${count(bad)} failed` : `${count(tests)} tests passed`);
    if (session.artifacts) facts.push(`${count(session.artifacts)} ${session.artifacts === 1 ? 'file' : 'files'}`);
    if (session.tokens) facts.push(`${short(session.tokens)} tokens`);
    if (session.costUsd) facts.push(`$${session.costUsd.toFixed(2)}`);
    setText(this.facts, facts.join('  ·  '));
  }
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
