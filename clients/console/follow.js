// Which channels the console follows: the global one, then the sessions and agents that it hears of, then what the user
// asks for. Bounded: when there is no room, the session that finished longest ago goes.

const FOLLOWED = 100;
const AGENTS_FOLLOWED = 40;
const WAITING = 500; // sessions heard of while the global channel replays
const REPLAY = 200;
const ID = /^[A-Za-z0-9._~:@|+=-]{1,128}$/;

export class Follower {
  constructor(link, state, prefix) {
    this.link = link;
    this.state = state;
    this.prefix = prefix;
    this.global = `${prefix}:global`;
    this.pinned = new Set([this.global]);
    this.agents = new Set();
    this.heardOf = new Map(); // session id → true, in the order last heard of
    this.skipped = 0; // not followed for want of room
    link.subscribe(this.global, { last: REPLAY });
  }

  // The user's wish. Returns what is wrong with it, or ''.
  pin(name) {
    const parts = name.split(':');
    const family = parts[1];
    const known = name === this.global || (['session', 'agent', 'user'].includes(family)
      && parts[0] === this.prefix && ID.test(parts.slice(2).join(':')));
    if (!known) return `A channel is ${this.prefix}:global or ${this.prefix}:session|agent|user:<id>.`;
    this.pinned.add(name);
    if (!this.link.wanted.has(name) && !this.makeRoom()) return `At most ${this.limit} channels.`;
    this.link.subscribe(name, { last: REPLAY });
    return '';
  }

  get limit() {
    return Math.min(FOLLOWED, this.link.limit);
  }

  // Called for every event.
  see(event, channel) {
    if (ID.test(event.agent || '')) this.followAgent(event.agent);
    if (channel.name !== this.global || !ID.test(event.session_id || '')) return;
    this.heardOf.delete(event.session_id);
    this.heardOf.set(event.session_id, true);
    if (this.heardOf.size > WAITING) this.heardOf.delete(this.heardOf.keys().next().value);
    if (channel.phase !== 'replaying') this.followHeardOf();
  }

  // Called when the global channel is live; the newest first, since they are the ones that there is room for.
  followHeardOf() {
    const ids = [...this.heardOf.keys()].reverse();
    this.heardOf.clear();
    for (const id of ids) {
      const name = `${this.prefix}:session:${id}`;
      if (this.link.wanted.has(name)) continue;
      const session = this.state.sessions.get(id);
      const full = this.link.wanted.size >= this.limit;
      if ((full && session && session.finished) || !this.makeRoom()) this.skipped += 1;
      else this.link.subscribe(name, { last: REPLAY });
    }
  }

  followAgent(agent) {
    if (this.agents.has(agent) || this.agents.size >= AGENTS_FOLLOWED || !this.makeRoom()) return;
    this.agents.add(agent);
    this.link.subscribe(`${this.prefix}:agent:${agent}`, { last: REPLAY });
  }

  makeRoom() {
    if (this.link.wanted.size < this.limit) return true;
    let oldest = null;
    for (const session of this.state.sessions.values()) {
      const name = `${this.prefix}:session:${session.id}`;
      if (!session.finished || this.pinned.has(name) || !this.link.wanted.has(name)) continue;
      if (!oldest || session.updatedAt < oldest.updatedAt) oldest = session;
    }
    if (!oldest) return false;
    this.link.unsubscribe(`${this.prefix}:session:${oldest.id}`);
    return true;
  }
}
