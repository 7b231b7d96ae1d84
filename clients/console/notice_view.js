// Notifications and questions, the newest first. What needs a look is also said to screen readers, but never as a flood.

import { byId, el, setData, setText, setTitle, show } from './dom.js';
import { age, clock, count, newest, safeUrl } from './format.js';
import { VirtualList } from './virtual_list.js';

const ROW_PX = 68;
const SPOKEN_EVERY_MS = 10_000;
const LOUD = new Set(['warning', 'error', 'question']);

export class NoticeView {
  constructor(state) {
    this.state = state;
    this.list = new VirtualList(byId('notice-list'), {
      rowHeight: () => ROW_PX, key: (notice) => notice.n, make: () => new NoticeRow(),
    });
    this.spokenAt = 0;
    this.spokenTo = Infinity; // number of the newest that was said or that came before this page listened
    this.drawnTo = -1;
  }

  draw(now) {
    const first = this.state.notices.newest(0);
    if (!first || first.n !== this.drawnTo) {
      this.drawnTo = first ? first.n : -1;
      this.sorted = newest(this.state.notices.toArray());
    }
    const notices = this.sorted;
    show(byId('notices-empty'), notices.length === 0);
    show(byId('notice-list'), notices.length > 0);
    this.list.draw(notices.length, (index) => notices[index], now);
    const loud = notices.filter((notice) => LOUD.has(notice.severity));
    setText(byId('notices-note'), loud.length ? `${count(loud.length)} need a look` : '');
    this.speak(loud, now);
  }

  // From the moment on that the page is live.
  listen() {
    if (this.spokenTo === Infinity) this.spokenTo = this.state.frameCount;
  }

  speak(loud, now) {
    if (now - this.spokenAt < SPOKEN_EVERY_MS) return;
    const fresh = loud.filter((notice) => notice.n > this.spokenTo);
    if (fresh.length === 0) return;
    this.spokenAt = now;
    this.spokenTo = Math.max(...fresh.map((notice) => notice.n));
    const more = fresh.length > 1 ? `, and ${fresh.length - 1} more` : '';
    setText(byId('notice-announcer'), `${fresh[0].severity}: ${fresh[0].title}${more}`);
  }
}

class NoticeRow {
  constructor() {
    this.severity = el('span', 'unseen');
    this.title = el('span', 'name');
    this.body = el('span', 'sub');
    this.where = el('span', 'sub faint');
    this.link = el('a', 'sub', 'Read on');
    this.link.rel = 'noopener noreferrer';
    this.link.target = '_blank';
    this.age = el('span', 'num sub');
    this.node = el('div', 'row notice', [
      this.severity, el('div', 'grow', [this.title, this.body, el('span', 'line', [this.where, this.link])]), this.age,
    ]);
    this.node.setAttribute('role', 'listitem');
  }

  update(notice, index, now) {
    setText(this.age, age(now - notice.at));
    if (this.notice === notice) return;
    this.notice = notice;
    setData(this.node, 'severity', notice.severity);
    setText(this.severity, notice.severity);
    setText(this.title, notice.title || 'Untitled');
    setText(this.body, notice.body);
    show(this.body, notice.body !== '');
    setText(this.where, [notice.session, notice.agent].filter(Boolean).join(' · '));
    const url = safeUrl(notice.url);
    show(this.link, url !== '');
    if (url) this.link.href = url;
    else this.link.removeAttribute('href');
    setTitle(this.node, [clock(notice.at, false), notice.title, notice.body].filter(Boolean).join('\n'));
  }
}
