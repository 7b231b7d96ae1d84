// Test results: how many of each, and the newest.

import { KeyedList, byId, el, setData, setText, setTitle, show } from './dom.js';
import { count, duration, newest } from './format.js';
import { total } from './state.js';

const SHOWN = 40;
const MARKS = { passed: '✓', failed: '✕', skipped: '–', error: '!' };

export class TestView {
  constructor(state) {
    this.state = state;
    this.failuresOnly = false;
    this.list = new KeyedList(byId('test-list'), (test) => test.n, (test) => new TestRow(test));
    this.parts = document.querySelectorAll('#tests-totals rect');
    const button = byId('tests-failed');
    button.addEventListener('click', () => {
      this.failuresOnly = !this.failuresOnly;
      button.setAttribute('aria-pressed', String(this.failuresOnly));
      this.stale = true;
    });
  }

  draw() {
    this.stale = false;
    const { passed, failed, skipped, error } = this.state.testTotals;
    const all = total(this.state.testTotals);
    show(byId('tests-totals'), all > 0);
    show(byId('tests-empty'), all === 0);
    show(byId('test-list'), all > 0);
    show(byId('tests-failed'), all > 0);
    if (all === 0) return;
    let x = 0;
    [passed, failed + error, skipped].forEach((n, i) => {
      const width = (100 * n) / all;
      this.parts[i].setAttribute('x', x.toFixed(2));
      this.parts[i].setAttribute('width', width.toFixed(2));
      x += width;
    });
    setText(byId('tests-passed'), `${count(passed)} passed`);
    setText(byId('tests-bad'), `${count(failed + error)} failed`);
    setText(byId('tests-skipped'), `${count(skipped)} skipped`);
    const fits = (test) => !this.failuresOnly || test.outcome === 'failed' || test.outcome === 'error';
    this.list.draw(newest(this.state.tests.filter(fits), SHOWN));
  }
}

class TestRow {
  constructor(test) {
    const mark = el('span', 'mark', MARKS[test.outcome]);
    mark.setAttribute('aria-hidden', 'true');
    const name = el('span', 'name', test.name || 'unnamed');
    const where = [test.suite, test.session].filter(Boolean).join(' · ');
    const lines = [name, el('span', 'sub', where)];
    if (test.message) lines.push(el('span', 'failure mono', test.message));
    this.node = el('li', 'test', [
      mark, el('span', 'unseen', test.outcome), el('div', 'grow', lines), el('span', 'num sub', duration(test.durationMs)),
    ]);
    setData(this.node, 'outcome', test.outcome);
    setTitle(this.node, test.message);
  }

  update() {} // a result never changes
}
