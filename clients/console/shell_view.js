// What frames the page: the connection, the numbers of delivery, the banner of a cut. Screen readers hear only the
// connection's state, and that only when it changes.

import { Sparkline } from './chart.js';
import { byId, setData, setText, show } from './dom.js';
import { count, rate } from './format.js';

const BANNER_MS = 20_000;
const RATE_SECONDS = 3;

const SPOKEN = {
  live: 'Connected, live.',
  lost: 'Connection lost. Reconnecting.',
  silent: 'Connection silent. Reconnecting.',
  cut: 'Connection cut by you. It comes back in five seconds.',
  refused: 'The server refused the connection.',
};

export class ShellView {
  constructor() {
    this.pill = byId('pill');
    this.status = { phase: 'connecting', detail: '', retryAt: 0 };
    this.summary = null; // of the last reconnect
    this.byCut = false;
    this.bannerUntil = 0;
    this.chart = new Sparkline(byId('rate-chart'), 0);
  }

  onStatus(status) {
    this.status = status;
    const key = status.phase === 'waiting' ? status.detail : status.phase;
    if (SPOKEN[key]) setText(byId('announcer'), SPOKEN[key]);
    if (status.phase === 'waiting') this.summary = null;
  }

  onCut() {
    this.byCut = true;
  }

  onCaughtUp(summary) {
    if (summary.first) return;
    this.summary = summary;
    this.bannerUntil = Date.now() + BANNER_MS;
    setText(byId('announcer'), this.summaryText());
  }

  summaryText() {
    const { replayed, lost, gaps } = this.summary;
    const missing = gaps > 0 && lost === 0 ? `${gaps} ${gaps === 1 ? 'gap' : 'gaps'}` : `${count(lost)} lost`;
    return `Back: ${count(replayed)} replayed, ${missing}`;
  }

  draw(client, state, now) {
    this.drawPill(now);
    this.drawBanner(now);
    this.drawFigures(client, state, now);
    const { phase } = this.status;
    byId('cut').disabled = phase !== 'live' && phase !== 'catching_up';
  }

  drawPill(now) {
    const { phase, detail, retryAt } = this.status;
    const seconds = Math.max(0, (retryAt - now) / 1000).toFixed(1);
    const words = {
      idle: 'Connecting',
      connecting: 'Connecting',
      catching_up: 'Catching up',
      live: 'Live',
      waiting: detail === 'cut' ? `Cut, back in ${seconds} s` : `Reconnecting in ${seconds} s`,
      refused: `Refused: ${detail}`,
    };
    setData(this.pill, 'phase', phase);
    setText(byId('pill-text'), words[phase]);
    setText(byId('pill-transport'), phase === 'live' || phase === 'catching_up' ? 'WebSocket' : '');
  }

  drawBanner(now) {
    const { phase, detail, retryAt } = this.status;
    const banner = byId('banner');
    let words = '';
    let tone = 'warn';
    if (phase === 'waiting' && detail === 'cut') {
      words = `You cut the connection. The agents work on; this page comes back in ${Math.ceil((retryAt - now) / 1000)} s`
        + ' and asks for what it missed.';
    } else if (this.summary && now < this.bannerUntil) {
      tone = this.summary.lost > 0 || this.summary.gaps > 0 ? 'bad' : 'ok';
      words = this.summaryText() + (this.byCut && tone === 'ok' ? '. Every position since the cut is accounted for.' : '.');
    } else if (this.summary) {
      this.summary = null;
      this.byCut = false;
    }
    show(banner, words !== '');
    setData(banner, 'tone', tone);
    setText(byId('banner-text'), words);
  }

  drawFigures(client, state, now) {
    const totals = client.totals();
    const holes = totals.gaps > 0;
    const unknown = totals.uncertain ? 'at least ' : '';
    setText(byId('lost'), totals.uncertain && totals.lost === 0
      ? `${count(totals.gaps)} ${totals.gaps === 1 ? 'gap' : 'gaps'}` : `${unknown}${count(totals.lost)} lost`);
    setData(byId('integrity'), 'tone', holes ? 'bad' : totals.received > 0 ? 'ok' : 'idle');
    setText(byId('integrity-note'), this.integrityNote(client, totals));
    setText(byId('received'), count(totals.received));
    setText(byId('replayed'), count(totals.replayed));
    setText(byId('duplicates'), count(totals.duplicates));
    setText(byId('reconnects'), count(Math.max(0, client.connects - 1)));
    setText(byId('rate'), rate(state.rate.perSecond(now, RATE_SECONDS)));
    const second = Math.floor(now / 1000);
    if (second === this.chartSecond) return;
    this.chartSecond = second;
    this.chart.draw(state.rate.series(now));
  }

  integrityNote(client, totals) {
    if (totals.received === 0) return 'Waiting for the first event';
    const channels = client.wanted.size;
    const where = `${count(channels)} ${channels === 1 ? 'channel' : 'channels'}`;
    if (totals.gaps === 0) return `Every position accounted for, ${where}`;
    const reasons = new Set([...client.channels.values()].map((channel) => channel.reason).filter(Boolean));
    return `${count(totals.gaps)} ${totals.gaps === 1 ? 'gap' : 'gaps'} (${[...reasons].join(', ')}), ${where}`;
  }
}
