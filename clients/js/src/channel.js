// What the subscriptions of one channel need of the server together, and who of them gets which frame. Does no I/O.

import { ASKED, LIVE, NONE } from './phase.js';
import { compare } from './position.js';

/** @typedef {import('./subscription.js').Subscription} Subscription
 * @typedef {{after?: string, last?: number, since?: string, from?: string}} Start
 * @typedef {ReturnType<typeof createChannel>} Channel */

export const createChannel = () => {
  /** @type {Set<Subscription>} */
  const all = new Set();
  let asked = '{}'; // where to begin, as JSON
  /** @type {string[] | undefined} */
  let wanted; // types asked for; undefined is all
  /** @type {string | undefined} */
  let at; // how far the server has come

  const reading = () => [...all].filter((one) => !one.paused);

  /** @param {Subscription} one */
  const uncovered = ({ types }) => !!wanted && !types?.every((type) => wanted?.includes(type));

  const self = {
    all,
    phase: NONE,
    id: 0, // of the last subscribe command

    /** The lowest position of those that read. */
    get lowest() {
      const positions = /** @type {string[]} */ (reading().map(({ position }) => position).filter(Boolean));
      return positions.sort(compare)[0];
    },

    /** Where to subscribe from; undefined if nothing is to be asked. Who stands somewhere is served before who begins,
     * and beginners with different wishes one after the other: all of them share one subscription.
     * @returns {Start | undefined} */
    need() {
      const { phase, lowest } = self;
      const beginner = reading().find((one) => !one.position);
      if (phase === ASKED) return;
      if (lowest && (!phase || reading().some((one) => one.behind))) return { after: lowest };
      if (beginner) return JSON.parse(beginner.start);
      if (!phase) return { after: at };
    },

    /** Where a channel is resumed that needs nothing. @returns {Start} */
    resume: () => ({ after: self.lowest ?? at }),

    /** @param {Start} start @param {string[]} [types] */
    ask(start, types) {
      asked = JSON.stringify(start);
      wanted = types;
      self.phase = ASKED;
    },

    /** The connection is gone. */
    down() {
      self.phase = NONE;
      for (const one of all) one.setLive(false);
    },

    /** The server has told all up to `position`: who wants what comes from now on begins here. @param {string} position */
    onLive(position) {
      self.phase = LIVE;
      for (const one of all) {
        if (!one.position && one.start === '{}') {
          one.reach(position);
          one.behind = uncovered(one);
        }
        if (one.ready) one.setLive(true);
      }
    },

    /** @param {Subscription} one */
    join(one) {
      all.add(one);
      if (self.phase === LIVE) self.onLive(/** @type {string} */ (at));
    },

    /** An event or control frame of this channel. @param {any} frame */
    onFrame(frame) {
      const { type, position, id } = frame;
      const control = type[0] === '$';
      at = (control ? position : id) ?? at;
      for (const one of all) {
        if (type === '$subscribed') {
          if (self.phase !== ASKED) continue;
          const begins = !one.position && one.start === asked;
          if (begins) one.reach(position);
          if (begins || asked.startsWith('{"after')) one.behind = one.paused || uncovered(one);
        } else if (!one.ready) continue;
        else if (!control) one.onEvent(frame);
        else if (type === '$gap') one.onGap(frame);
        else if (position) one.advance(position);
      }
      if (type === '$live') self.onLive(position);
    },
  };
  return self;
};
