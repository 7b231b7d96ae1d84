// The only place that makes elements. Text goes in as text, never as markup.

export function byId(id) {
  return document.getElementById(id);
}

// el('p', 'note', 'text') or el('li', 'row', [child, child]).
export function el(tag, className = '', content = null) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (Array.isArray(content)) node.append(...content);
  else if (content !== null) node.textContent = content;
  return node;
}

// These write only what differs: the browser then has nothing to lay out anew.
export function setText(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

export function setData(node, key, value) {
  if (node.dataset[key] !== value) node.dataset[key] = value;
}

export function setTitle(node, value) {
  if (node.title !== value) node.title = value;
}

export function show(node, visible) {
  if (node.hidden === visible) node.hidden = !visible;
}

// A list of elements kept equal to a list of items, by key; elements that stay are not touched.
export class KeyedList {
  // make(item) → { node, update(item, now), close() if it must know that it goes }
  constructor(parent, key, make) {
    this.parent = parent;
    this.key = key;
    this.make = make;
    this.rows = new Map();
  }

  draw(items, now) {
    const keep = new Set(items.map(this.key));
    for (const [key, row] of this.rows) {
      if (keep.has(key)) continue;
      row.node.remove();
      if (row.close) row.close();
      this.rows.delete(key);
    }
    let place = this.parent.firstChild;
    for (const item of items) {
      const key = this.key(item);
      let row = this.rows.get(key);
      if (!row) {
        row = this.make(item);
        this.rows.set(key, row);
      }
      if (row.node === place) place = place.nextSibling;
      else this.parent.insertBefore(row.node, place);
      row.update(item, now);
    }
  }
}
