// Small charts: a line and the area under it, in an SVG of 120 × 32 units that stretches to its box.

import { svg } from './dom.js';

const WIDTH = 120;
const HEIGHT = 32;
const EDGE = 2;

export class Sparkline {
  // `floor`: the lowest value that the scale begins at, or null: at the least value shown.
  constructor(node, floor = null) {
    this.floor = floor;
    this.area = svg('path', { class: 'area' });
    this.line = svg('path', { class: 'line' });
    node.append(this.area, this.line);
  }

  draw(values) {
    if (values.length === 0) return;
    const shown = values.length === 1 ? [values[0], values[0]] : values;
    const top = Math.max(...shown);
    const least = Math.min(...shown);
    const bottom = this.floor === null ? least : Math.min(this.floor, least);
    const span = top - bottom;
    const step = WIDTH / (shown.length - 1);
    const points = shown.map((value, i) => {
      const part = span > 0 ? (value - bottom) / span : this.floor === null ? 0.5 : 0;
      return `${(i * step).toFixed(1)} ${(HEIGHT - EDGE - part * (HEIGHT - 2 * EDGE)).toFixed(1)}`;
    });
    const line = `M${points.join('L')}`;
    this.line.setAttribute('d', line);
    this.area.setAttribute('d', `${line}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z`);
  }
}
