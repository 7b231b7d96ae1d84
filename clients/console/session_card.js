// The card of a session at work. Its height never changes, whatever the session does: what has no room gives way.

import { KeyedList, el, setData, setText, setTitle, show } from './dom.js';
import { count, age, short } from './format.js';
import { total } from './payloads.js';

const LINES_SHOWN = 3;
const SPEECH_SHOWN = 280;

export function nameButton(id, onPick) {
  const button = el('button', 'name mono', id);
  button.type = 'button';
  button.title = `Show the frames of ${id}`;
  button.addEventListener('click', () => onPick(id));
  return button;
}

export class Card {
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
    this.question = el('p', 'question');
    this.lines = el('ul', 'lines');
    this.lineList = new KeyedList(this.lines, (line) => line.key, () => new Line());
    this.role = el('span', 'role');
    this.said = el('span', 'said');
    this.speech = el('div', 'speech', [this.role, el('p', 'tail', [this.said])]);
    this.quiet = el('p', 'sub', 'Nothing said yet');
    this.facts = el('p', 'facts');
    this.node = el('li', 'card', [
      el('div', 'card-head', [nameButton(session.id, onPick), this.badge, this.age]),
      this.message, el('div', 'progress-line', [this.bar, this.percent]),
      el('div', 'card-body', [this.question, this.lines, this.speech, this.quiet]), this.facts,
    ]);
  }

  update(session, now) {
    setData(this.node, 'tone', session.tone);
    setText(this.badge, session.status || 'new');
    setText(this.age, age(now - session.updatedAt));
    setText(this.message, session.message || '\u00a0');
    setTitle(this.message, session.message);
    this.drawProgress(session);
    show(this.question, session.question !== null);
    if (session.question) setText(this.question, `Waits for an answer: ${session.question.reason}`);
    const speaks = Boolean(session.speech && session.speech.text) && session.speechAt >= session.lineAt;
    const lines = speaks ? [] : linesOf(session);
    show(this.speech, speaks);
    show(this.lines, lines.length > 0);
    show(this.quiet, !speaks && lines.length === 0 && !session.question);
    if (speaks) this.drawSpeech(session.speech);
    else this.lineList.draw(lines, now);
    setText(this.facts, facts(session) || '\u00a0');
  }

  drawProgress(session) {
    const known = session.progress !== null;
    const scale = `scaleX(${known ? session.progress / 100 : 0})`;
    if (this.fill.style.transform !== scale) this.fill.style.transform = scale;
    if (known) this.bar.setAttribute('aria-valuenow', String(Math.round(session.progress)));
    else this.bar.removeAttribute('aria-valuenow');
    setText(this.percent, known ? `${Math.round(session.progress)} %` : '–');
  }

  drawSpeech(speech) {
    const end = speech.text.slice(-SPEECH_SHOWN);
    setText(this.role, speech.role);
    setText(this.said, end.length < speech.text.length ? `…${end}` : end);
    setData(this.speech, 'open', String(speech.open));
  }
}

// Its tasks under way, then what it did last, the newest first.
function linesOf(session) {
  const tasks = [...session.tasks.values()].slice(-2).map((task) => {
    const named = task.message.startsWith(task.name);
    return { key: `task ${task.id}`, mark: 'task', progress: task.progress,
      text: named ? task.message : [task.name, task.message].filter(Boolean).join(': ') };
  });
  const done = session.lines.filter((line) => line.mark !== 'task').reverse();
  return [...tasks, ...done.map((line) => ({ key: line.n, progress: null, ...line }))].slice(0, LINES_SHOWN);
}

const MARKS = { ok: '✓', bad: '✕', skip: '–', tool: '→', log: '›', task: '•', file: '+', said: '“' };

class Line {
  constructor() {
    this.mark = el('span', 'line-mark');
    this.mark.setAttribute('aria-hidden', 'true');
    this.text = el('span', 'line-text');
    this.percent = el('span', 'percent');
    this.node = el('li', '', [this.mark, this.text, this.percent]);
  }

  update(line) {
    setData(this.node, 'mark', line.mark);
    setText(this.mark, MARKS[line.mark]);
    setText(this.text, line.text);
    setText(this.percent, line.progress === null ? '' : `${Math.round(line.progress)} %`);
  }
}

export function facts(session) {
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
