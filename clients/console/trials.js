// The three things that a visitor may do to the connection, and what came of each, counted from positions.

import { byId, setData, setText, show } from './dom.js';
import { count } from './format.js';

const AWAY_MS = 10_000;

export class Trials {
  constructor(link, say) {
    this.link = link;
    this.say = say; // to screen readers
    this.running = ''; // cut, slow or nothing
    this.until = 0;
    this.blocked = false;
    this.texts = {};
    for (const name of ['cut', 'block', 'slow']) {
      this.texts[name] = document.querySelector(`#trial-${name} .trial-text`);
      byId(name).addEventListener('click', () => this.start(name));
    }
  }

  start(name) {
    if (byId(name).disabled) return;
    if (name === 'block') {
      this.block(!this.blocked);
      return;
    }
    this.running = name;
    this.until = Date.now() + AWAY_MS;
    if (name === 'cut') this.link.cut(AWAY_MS);
    else this.link.idle(AWAY_MS);
  }

  block(blocked) {
    this.blocked = blocked;
    byId('block').setAttribute('aria-pressed', String(blocked));
    this.link.block(blocked);
  }

  onCaughtUp(summary) {
    if (this.running === 'cut') this.end(summary, `Back: ${count(summary.replayed)} replayed, ${missing(summary)}`);
  }

  onRefilled(summary) {
    if (this.running === 'slow') this.end(summary, `Refilled: ${count(summary.replayed)} from the log, ${missing(summary)}`);
  }

  end(summary, words) {
    const whole = summary.lost === 0 && summary.gaps === 0;
    this.give(whole ? 'ok' : 'bad', whole ? `${words}. Every position is accounted for.` : `${words}.`);
    this.say(words);
  }

  give(tone, words) {
    setData(byId(`trial-${this.running}`), 'tone', tone);
    setText(this.texts[this.running], words);
    this.running = '';
  }

  draw(now) {
    const { phase } = this.link.status;
    const live = phase === 'live' && this.running === '';
    byId('cut').disabled = !live;
    byId('slow').disabled = !live;
    show(byId('trial-block'), this.link.canBlock);
    byId('block').disabled = this.running !== '';
    if (this.running !== '' && phase === 'refused') this.give('bad', 'The server refused the connection.');
    if (this.running !== '') this.drawRunning(now);
    if (this.link.canBlock && this.blocked) this.drawBlocked(phase);
    else setData(byId('trial-block'), 'tone', 'idle');
  }

  drawRunning(now) {
    const name = this.running;
    const seconds = Math.max(0, Math.ceil((this.until - now) / 1000));
    const words = { cut: 'You cut the connection. The agents work on', slow: 'Nothing is taken in. The agents work on' }[name];
    setData(byId(`trial-${name}`), 'tone', 'warn');
    setText(this.texts[name], seconds > 0 ? `${words}; back in ${seconds} s.` : 'Asking for what was missed.');
  }

  drawBlocked(phase) {
    const over = phase === 'live';
    setData(byId('trial-block'), 'tone', over ? 'ok' : 'warn');
    setText(this.texts.block, over ? `No WebSocket gets through: now over ${this.link.transport}. Press again to end that.`
      : 'No WebSocket gets through. Looking for another way.');
  }
}

export function missing({ lost, gaps }) {
  return gaps > 0 && lost === 0 ? `${count(gaps)} ${gaps === 1 ? 'gap' : 'gaps'}` : `${count(lost)} lost`;
}
