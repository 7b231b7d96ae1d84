"""What one instance has published and the broker has not acknowledged yet.

A bounded queue of encoded events with consecutive sequences, and a mark up to where they have been sent on the present
stream:  first <= ... sent ... < next <= ... waiting ... < end.  A pure machine: no clock, no I/O, no thread of its own.
"""

from collections import deque
from itertools import islice

EVENT_BYTES = 262_144  # of one encoded event
BATCH_EVENTS = 1_024  # of one batch
BATCH_BYTES = 1_048_576  # of one encoded PublishStreamRequest
_FRAME_SLACK = 32  # two tags and two varints at most


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def batch_frame(first_sequence: int, framed_events: bytes) -> bytes:
    """An encoded PublishStreamRequest with one batch: the events are encoded already, once, when they are published."""
    body = b"\x08" + varint(first_sequence) + framed_events
    return b"\x12" + varint(len(body)) + body


def framed(event: bytes) -> bytes:
    """An encoded event as an element of a batch."""
    return b"\x12" + varint(len(event)) + event


class Window:
    def __init__(self, max_events: int, max_bytes: int) -> None:
        self.max_events = max_events
        self.max_bytes = max_bytes
        self.first = 1  # lowest sequence that is not done with
        self.acked = 0
        self.nacked = 0
        self.resent = 0
        self._events: deque[bytes] = deque()  # framed
        self._bytes = 0
        self._next = 1  # first that was not sent on this stream
        self._ever_sent = 1  # first that was never sent at all
        self._suspects_end = 0  # up to here one at a time
        self._refused: set[int] = set()  # nacked, and not acknowledged yet
        self._credits = 0
        self._batch_events = BATCH_EVENTS
        self._batch_bytes = BATCH_BYTES

    @property
    def end(self) -> int:
        """The sequence that the next event will get."""
        return self.first + len(self._events)

    @property
    def in_flight(self) -> int:
        return self._next - self.first

    def has_room(self, event_bytes: int) -> bool:
        return len(self._events) < self.max_events and self._bytes + event_bytes <= self.max_bytes

    def push(self, event: bytes) -> int:
        """Takes an encoded event, for which there must be room; its sequence."""
        entry = framed(event)
        self._bytes += len(entry)
        self._events.append(entry)
        return self.end - 1

    def rewind(self) -> None:
        """A new stream: everything unacknowledged will be sent again, and nothing before grant."""
        self._next = self.first
        self._credits = 0

    def grant(self, credits: int) -> None:
        """The most events that may be sent and unacknowledged."""
        self._credits = credits

    def limit_batch(self, events: int, size: int) -> None:
        """The broker's bounds of a batch; 0 and what is above the contract's own leave that in force."""
        self._batch_events = min(events or BATCH_EVENTS, BATCH_EVENTS)
        self._batch_bytes = min(size or BATCH_BYTES, BATCH_BYTES)

    def _isolating(self) -> bool:
        return self.first < self._suspects_end

    def sendable(self) -> bool:
        if self._isolating() and self.in_flight > 0:
            return False
        return self._next < self.end and self.in_flight < self._credits

    def take_batch(self) -> bytes:
        """The next batch, encoded; empty when nothing may be sent now. What it holds counts as sent."""
        if not self.sendable():
            return b""
        room = 1 if self._isolating() else min(self._batch_events, self._credits - self.in_flight)
        parts = []
        size = _FRAME_SLACK
        for entry in islice(self._events, self.in_flight, self.in_flight + room):
            size += len(entry)
            if parts and size > self._batch_bytes:
                break
            parts.append(entry)
        frame = batch_frame(self._next, b"".join(parts))
        stop = self._next + len(parts)
        self.resent += max(0, min(stop, self._ever_sent) - self._next)
        self._next = stop
        self._ever_sent = max(self._ever_sent, stop)
        return frame

    def _pop(self) -> None:
        self._bytes -= len(self._events.popleft())
        self._refused.discard(self.first)
        self.first += 1

    def acknowledge(self, sequence: int) -> bool:
        """Everything up to sequence is done with. False: it was never sent on this stream, the broker is confused."""
        if sequence >= self._next:
            return False
        while self.first <= sequence:
            self.acked += self.first not in self._refused
            self._pop()
        return True

    def nack(self, sequence: int) -> bool:
        """This event will never be accepted; it leaves with its acknowledgement. False: known before, or not ours."""
        if not self.first <= sequence < self._next or sequence in self._refused:
            return False
        self._refused.add(sequence)
        self.nacked += 1
        return True

    def suspect(self) -> None:
        """The broker ended the stream because of something that was sent on it, without saying what. From now on one
        event at a time is sent, until all that was sent by then is through; so the next time, the culprit is known."""
        self._suspects_end = max(self._suspects_end, self._next)

    def drop_culprit(self) -> int:
        """If exactly one suspect was under way: drops it and returns its sequence; else 0."""
        if not self._isolating() or self.in_flight != 1:
            return 0
        sequence = self.first
        self.nacked += sequence not in self._refused
        self._pop()
        return sequence
