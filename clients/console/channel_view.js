// Every subscription with its position and counts: the evidence behind "0 lost". Drawn only while it is open.

import { KeyedList, byId, el, setData, setText } from './dom.js';
import { count } from './format.js';

export class ChannelView {
  constructor(link, follower) {
    this.link = link;
    this.follower = follower;
    this.details = byId('channel-details');
    this.list = new KeyedList(byId('channel-list'), (channel) => channel.name, (channel) => new ChannelRow(channel));
    this.details.addEventListener('toggle', () => this.draw());
    byId('follow-form').addEventListener('submit', (event) => {
      event.preventDefault();
      const input = byId('follow-name');
      const wrong = follower.pin(input.value.trim());
      setText(byId('follow-error'), wrong);
      if (!wrong) input.value = '';
      this.draw();
    });
  }

  draw() {
    const followed = [...this.link.channels.values()].filter((channel) => this.link.wanted.has(channel.name));
    setText(byId('channels-note'), `${count(followed.length)} followed`);
    if (!this.details.open) return;
    this.list.draw(followed.sort((a, b) => (a.name < b.name ? -1 : 1)));
  }
}

class ChannelRow {
  constructor(channel) {
    const name = el('th', 'mono', channel.name);
    name.scope = 'row';
    this.state = el('td');
    this.last = el('td', 'mono');
    this.numbers = ['received', 'replayed', 'duplicates', 'lost'].map((key) => [key, el('td', 'num')]);
    this.node = el('tr', '', [name, this.state, this.last, ...this.numbers.map(([, cell]) => cell)]);
  }

  update(channel) {
    setData(this.node, 'phase', channel.phase);
    setText(this.state, channel.error || (channel.reason ? `${channel.phase}, gap: ${channel.reason}` : channel.phase));
    setText(this.last, channel.last || '');
    for (const [key, cell] of this.numbers) setText(cell, count(channel[key]));
  }
}
