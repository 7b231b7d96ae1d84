// Agents: who is there, how much they say, when they last did.

import { KeyedList, byId, el, setData, setText, setTitle, show } from './dom.js';
import { age, count, rate } from './format.js';

const SHOWN = 40;
const ACTIVE_MS = 10_000;
const QUIET_MS = 60_000;
const RATE_SECONDS = 5;

export class AgentView {
  constructor(state) {
    this.state = state;
    this.list = new KeyedList(byId('agent-list'), (agent) => agent.name, () => new AgentRow());
  }

  draw(now) {
    const agents = [...this.state.agents.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    const active = agents.filter((agent) => now - agent.lastAt < ACTIVE_MS).length;
    this.list.draw(agents.slice(0, SHOWN), now);
    setText(byId('agents-note'), agents.length ? `${count(active)} of ${count(agents.length)} active` : '');
    show(byId('agents-empty'), agents.length === 0);
    show(byId('agent-table'), agents.length > 0);
  }
}

class AgentRow {
  constructor() {
    this.name = el('span', 'name mono');
    this.doing = el('span', 'sub');
    this.rate = el('td', 'num strong');
    this.heard = el('td', 'num sub');
    this.word = el('span', 'unseen');
    const dot = el('span', 'dot');
    dot.setAttribute('aria-hidden', 'true');
    const head = el('th', '', [el('div', 'who', [dot, this.word, el('div', 'grow', [this.name, this.doing])])]);
    head.scope = 'row';
    this.node = el('tr', 'agent', [head, this.rate, this.heard]);
  }

  update(agent, now) {
    const quiet = now - agent.lastAt;
    const life = quiet < ACTIVE_MS ? 'active' : quiet < QUIET_MS ? 'quiet' : 'silent';
    setData(this.node, 'life', life);
    setText(this.word, life);
    setText(this.name, agent.name);
    setText(this.doing, (agent.state || agent.doing) + (agent.session ? ` in ${agent.session}` : ''));
    setTitle(this.node, `${agent.name}: ${count(agent.events)} events since this page began`);
    setText(this.rate, `${rate(agent.rate.perSecond(now, RATE_SECONDS))}/s`);
    setText(this.heard, age(quiet));
  }
}
