// Sessions at work as cards, in the order they began, so that a card does not jump under the reader's eyes; finished ones
// as lines, the newest first.

import { KeyedList, byId, el, setData, setText, setTitle, show } from './dom.js';
import { age, count } from './format.js';
import { Card, facts, nameButton } from './session_card.js';
import { VirtualList } from './virtual_list.js';

const CARDS_SHOWN = 24;
const ROW_PX = 36;
const NARROW_ROW_PX = 58;

export class SessionView {
  // onPick(id): the user wants to see the session's frames.
  constructor(state, onPick) {
    this.state = state;
    this.working = new KeyedList(byId('session-list'), (session) => session.id, (session) => new Card(session, onPick));
    this.finished = new VirtualList(byId('finished-list'), {
      rowHeight: () => (matchMedia('(max-width: 720px)').matches ? NARROW_ROW_PX : ROW_PX),
      key: (session) => session.id, make: () => new FinishedLine(onPick),
    });
  }

  draw(now) {
    const sessions = [...this.state.sessions.values()];
    const working = sessions.filter((session) => !session.finished)
      .sort((a, b) => a.firstAt - b.firstAt || (a.id < b.id ? -1 : 1));
    const finished = sessions.filter((session) => session.finished).sort((a, b) => b.updatedAt - a.updatedAt);
    this.working.draw(working.slice(0, CARDS_SHOWN), now);
    this.finished.draw(finished.length, (index) => finished[index], now);
    const shown = working.length > CARDS_SHOWN ? `, ${CARDS_SHOWN} of them shown` : '';
    setText(byId('sessions-note'), sessions.length ? `${count(working.length)} at work${shown}` : '');
    setText(byId('finished-note'), finished.length ? count(finished.length) : '');
    show(byId('sessions-empty'), sessions.length === 0);
    for (const id of ['session-list', 'finished-title', 'finished-list']) show(byId(id), sessions.length > 0);
  }
}

class FinishedLine {
  constructor(onPick) {
    this.name = nameButton('', () => onPick(this.session.id));
    this.badge = el('span', 'badge');
    this.message = el('span', 'message');
    this.facts = el('span', 'facts');
    this.age = el('span', 'age');
    this.node = el('div', 'row finished', [
      el('span', 'who', [this.name, this.badge]), this.message, this.facts, this.age,
    ]);
    this.node.setAttribute('role', 'listitem');
  }

  update(session, index, now) {
    this.session = session;
    setText(this.name, session.id);
    setTitle(this.name, `Show the frames of ${session.id}`);
    setData(this.node, 'tone', session.tone);
    setText(this.badge, session.status);
    setText(this.message, session.message);
    setTitle(this.message, session.message);
    setText(this.facts, facts(session));
    setText(this.age, age(now - session.updatedAt));
  }
}
