import type { Payloads } from './payloads.js';

export type * from './payloads.js';

/** Where an event stands in its channel. Compare for equality only. */
export type Position = string;

/** What all events have around their `data`. */
export interface Envelope {
  /** When it happened, by the agent's clock; RFC 3339. */
  timestamp: string;
  /** '' if none. */
  session_id: string;
  /** Where it came. */
  channel: string;
  /** Its position; none if the event is transient: live only, never repeated. */
  id?: Position;
  prev?: Position;
  agent?: string;
  user_id?: string;
  traceparent?: string;
  /** When the broker took it. */
  accepted_at?: string;
  /** The position of which this is a copy. */
  was?: Position;
}

/** An event of one of the types in P; `event.type` tells which, and so what `event.data` is. */
export type EventOf<P> = { [T in keyof P & string]: Envelope & { type: T; data: P[T] } }[keyof P & string];

/** An event of a built-in type. */
export type Event = EventOf<Payloads>;

/** Events that are missing: those after `after`, up to and with `position`. */
export interface Gap {
  channel: string;
  after: Position;
  position: Position;
  /** trimmed, slow: the log no longer has them. lost: Redis lost the channel. rollback: a failover of Redis took back
   * events that were seen. unannounced: the server skipped them without a word. */
  reason: 'trimmed' | 'slow' | 'lost' | 'rollback' | 'unannounced' | (string & {});
}

export interface SpanwireError extends Error {
  /** One of gRPC's codes, in lower case: 'permission_denied'. */
  code: string;
  /** Whether the same may succeed later. */
  retry: boolean;
}

/** Where a subscription begins. None of them: from now on or, after a reload of the page, where it was. */
export interface Start {
  /** What came after a position. */
  after?: Position;
  /** The last 1 to 1,000 events. */
  last?: number;
  /** What was accepted at a time or later; RFC 3339. */
  since?: string;
  /** All that the log has. */
  from?: 'start';
}

export interface SubscribeOptions<E> extends Start {
  /** Only these: a type, or the beginning of one and `*`. */
  types?: string[];
  /** Gets every event, once, in order. Without it, iterate over the subscription. */
  onEvent?(event: E): void;
  /** Events are missing. */
  onGap?(gap: Gap): void;
  /** What was missed has been given; what follows is live. Comes again after each interruption. */
  onLive?(subscription: Subscription<E>): void;
  /** The subscription has ended; the iterator throws the same. */
  onError?(error: SpanwireError): void;
}

export interface Subscription<E = Event> extends AsyncIterable<E> {
  readonly channel: string;
  /** How far it has come; keep it with what you store, and begin `after` it. */
  readonly position: Position | undefined;
  /** Whether it has caught up. */
  readonly live: boolean;
  /** No event follows. Leaving a `for await` loop does the same. */
  close(): void;
}

/** idle: nothing is subscribed, nor connected. connecting: a transport is tried. online: connected. degraded: connected by a worse
 * transport than the first; a better one is tried now and then. offline: waiting for the next try. closed: by close().
 * failed: refused for good; `error` says why. */
export type State = 'idle' | 'connecting' | 'online' | 'degraded' | 'offline' | 'closed' | 'failed';

export type Transport = 'ws' | 'sse' | 'poll';

export interface ConnectOptions {
  /** A token, or a function that gets one: at first, when it is about to expire, and when it was refused. */
  token?: string | (() => string | Promise<string>);
  /** Which are tried, in this order. All three if not given. */
  transports?: Transport[];
  /** Where positions outlive a reload: the page's sessionStorage if not given, nowhere if null. */
  storage?: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> | null;
  /** Instead of the global one. */
  WebSocket?: new (url: string, protocols: string[]) => any;
  /** Instead of the global one. */
  fetch?: typeof fetch;
}

/** What is published: an event's type and data, and what else is to be said. */
export type Publication<P = Payloads> = { [T in keyof P & string]: { type: T; data?: Partial<P[T]> } }[keyof P & string]
  & Partial<Pick<Envelope, 'timestamp' | 'session_id' | 'agent' | 'user_id' | 'traceparent'>> & { audience?: string[] };

export interface History<E> {
  events: E[];
  /** There are events after the last of these; go on after `position`. */
  more: boolean;
  position: Position;
  gap?: Omit<Gap, 'channel'>;
}

export interface Client<P = Payloads> {
  readonly state: State;
  /** By what it is connected. */
  readonly transport: Transport | undefined;
  /** Why it failed. */
  readonly error: SpanwireError | undefined;
  /** Subscriptions of one channel share one at the server, which ends with the last of them. */
  subscribe<E = EventOf<P>>(channel: string, options?: SubscribeOptions<E>): Subscription<E>;
  /** Publishes an event. Gives its position, none if it is transient. If it fails, nobody may know whether it arrived:
   * with the same `key` (1 to 123 of A-Z a-z 0-9 . _ ~ : @ | + = -) it can be tried again and is published once. */
  publish(channel: string, event: Publication<P>, key?: string): Promise<Position | undefined>;
  /** Reads a channel's log without subscribing: at most `limit` events (100) after a position, or from its beginning. */
  history<E = EventOf<P>>(channel: string, options?: { after?: Position; limit?: number }): Promise<History<E>>;
  /** Ends everything, for good. */
  close(): void;
  /** Returns what takes the listener away again. */
  on(name: 'state', listener: (state: State) => void): () => void;
  /** Every frame as it came, the server's own ($…) as well. */
  on(name: 'frame', listener: (frame: any) => void): () => void;
}

/** Makes a client of the bridge at `url` (in a page, relative ones work). It connects with the first subscription.
 * Custom payloads are declared as `connect<Payloads & { my_type: { text: string } }>(…)`. */
export function connect<P = Payloads>(url: string, options?: ConnectOptions): Client<P>;
