// What one subscription has seen, and whether anything is missing: protocol.md's check, prev <= last seen < id.
// Pure: no clock, no socket.

// A position, "<decimal>-<decimal>"; both parts stay below 2^53. null: not a position.
export function parsePosition(text) {
  const match = /^(\d{1,16})-(\d{1,16})$/.exec(typeof text === 'string' ? text : '');
  return match && { epoch: Number(match[1]), seq: Number(match[2]) };
}

export function comparePositions(a, b) {
  return a.epoch - b.epoch || a.seq - b.seq;
}

const REMEMBERED_RUNS = 64;

// The positions that events came with, as runs without a hole within an epoch. The oldest runs are forgotten first.
class SeenPositions {
  constructor() {
    this.runs = []; // { epoch, from, to }
  }

  add({ epoch, seq }) {
    const run = this.runs.findLast((known) => known.epoch === epoch && seq >= known.from - 1 && seq <= known.to + 1);
    if (run) {
      run.from = Math.min(run.from, seq);
      run.to = Math.max(run.to, seq);
      return;
    }
    this.runs.push({ epoch, from: seq, to: seq });
    if (this.runs.length > REMEMBERED_RUNS) this.runs.shift();
  }

  has({ epoch, seq }) {
    return this.runs.some((run) => run.epoch === epoch && run.from <= seq && seq <= run.to);
  }
}

export class ChannelState {
  constructor(name) {
    this.name = name;
    this.last = null; // the text of the last position seen; null: none yet
    this.phase = 'new'; // new, subscribing, replaying, live, refused, left
    this.received = 0;
    this.replayed = 0;
    this.transient = 0;
    this.duplicates = 0;
    this.lost = 0; // events known to be missing
    this.gaps = 0; // holes, told by the server or found here
    this.uncertain = false; // a hole whose size nobody can know: the log began anew within it
    this.reason = ''; // of the newest hole
    this.error = '';
    this.lastAt = 0;
    this.seen = new SeenPositions(); // of events, or of what they are copies of
  }

  // $subscribed. Who resumes starts where it stopped; a server that starts later has left something out.
  onSubscribed(position) {
    const last = parsePosition(this.last);
    const start = parsePosition(position);
    if (last && start && comparePositions(start, last) > 0) this.countHole(last, start, 'unannounced');
    this.advance(position);
  }

  // $position and $live say how far this subscription is. A connection that takes over from another begins behind it.
  advance(position) {
    const last = parsePosition(this.last);
    const next = parsePosition(position);
    if (next && !(last && comparePositions(next, last) < 0)) this.last = position;
  }

  moveTo(position) {
    if (parsePosition(position)) this.last = position;
  }

  // $gap: what lies between cannot be had. The position may be the lower one: never the maximum.
  onGap(frame) {
    const after = parsePosition(frame.after);
    const position = parsePosition(frame.position);
    this.countHole(after, position, String(frame.reason || 'unknown'));
    this.moveTo(frame.position);
  }

  // True when the event is new to this subscription; false: a copy, already seen.
  onEvent(event) {
    const id = parsePosition(event.id);
    if (!id) {
      this.transient += 1;
      this.received += 1;
      return true;
    }
    const last = parsePosition(this.last);
    const was = parsePosition(event.was);
    if ((last && comparePositions(id, last) <= 0) || (was && this.seen.has(was))) {
      this.duplicates += 1;
      if (last && comparePositions(id, last) > 0) this.last = event.id;
      return false;
    }
    this.seen.add(was || id);
    const prev = parsePosition(event.prev) || { epoch: id.epoch, seq: id.seq - 1 };
    if (last && comparePositions(prev, last) > 0) this.countHole(last, prev, 'unannounced');
    this.last = event.id;
    this.received += 1;
    if (this.phase === 'replaying') this.replayed += 1;
    return true;
  }

  // A copy of what was seen, which was left out.
  onCopy(id) {
    const last = parsePosition(this.last);
    const position = parsePosition(id);
    if (!position || (last && comparePositions(position, last) <= 0)) return;
    this.duplicates += 1;
    this.last = id;
  }

  countHole(after, position, reason) {
    this.gaps += 1;
    this.reason = reason;
    if (after && position && after.epoch === position.epoch && position.seq > after.seq) {
      this.lost += position.seq - after.seq;
    } else {
      if (after && position && position.epoch > after.epoch) this.lost += position.seq;
      this.uncertain = true;
    }
  }
}

const COUNTS = ['received', 'replayed', 'transient', 'duplicates', 'lost', 'gaps'];

export function noCounts() {
  return { ...Object.fromEntries(COUNTS.map((key) => [key, 0])), uncertain: false };
}

// Adds a channel's counts to a sum.
export function addCounts(sum, channel) {
  for (const key of COUNTS) sum[key] += channel[key];
  sum.uncertain = sum.uncertain || channel.uncertain;
}
