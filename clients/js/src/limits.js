// Every bound and time of the client. In a file of their own, without imports: then bundlers write the numbers where they
// are used.

export const OPEN_MS = 3000; // for a transport to open, while there is another one to try …
export const LAST_OPEN_MS = 10_000; // … and when there is none
export const BACKOFF_MS = 250; // at first; doubles up to …
export const LAST_BACKOFF_MS = 20_000;
export const STEADY_MS = 5000; // a connection that lived this long ends the backoff
export const CLIMB_MS = 30_000; // until a better transport is tried, at most
export const PING_MS = 25_000; // until $hello says otherwise
export const URL_CHANNELS = 32; // the server's limit without a WebSocket
export const POLL_SECONDS = 25;
export const QUEUE = 1000; // events that wait for an iterator; then it is refilled from the server's log
export const COPIES = 1e5; // whose `was` is remembered: more than a broker remembers of a channel
