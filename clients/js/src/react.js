// React's view of a client: two hooks. Neither opens nor closes it.

import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';

const SHOW_MS = 16; // events that come together are shown together
/** @type {any} */
const NOTHING = { events: [], live: false };

/** @type {typeof import('./react.js').useConnection} */
export const useConnection = (client) => useSyncExternalStore(
  useCallback((/** @type {() => void} */ changed) => client.on('state', changed), [client]),
  () => client.state, () => client.state);

/** @type {typeof import('./react.js').useChannel} */
export const useChannel = (client, channel, { limit = 1000, ...options } = {}) => {
  const [view, setView] = useState(NOTHING);
  const wish = JSON.stringify(options);
  useEffect(() => {
    setView(NOTHING);
    if (!channel) return;
    let next = NOTHING;
    /** @type {any[]} */
    let fresh = [];
    /** @type {any} */
    let timer;
    const change = (/** @type {object} */ what = {}) => {
      next = { ...next, ...what };
      timer ??= setTimeout(() => {
        timer = undefined;
        next = { ...next, events: [...next.events, ...fresh].slice(-limit) };
        fresh = [];
        setView(next);
      }, SHOW_MS);
    };
    const subscription = client.subscribe(channel, {
      ...JSON.parse(wish),
      onEvent: (event) => (fresh.push(event), change()),
      onLive: () => change({ live: true }),
      onGap: (gap) => change({ gap }),
      onError: (error) => change({ error, live: false }),
    });
    return () => {
      clearTimeout(timer);
      subscription.close();
    };
  }, [client, channel, wish, limit]);
  return view;
};
