// The client: which transport is tried when, and what is said on it. All that it touches comes from `global` (timers,
// clock, WebSocket, fetch, the page and its events), so that tests run it in a world of their own.

import { createChannel } from './channel.js';
import {
  BACKOFF_MS, CLIMB_MS, LAST_BACKOFF_MS, LAST_OPEN_MS, OPEN_MS, PING_MS, STEADY_MS, URL_CHANNELS,
} from './limits.js';
import { ASKED, NONE } from './phase.js';
import { call, createSubscription } from './subscription.js';
import { parse, poll, sse, ws } from './transports.js';

/** @typedef {import('./transports.js').Line} Line
 * @typedef {{index: number, since: number, last: boolean, fresh?: boolean, timer?: any, names?: string[],
 *   way?: import('./transports.js').Way}} Link */

/** @type {Record<string, (line: Line) => import('./transports.js').Way>} */
const WAYS = { ws, sse, poll };

/** @param {{code?: string, message?: string, retry?: boolean}} why */
const problem = ({ code = 'unavailable', message = code, retry = false }) =>
  Object.assign(new Error(message), { code, retry });

/** @param {string} address @param {any} options */
const create = (address, { token, transports = Object.keys(WAYS), global = globalThis, ...given }) => {
  const { document: page, setTimeout, clearTimeout, Date, Math } = global;
  const { WebSocket = global.WebSocket, fetch = global.fetch } = given;
  const url = new URL(address, page?.baseURI).href.replace(/^ws/, 'http').replace(/\/+$/, '');
  /** @type {string[]} */
  const names = transports.filter((/** @type {string} */ name) => name !== 'ws' || WebSocket);
  /** @type {Map<string, import('./channel.js').Channel>} */
  const channels = new Map();
  /** @type {Record<string, Set<Function>>} */
  const listeners = { state: new Set(), frame: new Set() };

  let state = 'idle';
  /** @type {Error | undefined} */
  let failure;
  /** @type {Link | undefined} */
  let link; // in use
  /** @type {Link | undefined} */
  let trying; // being opened; beside `link` if it is of a better transport
  let first = 0; // the transport with which the next round of tries begins
  let attempt = 0;
  let pingMs = PING_MS;
  let hint = 0;
  let commandId = 0;
  let over = false;
  let syncing = false;
  /** @type {string | undefined} */
  let jwt;
  /** @type {any} */
  let timer; // until the next try

  // Positions outlive a reload of the page.

  const key = `spanwire:${url}`;

  /** @param {(storage: Storage) => any} use */
  const stored = (use) => {
    try {
      const { storage = global.sessionStorage } = given;
      return use(storage);
    } catch { /* none, forbidden or full: a reload begins anew */ }
  };
  /** @type {Record<string, string>} */
  const saved = stored((storage) => JSON.parse(storage.getItem(key) ?? '{}')) ?? {};
  const save = () => stored((storage) => storage.setItem(
    key, JSON.stringify({ ...saved, ...Object.fromEntries([...channels].map(([name, { lowest }]) => [name, lowest])) })));

  /** @param {string} name @param {unknown} value */
  const emit = (name, value) => listeners[name].forEach((listener) => call(listener, value));

  /** @param {string} next */
  const become = (next) => {
    if (next !== state) emit('state', state = next);
  };

  /** @param {Link | undefined} gone */
  const drop = (gone) => {
    if (gone === link) link = undefined;
    if (gone === trying) trying = undefined;
    clearTimeout(gone?.timer);
    gone?.way?.close();
  };

  /** The next try is in `ms`. @param {number} ms @param {number} index */
  const dialLater = (ms, index) => {
    clearTimeout(timer);
    timer = setTimeout(() => dial(index), ms);
  };

  /** @param {string} last @param {Error} [error] */
  const finish = (last, error) => {
    if (over) return;
    clearTimeout(timer);
    drop(trying);
    drop(link);
    over = true;
    failure = error;
    for (const name in events) global.removeEventListener?.(name, events[name]);
    become(last);
    for (const { all } of channels.values()) for (const one of all) one.end(error);
  };

  const getToken = async () => {
    jwt ??= typeof token === 'function' ? await token() : token;
  };

  /** @param {string} path @param {RequestInit} init @returns {Promise<Response>} */
  const request = (path, init) => fetch(url + path, {
    ...init, headers: { ...init.headers, ...(jwt && { authorization: 'Bearer ' + jwt }) },
  });

  /** @param {string} path @param {object} body @param {Record<string, string>} [headers] @returns {Promise<any>} */
  const post = async (path, body, headers) => {
    await getToken();
    const response = await request(path, {
      method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers },
    });
    const answer = parse(await response.text());
    if (response.ok) return answer;
    if (answer.code === 'unauthenticated') jwt = undefined;
    throw problem(answer);
  };

  /** Any sign of life puts off the end. @param {Link} its @param {number} [ms] */
  const guard = (its, ms = 2 * pingMs) => {
    clearTimeout(its.timer);
    its.timer = setTimeout(() => lost(its), ms);
  };

  /** Tries one transport; lost() goes on to the next. @param {number} index */
  const dial = async (index) => {
    clearTimeout(timer);
    timer = undefined;
    if (over || !channels.size) return;
    drop(trying);
    if (!link) become('connecting');
    /** @type {Link} */
    const its = trying = { index, since: Date.now(), last: index + 1 >= (link?.index ?? names.length) };
    guard(its, its.last ? LAST_OPEN_MS : OPEN_MS);
    try {
      its.fresh = typeof token !== 'function' || !jwt;
      await getToken();
      if (its === trying) its.way = WAYS[names[index]](line(its));
    } catch {
      lost(its);
    }
  };

  /** What a transport gets. @param {Link} its */
  const line = (its) => {
    /** @param {any} why */
    const end = (why) => lost(its, why);
    const heard = () => { if (its === link) guard(its); };
    /** @param {any} frame */
    const frame = (frame) => {
      if (its === trying && frame.type === '$hello') adopt(its, frame);
      heard();
      if (its === link) onFrame(frame);
    };
    return { url, WebSocket, token: jwt, query: () => query(its), request, heard, frame, end };
  };

  /** The transport works: everything goes by it from now on. @param {Link} its @param {any} hello */
  const adopt = (its, { ping_ms = PING_MS }) => {
    drop(link);
    trying = undefined;
    link = its;
    first = its.index;
    pingMs = ping_ms;
    // A transport whose channels stand in its URL has asked for those already.
    for (const [name, channel] of channels) if (!its.names?.includes(name)) channel.down();
    if (first) climbLater();
    become(first ? 'degraded' : 'online');
    sync();
  };

  const climbLater = () => dialLater(CLIMB_MS * (1 + Math.random()) / 2, 0);

  /** A connection ended, or did not come about. @param {Link} its @param {any} [why] @returns {void} */
  const lost = (its, why = {}) => {
    const { index } = its;
    const tried = its === trying;
    if (!tried && its !== link) return;
    drop(its);
    const { code, channel } = why;
    const refused = why.reconnect === false || (why.retry === false && /permission|unauth|invalid|range/.test(code));
    hint = why.after_ms || hint;
    if (code === 'unauthenticated') jwt = undefined;
    if (refused && (code !== 'unauthenticated' || its.fresh)) {
      if (!channel) return finish('failed', problem(why));
      onError(why);
    }
    if (tried) {
      if (refused) return void dial(index);
      if (!its.last) return void dial(index + 1);
      if (link) return index < first ? climbLater() : lost(link, why);
      first = 0;
    } else {
      channels.forEach((one) => one.down());
      if (Date.now() - its.since > STEADY_MS) attempt = 0;
    }
    if (trying) return become('connecting');
    become(channels.size ? 'offline' : 'idle');
    const backoff = Math.random() * Math.min(LAST_BACKOFF_MS, BACKOFF_MS * 2 ** attempt++);
    dialLater(hint || backoff, first);
    hint = 0;
  };

  /** Brings the server to what is wanted, once at the end of what runs now. */
  const sync = () => {
    if (!syncing) queueMicrotask(settle);
    syncing = true;
  };

  const settle = () => {
    syncing = false;
    if (over) return;
    const send = link?.way?.send;
    /** @param {string} cmd @param {string} channel @param {object} [more] */
    const command = (cmd, channel, more) => send?.({ cmd, id: ++commandId, channel, ...more });
    let changed = false;
    for (const [name, { all, phase }] of channels) {
      if (all.size) continue;
      channels.delete(name);
      if (phase) command('unsubscribe', name);
      changed = true;
    }
    if (!send && !channels.size) {
      drop(trying);
      link ? lost(link) : become('idle');
    } else if (send) {
      for (const [name, channel] of channels) {
        const start = channel.need();
        if (!start) continue;
        if (channel.phase) command('unsubscribe', name);
        const lists = [...channel.all].map((one) => one.types);
        const types = lists.every(Boolean) ? /** @type {string[]} */ ([...new Set(lists.flat())]) : undefined;
        channel.ask(start, types);
        command('subscribe', name, { ...start, types });
        channel.id = commandId;
      }
    } else if (link) {
      // A request with the new channels takes over. One thing after the other: what was asked is answered first.
      const all = inUrl();
      if (changed || (all.some(([, one]) => one.need()) && all.every(([, { phase }]) => phase !== ASKED))) dial(first);
    } else if (!trying && !timer) dial(first);
  };

  const inUrl = () => [...channels].slice(0, URL_CHANNELS);

  /** The channels and where they begin, as a URL has them. @param {Link} its */
  const query = (its) => {
    /** @type {string | undefined} */
    let begin;
    const positions = [];
    its.names = [];
    for (const [name, channel] of inUrl()) {
      if (channel.phase === ASKED) channel.phase = NONE;
      const need = channel.need();
      let start = need ?? channel.resume();
      if (!start.after) {
        // A URL has one beginning, for all of its channels that have no position. Others wait until it is served.
        begin ??= JSON.stringify(start);
        if (begin !== JSON.stringify(start)) {
          start = channel.resume();
          if (!start.after) continue;
        }
      }
      // Types are not asked for: they would be the same for all channels.
      if (need) channel.ask(start);
      its.names.push(name);
      positions.push(start.after ?? '-');
    }
    return new URLSearchParams([
      ...its.names.map((name) => ['channel', name]), ['cursor', positions.join()],
      ...Object.entries(JSON.parse(begin ?? '{}')),
    ]);
  };

  /** @param {any} frame */
  const onFrame = (frame) => {
    emit('frame', frame);
    const { type, id, after_ms } = frame;
    const channel = channels.get(frame.channel);
    if (type === '$error') onError(frame);
    else if (type === '$drain') hint = after_ms;
    else if (type === '$token_expiring') {
      jwt = undefined;
      dial(first);
    } else if (channel && !(id < channel.id)) { // an answer to a subscribe that was taken back
      channel.onFrame(frame);
      if (type === '$live') sync();
    }
  };

  /** A subscribe failed, or a subscription ended. @param {any} why */
  const onError = (why) => {
    if (why.retry && link) return lost(link, why);
    for (const [name, channel] of channels) {
      const { id, all } = channel;
      if (why.id ? why.id !== id : why.channel !== name) continue;
      channel.phase = NONE;
      for (const one of all) one.end(problem(why));
    }
  };

  const rest = () => {
    if (link) lost(link);
  };

  const hurry = () => {
    attempt = 0;
    if (!trying && (!link || first)) dial(0);
  };

  /** @type {Record<string, () => void>} */
  const events = {
    // A page that is kept for "back" must not hold a connection. Its timers stand still.
    pagehide: () => {
      save();
      rest();
    },
    pageshow: hurry,
    online: hurry,
    offline: rest, // the socket might stay silent for long
    visibilitychange: () => (page.hidden ? save() : hurry()), // bubbles up to the window
  };
  if (page) for (const name in events) global.addEventListener(name, events[name]);

  return {
    get state() { return state; },
    get transport() { return link && names[link.index]; },
    get error() { return failure; },

    /** @param {string} name @param {Function} listener */
    on(name, listener) {
      listeners[name].add(listener);
      return () => { listeners[name].delete(listener); };
    },

    /** @param {string} name @param {any} [options] */
    subscribe(name, options = {}) {
      if (over) throw failure ?? problem({ code: 'cancelled' });
      const channel = channels.get(name) ?? createChannel();
      channels.set(name, channel);
      const subscription = createSubscription(name, options, saved[name], () => {
        if (subscription.ended) channel.all.delete(subscription);
        sync();
      });
      delete saved[name];
      channel.join(subscription);
      sync();
      return subscription;
    },

    /** @param {string} channel @param {object} event */
    async publish(channel, event, key = `${Math.random()}`) {
      const { positions: [first] } = await post('/v1/publish', { ...event, channels: [channel] }, { 'idempotency-key': key });
      return first?.position;
    },

    /** @param {string} channel @param {object} [options] */
    history: (channel, options) => post('/v1/cmd', { cmd: 'history', channel, ...options }),

    close() {
      finish('closed');
      stored((storage) => storage.removeItem(key));
    },
  };
};

/** @type {typeof import('./index.js').connect} */
export const connect = (url, options = {}) => /** @type {any} */ (create(url, options));
