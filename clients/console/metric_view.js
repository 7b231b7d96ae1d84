// Metrics as tiles: the newest value, its course, its range.

import { timeline } from './chart.js';
import { KeyedList, byId, el, setText, setTitle, show } from './dom.js';
import { count, measure } from './format.js';

const SHOWN = 24;
const DRAW_EVERY_MS = 250; // a chart; faster than that nobody sees

export class MetricView {
  constructor(state) {
    this.state = state;
    this.list = new KeyedList(byId('metric-list'), (series) => series.key, (series) => new Tile(series));
  }

  draw(now) {
    const all = [...this.state.series.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    this.list.draw(all.slice(0, SHOWN), now);
    setText(byId('metrics-note'), all.length > SHOWN ? `${count(SHOWN)} of ${count(all.length)} series` : '');
    show(byId('metrics-empty'), all.length === 0);
    show(byId('metric-list'), all.length > 0);
  }
}

class Tile {
  constructor(series) {
    this.value = el('span', 'value');
    this.unit = el('span', 'unit');
    this.range = el('span', 'sub range num');
    const box = el('div', 'chart');
    box.setAttribute('role', 'img');
    box.setAttribute('aria-label', `Course of ${series.name}`);
    this.chart = timeline(box, measure);
    const owner = [series.owner, series.labels].filter(Boolean).join(' · ');
    const name = el('span', 'name', series.name || 'unnamed');
    const from = el('span', 'sub', owner);
    setTitle(name, series.name);
    setTitle(from, owner);
    this.node = el('li', 'tile', [
      el('div', 'tile-head', [
        el('div', 'grow', [name, from]),
        el('div', 'right', [el('p', 'reading', [this.value, this.unit]), this.range]),
      ]), box,
    ]);
  }

  update(series, now) {
    if (series.updates === this.drawn || now - this.drawnAt < DRAW_EVERY_MS) return;
    this.drawn = series.updates;
    this.drawnAt = now;
    // Replay brings the past of each channel by itself, so time may step back; a chart's must not.
    const points = series.points.toArray().sort((a, b) => a[0] - b[0]);
    const values = points.map(([, value]) => value);
    setText(this.value, measure(values[values.length - 1]));
    setText(this.unit, series.unit);
    setText(this.range, `${measure(Math.min(...values))} to ${measure(Math.max(...values))}`);
    this.chart.draw([points.map(([time]) => time), values]);
  }

  close() {
    this.chart.close();
  }
}
