// The frames as they came, the newest first. At most some hundred rows exist; a row's JSON is made when it is opened.

import { byId, el, setData, setText, show } from './dom.js';
import { clock, count, short } from './format.js';

const ROWS = 100;
const DRAW_EVERY_MS = 200; // faster than that nobody reads

export class FrameView {
  constructor(state) {
    this.state = state;
    this.list = byId('frame-list');
    this.filter = '';
    this.paused = false;
    this.drawnTo = 0; // number of the newest frame that was looked at
    this.pausedAt = 0;
    this.drawnAt = 0;
    this.inSight = false;
    new IntersectionObserver((entries) => {
      this.inSight = entries[entries.length - 1].isIntersecting;
      this.stale = true;
    }, { rootMargin: '300px' }).observe(byId('frames'));
    byId('frame-filter').addEventListener('input', (event) => this.setFilter(event.target.value));
    byId('frame-pause').addEventListener('click', () => this.setPaused(!this.paused));
  }

  // Shows the frames that have `word` in them.
  find(word) {
    byId('frame-filter').value = word;
    this.setFilter(word);
    byId('frames').scrollIntoView({ block: 'start' });
    byId('frame-filter').focus({ preventScroll: true });
  }

  setFilter(value) {
    this.filter = value.trim().toLowerCase();
    this.list.replaceChildren();
    this.drawnTo = 0;
    this.stale = true;
  }

  setPaused(paused) {
    this.paused = paused;
    this.pausedAt = this.drawnTo;
    const button = byId('frame-pause');
    button.setAttribute('aria-pressed', String(paused));
    setText(button, paused ? 'Go on' : 'Pause');
    this.stale = true;
  }

  draw(now) {
    if (!this.inSight) return;
    if (!this.stale && now - this.drawnAt < DRAW_EVERY_MS) return;
    this.stale = false;
    this.drawnAt = now;
    const { frames, frameCount } = this.state;
    const newest = this.paused ? this.pausedAt : frameCount;
    this.addRows(frames, newest);
    show(byId('frames-empty'), this.list.childElementCount === 0);
    setText(byId('frames-empty'), this.filter ? 'No frame fits the filter.' : 'No frame yet.');
    setText(byId('frames-note'), this.paused
      ? `Paused, ${count(frameCount - this.pausedAt)} more since` : `${count(frameCount)} so far`);
  }

  // From the newest down, until what is shown already or enough.
  addRows(frames, newest) {
    const added = [];
    for (let i = frames.length - 1; i >= 0 && frames[i].n > this.drawnTo && added.length < ROWS; i -= 1) {
      if (frames[i].n <= newest && this.fits(frames[i])) added.push(this.row(frames[i]));
    }
    this.drawnTo = Math.max(this.drawnTo, newest);
    if (added.length === 0) return;
    this.list.prepend(...added);
    while (this.list.childElementCount > ROWS) this.list.lastElementChild.remove();
  }

  fits(frame) {
    return !this.filter || frame.raw.toLowerCase().includes(this.filter);
  }

  row(frame) {
    const control = frame.type.startsWith('$');
    const summary = el('summary', '', [
      el('span', 'at mono', clock(frame.at, true)),
      el('span', 'kind', frame.type),
      el('span', 'where mono', frame.channel.replace(/^[^:]*:/, '')),
      el('span', 'id mono', frame.id.replace(/^\d+(\d{4}-)/, '…$1')),
      el('span', 'what mono', frame.data),
    ]);
    const details = el('details', '', [summary]);
    details.addEventListener('toggle', () => this.open(details, frame));
    const item = el('li', '', [details]);
    setData(item, 'kind', control ? frame.type : 'event');
    return item;
  }

  open(details, frame) {
    if (!details.open) return;
    if (!this.paused) this.setPaused(true); // else the row runs away from its reader
    if (details.childElementCount > 1) return;
    const cut = frame.raw.length < frame.size;
    const body = el('pre', 'mono', cut ? frame.raw : JSON.stringify(JSON.parse(frame.raw), null, 2));
    body.tabIndex = 0;
    details.append(body);
    if (cut) details.append(el('p', 'note', `The first ${short(frame.raw.length)} of ${short(frame.size)} characters.`));
  }
}
