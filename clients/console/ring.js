// The newest items of a stream, at most `bound` of them. Adding one costs the same however many there are.

export class Ring {
  constructor(bound) {
    this.bound = bound;
    this.items = [];
    this.first = 0; // where the oldest stands, once the ring is full
  }

  get length() {
    return this.items.length;
  }

  // Returns the item that had to go, if any.
  push(item) {
    if (this.items.length < this.bound) {
      this.items.push(item);
      return undefined;
    }
    const gone = this.items[this.first];
    this.items[this.first] = item;
    this.first = (this.first + 1) % this.bound;
    return gone;
  }

  // Removes and returns the oldest.
  shift() {
    if (this.first > 0) {
      this.items = this.toArray();
      this.first = 0;
    }
    return this.items.shift();
  }

  // 0 is the newest.
  newest(index) {
    const { length } = this.items;
    if (index < 0 || index >= length) return undefined;
    return this.items[(this.first + length - 1 - index) % length];
  }

  // Oldest first.
  toArray() {
    return [...this.items.slice(this.first), ...this.items.slice(0, this.first)];
  }
}
