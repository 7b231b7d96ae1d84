// The frames as they came, the newest first, and one of them whole. Who has scrolled down or chosen a frame reads: the list
// then keeps what he sees; "Pause" stops it altogether.

import { copyText } from './copy.js';
import { byId, el, setData, setText, show } from './dom.js';
import { clip, clock, count, short } from './format.js';
import { Ring } from './ring.js';
import { VirtualList } from './virtual_list.js';

const KEPT = 5000; // as many as the state has
const DRAW_EVERY_MS = 200; // faster than that nobody reads
const SUMMARY_CHARS = 240;
const HINT = 'Choose a frame to see it whole: click it, or go there with the arrow keys.';

export class FrameView {
  constructor(state) {
    this.state = state;
    this.filter = null; // RegExp
    this.fitting = new Ring(KEPT);
    this.seenTo = 0; // number of the newest frame that was looked at
    this.pausedAt = 0; // that of the newest when the list was paused; 0: it goes on
    this.chosen = null;
    this.drawnAt = 0;
    this.box = byId('frame-list');
    this.list = new VirtualList(this.box, {
      rowHeight: () => (matchMedia('(max-width: 720px)').matches ? 44 : 26),
      key: (frame) => frame.n, make: () => new FrameRow(this),
    });
    byId('frame-filter').addEventListener('input', (event) => this.setFilter(event.target.value));
    byId('frame-pause').addEventListener('click', () => this.setPaused(this.pausedAt === 0));
    byId('frame-copy').addEventListener('click', () => this.copy());
    this.box.addEventListener('keydown', (event) => this.key(event));
  }

  // Shows the frames that have `word` in them.
  find(word) {
    byId('frame-filter').value = word;
    this.setFilter(word);
    byId('frames').scrollIntoView({ block: 'start' });
    byId('frame-filter').focus({ preventScroll: true });
  }

  setFilter(value) {
    const word = value.trim().replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    this.filter = word ? new RegExp(word, 'i') : null;
    this.restart();
  }

  setPaused(paused) {
    this.pausedAt = paused ? Math.max(1, this.seenTo) : 0;
    const button = byId('frame-pause');
    button.setAttribute('aria-pressed', String(paused));
    if (!paused) {
      this.list.toTop();
      this.restart();
    }
    this.stale = true;
  }

  restart() {
    this.fitting = new Ring(KEPT);
    this.seenTo = 0;
    this.stale = true;
  }

  draw(now) {
    if (!this.stale && now - this.drawnAt < DRAW_EVERY_MS) return;
    this.stale = false;
    this.drawnAt = now;
    this.take();
    const { fitting } = this;
    this.list.draw(fitting.length, (index) => fitting.newest(index), now);
    this.point();
    show(byId('frames-empty'), fitting.length === 0);
    setText(byId('frames-empty-text'), this.filter ? 'No frame fits the filter.' : 'No frame yet.');
    const { frameCount } = this.state;
    const since = frameCount - this.pausedAt;
    setText(byId('frames-note'), this.pausedAt ? `Paused, ${count(since)} more since` : `${count(frameCount)} so far`);
  }

  // Those that are new and fit. When paused only what was there then, for a filter that was changed.
  take() {
    const { frames, frameCount } = this.state;
    const to = this.pausedAt || frameCount;
    for (let index = Math.min(frames.length, frameCount - this.seenTo) - 1; index >= 0; index -= 1) {
      const frame = frames.newest(index);
      if (frame.n > to) break;
      if (!this.filter || this.filter.test(frame.raw)) this.fitting.push(frame);
    }
    this.seenTo = Math.max(this.seenTo, to);
  }

  choose(index) {
    const frame = this.fitting.newest(index);
    if (!frame) return;
    this.chosen = frame;
    this.chosenIndex = index;
    this.list.reveal(index);
    const cut = frame.raw.length < frame.size;
    setText(byId('inspector-title'), `${frame.type}  ${frame.id}`);
    setText(byId('frame-body'), cut
      ? `${frame.raw}\n\nThe first ${short(frame.raw.length)} of ${short(frame.size)} characters.`
      : JSON.stringify(JSON.parse(frame.raw), null, 2));
    byId('frame-body').scrollTop = 0;
    byId('frame-copy').disabled = false;
    this.list.redraw();
    this.point();
  }

  // Tells screen readers which row shows the chosen frame: rows are used again for others.
  point() {
    const row = this.list.rows.find((one) => one.index >= 0 && one.made.frame === this.chosen);
    if (row && this.chosen) this.box.setAttribute('aria-activedescendant', row.node.id);
    else this.box.removeAttribute('aria-activedescendant');
  }

  clear() {
    this.chosen = null;
    this.point();
    setText(byId('inspector-title'), 'No frame chosen');
    setText(byId('frame-body'), HINT);
    byId('frame-copy').disabled = true;
    this.list.redraw();
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.list.height / this.list.high) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key === 'Escape') this.clear();
    if (!Object.hasOwn(steps, event.key)) return;
    event.preventDefault();
    this.choose(Math.min(Math.max(0, this.indexOfChosen() + steps[event.key]), this.fitting.length - 1));
  }

  indexOfChosen() {
    if (!this.chosen) return -1;
    for (let index = this.chosenIndex; index < this.fitting.length; index += 1) {
      if (this.fitting.newest(index) === this.chosen) return index;
    }
    return -1;
  }

  async copy() {
    const button = byId('frame-copy');
    setText(button, (await copyText(this.chosen.raw)) ? 'Copied' : 'Not copied');
    setTimeout(() => setText(button, 'Copy'), 1500);
  }
}

let made = 0;

class FrameRow {
  constructor(view) {
    this.view = view;
    this.cells = ['at mono', 'kind', 'where mono', 'id mono', 'what mono'].map((name) => el('span', name));
    this.node = el('div', 'row frame', this.cells);
    this.node.id = `frame-row-${(made += 1)}`;
    this.node.setAttribute('role', 'option');
    this.node.addEventListener('click', () => view.choose(this.index));
  }

  update(frame, index) {
    this.index = index;
    const chosen = String(frame === this.view.chosen);
    if (this.node.getAttribute('aria-selected') !== chosen) this.node.setAttribute('aria-selected', chosen);
    if (this.frame === frame) return;
    this.frame = frame;
    const texts = [clock(frame.at, true), frame.type, frame.channel.replace(/^[^:]*:/, ''),
      frame.id.replace(/^\d+(\d{4}-)/, '…$1'), summary(frame.raw)];
    this.cells.forEach((cell, i) => setText(cell, texts[i]));
    setData(this.node, 'kind', frame.type.startsWith('$') ? frame.type : 'event');
  }
}

// One line: the event's data as it came; of a control frame what follows its type.
function summary(raw) {
  const data = raw.indexOf('"data":');
  const from = data >= 0 ? data + 7 : raw.indexOf(',') + 1;
  return clip(raw.slice(from, from + SUMMARY_CHARS + 1), SUMMARY_CHARS);
}
