// Events a second, over the last whole seconds. Pure: time is given.

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
