// Notifications and questions, the newest first.

import { KeyedList, byId, el, setData, setText, show } from './dom.js';
import { age, clock, count, newest, safeUrl } from './format.js';

const SHOWN = 40;

export class NoticeView {
  constructor(state) {
    this.state = state;
    this.list = new KeyedList(byId('notice-list'), (notice) => notice.n, (notice) => new NoticeRow(notice));
  }

  draw(now) {
    const { notices } = this.state;
    this.list.draw(newest(notices, SHOWN), now);
    show(byId('notices-empty'), notices.length === 0);
    show(byId('notice-list'), notices.length > 0);
    const loud = notices.filter((notice) => notice.severity === 'error' || notice.severity === 'warning').length;
    setText(byId('notices-note'), loud ? `${count(loud)} need a look` : '');
  }
}

class NoticeRow {
  constructor(notice) {
    const title = el('span', 'name', notice.title || 'Untitled');
    const lines = [title];
    if (notice.body) lines.push(el('span', 'sub wrap', notice.body));
    const url = safeUrl(notice.url);
    if (url) {
      const link = el('a', 'sub', 'Read on');
      link.href = url;
      link.rel = 'noopener noreferrer';
      link.target = '_blank';
      lines.push(link);
    }
    const where = [notice.session, notice.agent].filter(Boolean).join(' · ');
    if (where) lines.push(el('span', 'sub faint', where));
    this.age = el('span', 'num sub');
    this.age.title = clock(notice.at, false);
    this.node = el('li', 'notice', [el('span', 'unseen', notice.severity), el('div', 'grow', lines), this.age]);
    setData(this.node, 'severity', notice.severity);
  }

  update(notice, now) {
    setText(this.age, age(now - notice.at));
  }
}
