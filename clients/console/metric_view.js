// Metrics as tiles: the newest value, its course, its range.

import { Sparkline } from './chart.js';
import { KeyedList, byId, el, setText, setTitle, show, svg } from './dom.js';
import { count, measure } from './format.js';

const SHOWN = 24;

export class MetricView {
  constructor(state) {
    this.state = state;
    this.list = new KeyedList(byId('metric-list'), (series) => series.key, (series) => new Tile(series));
  }

  draw() {
    const all = [...this.state.series.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    this.list.draw(all.slice(0, SHOWN));
    setText(byId('metrics-note'), all.length > SHOWN ? `${count(SHOWN)} of ${count(all.length)} series` : '');
    show(byId('metrics-empty'), all.length === 0);
  }
}

class Tile {
  constructor(series) {
    this.value = el('span', 'value');
    this.unit = el('span', 'unit');
    this.range = el('span', 'sub range');
    const chart = svg('svg', { class: 'spark', viewBox: '0 0 120 32', preserveAspectRatio: 'none', 'aria-hidden': 'true' });
    this.chart = new Sparkline(chart);
    const owner = [series.owner, series.labels].filter(Boolean).join(' · ');
    const name = el('span', 'name', series.name || 'unnamed');
    const from = el('span', 'sub', owner);
    setTitle(name, series.name);
    setTitle(from, owner);
    this.node = el('li', 'tile', [
      el('div', 'tile-head', [name, from]), el('p', 'reading', [this.value, this.unit]), chart, this.range,
    ]);
  }

  update(series) {
    const { points } = series;
    setText(this.value, measure(points[points.length - 1]));
    setText(this.unit, series.unit);
    if (series.updates === this.drawn) return;
    this.drawn = series.updates;
    this.chart.draw(points);
    setText(this.range, `${measure(Math.min(...points))} to ${measure(Math.max(...points))}`);
  }
}
