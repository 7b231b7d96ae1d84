// Test results: how many of each, and all of the newest, in a list of which only the part in sight exists.

import { byId, el, setData, setText, setTitle, show } from './dom.js';
import { count, duration, newest } from './format.js';
import { total } from './payloads.js';
import { VirtualList } from './virtual_list.js';

const ROW_PX = 54;
const MARKS = { passed: '✓', failed: '✕', skipped: '–', error: '!' };

export class TestView {
  constructor(state) {
    this.state = state;
    this.failuresOnly = false;
    this.list = new VirtualList(byId('test-list'), {
      rowHeight: () => ROW_PX, key: (test) => test.n, make: () => new TestRow(),
    });
    this.parts = document.querySelectorAll('#tests .split rect');
    const button = byId('tests-failed');
    button.addEventListener('click', () => {
      this.failuresOnly = !this.failuresOnly;
      button.setAttribute('aria-pressed', String(this.failuresOnly));
      this.list.toTop();
      this.stale = true;
    });
  }

  draw(now) {
    const { passed, failed, skipped, error } = this.state.testTotals;
    const all = total(this.state.testTotals);
    if (!this.stale && all === this.drawn) return; // a result never changes
    this.stale = false;
    this.drawn = all;
    byId('tests-failed').disabled = all === 0;
    let x = 0;
    [passed, failed + error, skipped].forEach((n, i) => {
      const width = all > 0 ? (100 * n) / all : 0;
      this.parts[i].setAttribute('x', x.toFixed(2));
      this.parts[i].setAttribute('width', width.toFixed(2));
      x += width;
    });
    setText(byId('tests-passed'), `${count(passed)} passed`);
    setText(byId('tests-bad'), `${count(failed + error)} failed`);
    setText(byId('tests-skipped'), `${count(skipped)} skipped`);
    for (const [id, n] of [['tests-passed', passed], ['tests-bad', failed + error]]) setData(byId(id), 'none', String(n === 0));
    const fits = (test) => !this.failuresOnly || test.outcome === 'failed' || test.outcome === 'error';
    const tests = newest(this.state.tests.toArray().filter(fits));
    show(byId('tests-empty'), tests.length === 0);
    show(byId('test-list'), tests.length > 0);
    this.list.draw(tests.length, (index) => tests[index], now);
  }
}

class TestRow {
  constructor() {
    this.mark = el('span', 'mark');
    this.mark.setAttribute('aria-hidden', 'true');
    this.outcome = el('span', 'unseen');
    this.name = el('span', 'name');
    this.where = el('span', 'sub');
    this.took = el('span', 'num sub');
    this.node = el('div', 'row test', [this.mark, this.outcome, el('div', 'grow', [this.name, this.where]), this.took]);
    this.node.setAttribute('role', 'listitem');
  }

  update(test) {
    if (this.test === test) return;
    this.test = test;
    setData(this.node, 'outcome', test.outcome);
    setText(this.mark, MARKS[test.outcome]);
    setText(this.outcome, test.outcome);
    setText(this.name, test.name || 'unnamed');
    setText(this.where, test.message || [test.suite, test.session].filter(Boolean).join(' · '));
    setData(this.where, 'bad', String(test.message !== '' && test.outcome !== 'passed' && test.outcome !== 'skipped'));
    setText(this.took, duration(test.durationMs));
    setTitle(this.node, [test.name, test.suite, test.session, test.message].filter(Boolean).join('\n'));
  }
}
