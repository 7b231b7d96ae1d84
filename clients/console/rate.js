// Events a second, over the last whole seconds; and how long events took to come. Pure: time is given.

export class Rate {
  constructor(seconds) {
    this.buckets = new Array(seconds).fill(0);
    this.second = 0;
  }

  count(ms) {
    this.turn(ms);
    this.buckets[this.second % this.buckets.length] += 1;
  }

  turn(ms) {
    const second = Math.floor(ms / 1000);
    const steps = Math.min(second - this.second, this.buckets.length);
    for (let i = 1; i <= steps; i += 1) this.buckets[(second - steps + i) % this.buckets.length] = 0;
    if (second > this.second) this.second = second;
  }

  // Oldest first, without the second that is under way.
  series(ms) {
    this.turn(ms);
    const length = this.buckets.length;
    return Array.from({ length: length - 1 }, (_, i) => this.buckets[(this.second + 1 + i) % length]);
  }

  perSecond(ms, seconds) {
    const recent = this.series(ms).slice(-seconds);
    return recent.reduce((sum, n) => sum + n, 0) / recent.length;
  }
}

const SAMPLES = 64;

// The median of the newest delays. The clocks of two machines differ: what lies in the future says nothing.
export class Latency {
  constructor() {
    this.samples = [];
    this.next = 0;
  }

  add(ms) {
    this.samples[this.next] = ms;
    this.next = (this.next + 1) % SAMPLES;
  }

  // null: unknown.
  median() {
    if (this.samples.length === 0) return null;
    const sorted = [...this.samples].sort((a, b) => a - b);
    const middle = sorted[sorted.length >> 1];
    return middle < 0 ? null : middle;
  }
}
