// Collaboration: who is where, who types, what was said.

import { KeyedList, byId, el, setData, setText, setTitle, show } from './dom.js';
import { age, count, newest } from './format.js';
import { VirtualList } from './virtual_list.js';

const PRESENT_MS = 60_000;
const ROW_PX = 56;
const HUES = 6;

export class PeopleView {
  constructor(state) {
    this.state = state;
    this.people = new KeyedList(byId('people-list'), (person) => person.name, (person) => new PersonRow(person));
    this.comments = new VirtualList(byId('comment-list'), {
      rowHeight: () => ROW_PX, key: (comment) => comment.n, make: () => new CommentRow(),
    });
  }

  draw(now) {
    const present = [...this.state.people.values()]
      .filter((person) => now - person.lastAt < PRESENT_MS)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    const comments = newest(this.state.comments.toArray());
    this.people.draw(present, now);
    this.comments.draw(comments.length, (index) => comments[index], now);
    show(byId('people-list'), present.length > 0);
    show(byId('comment-list'), comments.length > 0);
    show(byId('people-empty'), present.length === 0 && comments.length === 0);
    setText(byId('people-note'), present.length ? `${count(present.length)} here` : '');
  }
}

function avatar(name) {
  const initials = name.split(/[^\p{L}\p{N}]+/u).filter(Boolean).slice(0, 2).map((word) => [...word][0]).join('');
  const node = el('span', 'avatar', initials.toUpperCase() || '?');
  let hue = 0;
  for (const char of name) hue = (hue * 31 + char.codePointAt(0)) % HUES;
  setData(node, 'hue', String(hue));
  node.setAttribute('aria-hidden', 'true');
  return node;
}

class PersonRow {
  constructor(person) {
    this.where = el('span', 'sub');
    this.node = el('li', 'person', [avatar(person.name), el('div', 'grow', [el('span', 'name', person.name), this.where])]);
  }

  update(person, now) {
    const typing = person.typingUntil > now;
    const cursor = person.x !== null && person.y !== null ? ` at ${Math.round(person.x)}, ${Math.round(person.y)}` : '';
    setText(this.where, typing ? `types${person.target ? ` in ${person.target}` : ''}…` : `${person.target}${cursor}`);
    setTitle(this.node, `${person.target}${cursor}`);
    setData(this.node, 'typing', String(typing));
  }
}

class CommentRow {
  constructor() {
    this.head = el('span', 'sub');
    this.said = el('span', '');
    this.age = el('span', 'num sub');
    this.node = el('div', 'row comment', [el('div', 'grow', [this.head, this.said]), this.age]);
    this.node.setAttribute('role', 'listitem');
  }

  update(comment, index, now) {
    setText(this.age, age(now - comment.at));
    const where = comment.target ? ` on ${comment.target}` : '';
    setText(this.head, `${comment.author}${comment.answer ? ' answers' : ''}${where}`);
    setText(this.said, comment.text);
    setTitle(this.node, comment.text);
  }
}
