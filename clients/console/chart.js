// Charts, drawn by uPlot: a line and the area under it. Colours are the theme's.

import { el } from './dom.js';
import { clock } from './format.js';

const { uPlot } = window;
const root = document.documentElement;
const charts = new Set();

const LABEL_HALF_PX = 24; // half a time of day

function colour(name) {
  return getComputedStyle(root).getPropertyValue(name).trim();
}

const line = { stroke: () => colour('--accent'), fill: () => colour('--accent-soft'), width: 1.5, points: { show: false } };

function axis(more) {
  return { stroke: () => colour('--ink-3'), font: '11px system-ui, sans-serif', ticks: { show: false },
    grid: { stroke: () => colour('--line-soft'), width: 1 }, ...more };
}

class Chart {
  constructor(box, options) {
    this.box = box;
    this.options = options;
    this.plot = null;
    new ResizeObserver((entries) => {
      const { width, height } = entries[entries.length - 1].contentRect;
      this.resize(Math.floor(width), Math.floor(height));
    }).observe(box);
    charts.add(this);
  }

  resize(width, height) {
    if (width === 0 || height === 0) return;
    if (this.plot) this.plot.setSize({ width, height });
    else this.plot = new uPlot({ ...this.options, width, height, legend: { show: false } }, this.data || [[], []], this.box);
  }

  // data: [times in seconds, values].
  draw(data) {
    this.data = data;
    if (this.plot) this.plot.setData(data);
  }

  close() {
    charts.delete(this);
    if (this.plot) this.plot.destroy();
  }
}

// A line without axes. The scale begins at 0.
export function sparkline(box) {
  return new Chart(box, {
    cursor: { show: false }, padding: [2, 0, 2, 0],
    scales: { x: { time: false }, y: { range: (plot, min, max) => [0, Math.max(1, max)] } },
    axes: [{ show: false }, { show: false }],
    series: [{}, line],
  });
}

// With axes and, under the pointer, the value.
export function timeline(box, measure) {
  const reading = el('span', 'chart-reading num');
  reading.setAttribute('aria-hidden', 'true');
  box.append(reading);
  return new Chart(box, {
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } }, padding: [6, 4, 0, 0],
    scales: { y: { range: (plot, min, max) => span(min, max) } },
    axes: [
      axis({ size: 20, gap: 3, space: 64, grid: { show: false },
        values: (plot, ticks) => ticks.map((tick) => (nearEnd(plot, tick) ? '' : clock(tick * 1000, false))) }),
      axis({ size: 44, gap: 5, space: 26, values: (plot, ticks) => ticks.map((tick) => measure(tick)) }),
    ],
    series: [{}, line],
    hooks: { setCursor: [(plot) => {
      const { idx } = plot.cursor;
      const value = idx === null || idx === undefined ? undefined : plot.data[1][idx];
      reading.textContent = value === undefined ? '' : measure(value);
    }] },
  });
}

// Whether a label there would be cut off.
function nearEnd(plot, tick) {
  const { min, max } = plot.scales.x;
  const pixels = plot.bbox.width / devicePixelRatio;
  return (max - tick) * pixels < LABEL_HALF_PX * (max - min);
}

// Some air above and below; a level line stands in the middle.
function span(min, max) {
  if (min === null || max === null) return [0, 1];
  const air = max > min ? (max - min) * 0.1 : Math.max(1, Math.abs(max) * 0.1);
  return [min >= 0 && min - air < 0 ? 0 : min - air, max + air];
}

// The theme changed: what is drawn has the old one's colours.
function redrawCharts() {
  for (const chart of charts) if (chart.plot) chart.plot.redraw(false);
}

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redrawCharts);
new MutationObserver(redrawCharts).observe(root, { attributeFilter: ['data-theme'] });
