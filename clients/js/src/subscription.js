// One caller's subscription: how far it has come, and its events, for a listener or an iterator. Does no I/O; channel.js
// feeds it.

import { COPIES, QUEUE } from './limits.js';
import { before, compare, parts } from './position.js';

/** Calls what the user gave; what it throws is the user's, and must not stop the client.
 * @param {Function | undefined} listener @param {unknown} [value] */
export const call = (listener, value) => {
  try {
    listener?.(value);
  } catch (error) {
    queueMicrotask(() => { throw error; });
  }
};

/** @typedef {ReturnType<typeof createSubscription>} Subscription */

/** @param {string} channel @param {any} options @param {string | undefined} saved a position of an earlier life
 * @param {() => void} changed it needs something else of the server than before */
export const createSubscription = (channel, { after, last, since, from, types, ...on }, saved, changed) => {
  // What to ask for while it has no position; '{}' is from now on.
  const start = JSON.stringify({ last, since, from });
  after ??= start === '{}' ? saved : undefined;
  /** @type {Record<number, number>} */
  const ends = {}; // how far it came in each epoch
  const copied = new Set(); // the positions of which it was shown copies
  /** @type {string | undefined} */
  let hole;
  /** @type {any[]} */
  const queue = [];
  /** @type {Function | undefined} */
  let wake; // the iterator, which waits

  const self = {
    channel,
    position: /** @type {string | undefined} */ (after),
    live: false,
    /** @type {string[] | undefined} */
    types,
    start,
    // It needs a replay from its position before anything else: frames pass it by until then.
    behind: !!after,
    paused: false,
    /** @type {any} */
    ended: undefined,

    get ready() { return self.position && !self.behind; },

    /** Stands at `position` from now on, be it lower than before. @param {string} position */
    reach(position) {
      self.position = position;
      const [epoch, seq] = parts(position);
      ends[epoch] = Math.max(seq, ends[epoch] ?? 0);
    },

    /** Nothing to see up to `position`. @param {string} position */
    advance(position) {
      if (compare(position, /** @type {string} */ (self.position)) > 0) self.reach(position);
    },

    /** @param {any} event */
    onEvent(event) {
      const position = /** @type {string} */ (self.position);
      const { id, was, type } = event;
      if (id) {
        if (!(compare(id, position) > 0)) return; // seen, or no position at all
        const known = before(event);
        if (compare(known, position) > 0) {
          // The server does not do that. Ask again; when that does not help, say so and go on.
          if (hole !== position) {
            hole = position;
            self.behind = true;
            return changed();
          }
          self.onGap({ position: known, reason: 'unannounced' });
        }
        self.reach(id);
        if (was) {
          const [epoch, seq] = parts(was);
          if (seq <= ends[epoch] || copied.has(was)) return;
          if (copied.add(was).size > COPIES) copied.clear();
        }
      }
      if (types?.every((/** @type {string} */ one) => (
        one.endsWith('*') ? !type.startsWith(one.slice(0, -1)) : type !== one))) return;
      if (on.onEvent) return call(on.onEvent, event);
      if (queue.push(event) >= QUEUE) self.behind = self.paused = true;
      wake?.();
    },

    /** @param {{position: string, reason: string}} gap */
    onGap({ position, reason }) {
      const after = /** @type {string} */ (self.position);
      if (reason !== 'rollback' && compare(position, after) <= 0) return;
      self.reach(position);
      call(on.onGap, { channel, after, position, reason });
    },

    /** @param {boolean} live */
    setLive(live) {
      if (live && !self.live) call(on.onLive, self);
      self.live = live;
    },

    /** @param {any} [error] none: the caller's wish */
    end(error) {
      if (self.ended) return;
      self.ended = error ?? true;
      self.live = false;
      if (error) call(on.onError, error);
      wake?.();
      changed();
    },

    close: () => self.end(),

    async* [Symbol.asyncIterator]() {
      try {
        for (;;) {
          if (queue.length) yield queue.shift();
          else if (self.ended?.code) throw self.ended;
          else if (self.ended) return;
          else {
            if (self.paused) {
              self.paused = false;
              changed();
            }
            await new Promise((resolve) => { wake = resolve; });
          }
        }
      } finally {
        self.end();
      }
    },
  };
  if (after) self.reach(after);
  return self;
};
