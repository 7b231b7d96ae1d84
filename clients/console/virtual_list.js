// A list of any length in which only the rows in sight exist. All rows are equally high; a row that leaves at one end is
// used again at the other.
//
// The newest stands at the top. Who has scrolled down reads: what he sees stays where it is while more comes in above.

import { el } from './dom.js';

const SPARE_ROWS = 4; // beyond each edge, so that scrolling shows no hole before the next draw

export class VirtualList {
  // scroller: the element that scrolls. rowHeight(): in CSS pixels; may change with the width of the page.
  // make(): { node, update(item, index, now) }. key(item): what tells an item from others, the same in every draw.
  constructor(scroller, { rowHeight, make, key }) {
    this.scroller = scroller;
    this.rowHeight = rowHeight;
    this.make = make;
    this.key = key;
    this.body = el('div', 'virtual');
    this.body.setAttribute('role', 'presentation');
    scroller.append(this.body);
    this.rows = [];
    this.top = undefined; // key of the item at the upper edge, while its reader is not at the top
    this.height = 0; // of the scroller, in sight; kept by the observer, since reading it costs a layout
    new ResizeObserver((entries) => {
      this.height = entries[entries.length - 1].contentRect.height;
      this.redraw();
    }).observe(scroller);
    scroller.addEventListener('scroll', () => this.redraw(), { passive: true });
  }

  get atTop() {
    return this.scroller.scrollTop < this.rowHeight() / 2;
  }

  // count items; at(index): the one at that place, 0 is the uppermost.
  draw(count, at, now) {
    const fresh = this.at === undefined;
    this.at = at;
    this.now = now;
    const high = this.rowHeight();
    if (this.count !== count || this.high !== high) {
      this.count = count;
      this.high = high;
      this.body.style.height = `${count * high}px`;
    }
    if (!fresh && this.top !== undefined) this.hold();
    this.place();
  }

  redraw() {
    if (!this.at) return;
    this.remember();
    this.place();
  }

  // Which item the reader has at the upper edge.
  remember() {
    const index = Math.floor(this.scroller.scrollTop / this.high);
    this.top = this.atTop || index >= this.count ? undefined : this.key(this.at(index));
    this.topIndex = index;
  }

  // Brings that item back to where it was. New ones came in above, so it is looked for downwards.
  hold() {
    for (let index = this.topIndex; index < this.count; index += 1) {
      if (this.key(this.at(index)) !== this.top) continue;
      if (index !== this.topIndex) this.scroller.scrollTop += (index - this.topIndex) * this.high;
      this.topIndex = index;
      return;
    }
  }

  place() {
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / this.high) - SPARE_ROWS);
    const wanted = Math.ceil(this.height / this.high) + 2 * SPARE_ROWS;
    const last = Math.min(this.count, first + wanted);
    while (this.rows.length > Math.max(wanted, last - first)) this.rows.pop().node.remove();
    for (let index = first; index < last; index += 1) this.row(index % wanted).show(index, this);
    // Rows that show nothing of what is in sight.
    for (const row of this.rows) row.keep(first, last);
  }

  row(slot) {
    while (this.rows.length <= slot) {
      const row = new Row(this.make());
      this.rows.push(row);
      this.body.append(row.node);
    }
    return this.rows[slot];
  }

  toTop() {
    this.top = undefined;
    this.scroller.scrollTop = 0;
  }

  // Scrolls as little as needed for the item at this place to be seen.
  reveal(index) {
    const from = index * this.high;
    const { scrollTop } = this.scroller;
    if (from < scrollTop) this.scroller.scrollTop = from;
    else if (from + this.high > scrollTop + this.height) this.scroller.scrollTop = from + this.high - this.height;
  }
}

class Row {
  constructor(made) {
    this.made = made;
    this.node = made.node;
    this.node.classList.add('virtual-row');
    this.index = -1;
  }

  show(index, list) {
    if (this.index !== index) {
      this.index = index;
      this.node.style.transform = `translateY(${index * list.high}px)`;
      this.high = list.high;
      this.node.hidden = false;
    } else if (this.high !== list.high) {
      this.high = list.high;
      this.node.style.transform = `translateY(${index * list.high}px)`;
    }
    this.made.update(list.at(index), index, list.now);
  }

  keep(first, last) {
    if (this.index >= first && this.index < last) return;
    this.index = -1;
    this.node.hidden = true;
  }
}
