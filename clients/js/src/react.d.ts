import type { Client, EventOf, Gap, SpanwireError, Start, State } from './index.js';
import type { Payloads } from './payloads.js';

/** The client's state; renders when it changes. */
export function useConnection(client: Client<any>): State;

export interface ChannelOptions extends Start {
  types?: string[];
  /** How many events are kept; 1,000 if not given. */
  limit?: number;
}

export interface ChannelView<E> {
  /** The newest, oldest first. */
  events: E[];
  /** Whether it has caught up. */
  live: boolean;
  /** The last one. */
  gap?: Gap;
  /** Why the subscription ended. */
  error?: SpanwireError;
}

/** Follows a channel as long as the component is there; none if `channel` is empty. */
export function useChannel<P = Payloads, E = EventOf<P>>(
  client: Client<P>, channel: string | null | undefined, options?: ChannelOptions): ChannelView<E>;
