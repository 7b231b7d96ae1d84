// The three things that a visitor may do to the connection, and what came of each, counted from positions.

import { byId, setData, setText } from './dom.js';
import { count } from './format.js';
import { STREAM, WEBSOCKET } from './link.js';

const AWAY_MS = 10_000;

// What the button that blocks does, one press after the other.
const STEPS = [
  { blocked: [], next: 'Block WebSocket', words: 'All gets through' },
  { blocked: [WEBSOCKET], next: 'Block streams, too', words: 'No WebSocket' },
  { blocked: [WEBSOCKET, STREAM], next: 'Let all through', words: 'Neither WebSocket nor streams' },
];

// Not `disabled`: that would take the focus away from who has just pressed it.
function disable(name, disabled) {
  const value = String(disabled);
  if (byId(name).ariaDisabled !== value) byId(name).ariaDisabled = value;
}

export class Trials {
  constructor(link, say) {
    this.link = link;
    this.say = say; // to screen readers
    this.running = ''; // cut, slow or nothing
    this.until = 0;
    this.step = 0; // of STEPS
    this.before = null; // what was counted before anything was blocked
    this.said = '';
    this.texts = {};
    for (const name of ['cut', 'block', 'slow']) {
      this.texts[name] = document.querySelector(`#trial-${name} .trial-text`);
      byId(name).addEventListener('click', () => this.start(name));
    }
  }

  start(name) {
    if (byId(name).ariaDisabled === 'true') return;
    if (name === 'block') {
      this.block();
      return;
    }
    this.running = name;
    this.until = Date.now() + AWAY_MS;
    if (name === 'cut') this.link.cut(AWAY_MS);
    else this.link.idle(AWAY_MS);
  }

  block() {
    if (!this.before) this.before = this.link.totals();
    this.step = (this.step + 1) % STEPS.length;
    setText(byId('block'), STEPS[this.step].next);
    this.link.block(STEPS[this.step].blocked);
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
    disable('cut', !live);
    disable('slow', !live);
    disable('block', this.running !== '' || (this.step === 0 && phase !== 'live'));
    if (this.running !== '' && phase === 'refused') this.give('bad', 'The server refused the connection.');
    if (this.running !== '') this.drawRunning(now);
    if (this.before) this.drawBlock(phase === 'live');
  }

  drawRunning(now) {
    const name = this.running;
    const seconds = Math.max(0, Math.ceil((this.until - now) / 1000));
    const words = { cut: 'You cut the connection. The agents work on', slow: 'Nothing is taken in. The agents work on' }[name];
    setData(byId(`trial-${name}`), 'tone', 'warn');
    setText(this.texts[name], seconds > 0 ? `${words}; back in ${seconds} s.` : 'Asking for what was missed.');
  }

  drawBlock(live) {
    const { transport } = this.link;
    const { blocked, words } = STEPS[this.step];
    const now = this.link.totals();
    const sum = { lost: now.lost - this.before.lost, gaps: now.gaps - this.before.gaps };
    const back = blocked.length === 0;
    const arrived = live && transport !== '' && !blocked.includes(transport) && !(back && transport !== WEBSOCKET);
    setData(byId('trial-block'), 'tone', !arrived ? 'warn' : sum.gaps > 0 ? 'bad' : 'ok');
    setText(this.texts.block, !arrived ? `${words}. Looking for ${back ? 'the way up' : 'another way'}.`
      : `${words}: ${back ? 'back' : 'now'} over ${transport}, ${missing(sum)}.`);
    if (arrived && transport !== this.said) this.say(`Now over ${transport}, ${missing(sum)}`);
    this.said = arrived ? transport : '';
    if (arrived && back) this.before = null; // that is over
  }
}

export function missing({ lost, gaps }) {
  return gaps > 0 && lost === 0 ? `${count(gaps)} ${gaps === 1 ? 'gap' : 'gaps'}` : `${count(lost)} lost`;
}
