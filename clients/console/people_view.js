// Collaboration: who is where, who types, what was said.

import { KeyedList, byId, el, setData, setText, setTitle, show } from './dom.js';
import { age, count, newest } from './format.js';

const PRESENT_MS = 60_000;
const COMMENTS_SHOWN = 20;
const HUES = 6;

export class PeopleView {
  constructor(state) {
    this.state = state;
    this.people = new KeyedList(byId('people-list'), (person) => person.name, (person) => new PersonRow(person));
    this.comments = new KeyedList(byId('comment-list'), (comment) => comment.n, (comment) => new CommentRow(comment));
  }

  draw(now) {
    const present = [...this.state.people.values()]
      .filter((person) => now - person.lastAt < PRESENT_MS)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    const comments = newest(this.state.comments, COMMENTS_SHOWN);
    this.people.draw(present, now);
    this.comments.draw(comments, now);
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
  constructor(comment) {
    this.age = el('span', 'num sub');
    const head = el('span', 'sub', `${comment.author}${comment.answer ? ' answers' : ''}${comment.target ? ` on ${comment.target}` : ''}`);
    this.node = el('li', 'comment', [el('div', 'grow', [head, el('span', 'wrap', comment.text)]), this.age]);
  }

  update(comment, now) {
    setText(this.age, age(now - comment.at));
  }
}
