// The three ways to the bridge. Each gets a line (see index.js) and tells it heard() for a sign of life, frame() for a
// frame and end() once it is over. What it returns can close(), and send() commands if it is a WebSocket; the others have
// their channels in the URL.

import { POLL_SECONDS } from './limits.js';
import { before } from './position.js';

/** @typedef {any} Line
 * @typedef {{close(): void, send?(command: object): void}} Way */

/** @param {string} text */
export const parse = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return {}; // not from the bridge
  }
};

/** @param {Line} line @returns {Way} */
export const ws = ({ url, token, WebSocket, frame, end }) => {
  const socket = new WebSocket(url.replace(/^http/, 'ws') + '/v1/ws',
    token ? ['spanwire.v1', 'bearer.' + token] : ['spanwire.v1']);
  socket.onmessage = (/** @type {{data: string}} */ { data }) => frame(parse(data));
  // Codes from 3500 to 3999 mean never, even if something on the way took the reason.
  socket.onerror = socket.onclose = (/** @type {{code: number, reason: string}} */ { code, reason }) => (
    end({ reconnect: Math.floor(code / 500) !== 7, ...parse(reason) }));
  return {
    send: (command) => socket.send(JSON.stringify(command)),
    close: () => socket.close(),
  };
};

/** `session` gives why it is over. @param {(line: Line, get: (path: string) => Promise<Response>) => Promise<any>} session
 * @returns {(line: Line) => Way} */
const byRequests = (session) => (line) => {
  const abort = new AbortController();
  session(line, (path) => line.request(path, { signal: abort.signal })).catch(() => ({})).then(line.end);
  return { close: () => abort.abort() };
};

/** Server-sent events by fetch, not EventSource: it can send a token, tells why it was refused, and Node has it. */
export const sse = byRequests(async ({ query, heard, frame }, get) => {
  const response = await get(`/v1/sse?${query()}`);
  if (!response.ok) return response.json();
  const reader = /** @type {ReadableStream} */ (response.body).pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ''; ;) {
    const { done, value } = await reader.read();
    if (done) return {};
    heard();
    const lines = (rest + value).split('\n');
    rest = /** @type {string} */ (lines.pop());
    for (const field of lines) if (field.startsWith('data:')) frame(parse(field.slice(5)));
  }
});

/** An answer becomes the frames that a stream would have had. */
export const poll = byRequests(async ({ query, frame }, get) => {
  // The first one tells whether this works, so it is short.
  for (let wait = 1; ; wait = POLL_SECONDS) {
    const asked = query();
    const response = await get(`/v1/poll?${asked}&wait=${wait}`);
    const text = await response.text();
    const { events = [], more, cursor = asked.get('cursor'), lost, ...why } = parse(text);
    if (!response.ok && !lost) return why;
    frame({ type: '$hello' });
    /** @type {string[]} */
    const names = asked.getAll('channel');
    const positions = cursor.split(',');
    names.forEach((channel, i) => {
      const first = events.find((/** @type {any} */ event) => event.channel === channel && event.id);
      frame({ type: '$subscribed', channel, position: first ? before(first) : positions[i] });
    });
    for (const gap of lost ?? []) frame({ ...gap, type: '$gap' });
    events.forEach(frame);
    more || names.forEach((channel, i) => frame({ type: '$live', channel, position: positions[i] }));
  }
});
