// What frames the page: the connection, the numbers of delivery, the note after a reconnect. Screen readers hear only the
// connection's state, and that only when it changes.

import { sparkline } from './chart.js';
import { byId, setData, setText, setTitle, show } from './dom.js';
import { age, clock, count, duration, rate } from './format.js';
import { missing } from './trials.js';

const BANNER_MS = 12_000;
const RATE_SECONDS = 3;

const SPOKEN = {
  live: 'Connected, live.',
  lost: 'Connection lost. Reconnecting.',
  cut: 'Connection cut by you. It comes back in ten seconds.',
  refused: 'The server refused the connection.',
};

export class ShellView {
  constructor() {
    this.pill = byId('pill');
    this.status = { phase: 'connecting', detail: '', retryAt: 0 };
    this.summary = null; // of the last reconnect
    this.bannerUntil = 0;
    this.chart = sparkline(byId('rate-chart'));
  }

  say(words) {
    setText(byId('announcer'), words);
  }

  onStatus(status) {
    this.status = status;
    const key = status.phase === 'waiting' ? status.detail : status.phase;
    if (SPOKEN[key]) this.say(SPOKEN[key]);
    if (status.phase === 'waiting') this.summary = null;
  }

  onCaughtUp(summary) {
    if (summary.first) return;
    this.summary = summary;
    this.bannerUntil = Date.now() + BANNER_MS;
    this.say(this.summaryText());
  }

  summaryText() {
    return `Back: ${count(this.summary.replayed)} replayed, ${missing(this.summary)}`;
  }

  draw(link, state, now) {
    this.drawPill(link, now);
    this.drawBanner(now);
    this.drawFigures(link, state, now);
  }

  drawPill(link, now) {
    const { phase, detail, retryAt } = this.status;
    const seconds = Math.max(0, (retryAt - now) / 1000).toFixed(1);
    const words = {
      idle: 'Connecting',
      connecting: 'Connecting',
      catching_up: 'Catching up',
      live: 'Live',
      waiting: detail === 'cut' && retryAt > now ? `Cut, back in ${seconds} s` : 'Reconnecting',
      refused: `Refused: ${detail}`,
    };
    const up = phase === 'live' || phase === 'catching_up';
    setData(this.pill, 'phase', phase);
    setText(byId('pill-text'), words[phase]);
    setText(byId('pill-transport'), up ? link.transport : '');
    setText(byId('pill-since'), phase === 'live' && link.since ? `for ${age(Math.max(2000, now - link.since))}` : '');
    setTitle(this.pill, phase === 'live' && link.since ? `Live since ${clock(link.since, false)}` : '');
  }

  drawBanner(now) {
    if (this.summary && now >= this.bannerUntil) this.summary = null;
    const banner = byId('banner');
    show(banner, this.summary !== null);
    if (!this.summary) return;
    setData(banner, 'tone', this.summary.lost > 0 || this.summary.gaps > 0 ? 'bad' : 'ok');
    setText(byId('banner-text'), `${this.summaryText()}.`);
  }

  drawFigures(link, state, now) {
    const totals = link.totals();
    const unknown = totals.uncertain ? 'at least ' : '';
    setText(byId('lost'), totals.uncertain && totals.lost === 0 ? missing(totals) : `${unknown}${count(totals.lost)} lost`);
    setData(byId('integrity'), 'tone', totals.gaps > 0 ? 'bad' : totals.received > 0 ? 'ok' : 'idle');
    setText(byId('integrity-note'), integrityNote(link, totals));
    setText(byId('received'), count(totals.received));
    setText(byId('replayed'), count(totals.replayed));
    setText(byId('duplicates'), count(totals.duplicates));
    setText(byId('reconnects'), count(Math.max(0, link.connects - 1)));
    const second = Math.floor(now / 1000);
    if (second === this.second) return;
    this.second = second; // these change too fast to be read otherwise
    const late = state.latency.median();
    setText(byId('latency'), late === null ? '–' : duration(late));
    setText(byId('rate'), rate(state.rate.perSecond(now, RATE_SECONDS)));
    const series = state.rate.series(now);
    this.chart.draw([series.map((_, i) => i), series]);
  }
}

function integrityNote(link, totals) {
  if (totals.received === 0) return 'Waiting for the first event';
  const channels = link.wanted.size;
  const where = `${count(channels)} ${channels === 1 ? 'channel' : 'channels'}`;
  if (totals.gaps === 0) return `Every position accounted for, ${where}`;
  const reasons = new Set([...link.channels.values()].map((channel) => channel.reason).filter(Boolean));
  return `${count(totals.gaps)} ${totals.gaps === 1 ? 'gap' : 'gaps'} (${[...reasons].join(', ')}), ${where}`;
}
