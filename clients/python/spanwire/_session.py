"""The life of a Publisher over its streams, without I/O: when to connect, what to write, what an answer means, when to
give a stream up, how long to wait, when to stop for good.

A pure machine, the twin of clients/cpp/session.h: its owner feeds it what happened (on_...) and asks it after every
input, and at wake_at, for the next step until there is none. Not thread-safe: the owner's lock covers it.
"""

import enum
import math
from dataclasses import dataclass
from typing import Callable, NamedTuple, Optional, Union

from spanwire.v1 import publisher_pb2 as pb

from ._window import Window

BACKOFF_FIRST = 0.1  # seconds; full jitter: 0 to this, doubled each time ...
BACKOFF_LAST = 10.0  # ... up to here
HINT_MOST = 60.0  # the longest wait that a broker can ask for
OPEN_TIMEOUT = 10.0  # from the attempt to connect until Opened
SILENCE = 30.0  # without a word while something is unacknowledged

# gRPC's codes, as far as they matter here.
OK, INVALID_ARGUMENT, ABORTED, INTERNAL, UNAVAILABLE = 0, 3, 10, 13, 14


class State(enum.Enum):
    """What a Publisher is doing."""

    CONNECTING = "connecting"  # or waiting for the next attempt to
    OPEN = "open"  # the broker knows this instance; events flow
    STOPPED = "stopped"  # for good: fenced, refused or closed


class AckLevel(enum.Enum):
    """When events count as committed."""

    REDIS = pb.ACK_LEVEL_REDIS  # the Redis master has them
    REPLICATED = pb.ACK_LEVEL_REPLICATED  # as many of its replicas have them as the broker is set to ask for


class Status(NamedTuple):
    """A gRPC status code and its message."""

    code: int
    message: str


@dataclass(frozen=True)
class Counters:
    """What became of events so far. Every published event is acked, nacked or outstanding."""

    published: int  # taken into the queue
    acked: int  # committed
    nacked: int  # refused for good, reported by on_nack
    rejected: int  # never taken: not encodable or no room; publish raised
    resent: int  # sent once more after a reconnect
    reconnects: int  # streams opened after the first


class Action(enum.Enum):
    NONE = 0
    START = 1  # start a stream with this first frame; then on_written or on_ended
    WRITE = 2  # write this frame; then on_written or on_ended
    HALF_CLOSE = 3  # nothing more will be written; what remains is answered, then on_ended
    CANCEL = 4  # give the stream up; then on_ended


Step = tuple[Action, bytes]
NO_STEP: Step = (Action.NONE, b"")
# What the application should be told, in order: acknowledged up to, nacked, a new state and why.
Report = Union[int, pb.Nack, tuple[State, Status]]


class Session:
    def __init__(
        self,
        agent: str,
        producer_id: str,
        ack_level: AckLevel,
        window: Window,
        random: Callable[[], float],
    ) -> None:
        self.window = window
        self.state = State.CONNECTING
        self.stopped: Optional[Status] = None
        self.producer_id = producer_id
        self.producer_epoch = 0
        self.reconnects = 0
        self.wake_at = -math.inf
        self._agent = agent
        self._ack_level = ack_level
        self._random = random
        self._reports: list[Report] = []
        self._ever_opened = False
        self._attempts = 0  # since the last stream that did some good
        self._streaming = False
        self._reset_stream()

    def _reset_stream(self) -> None:
        self._writing = False  # a write is in flight
        self._paused = False  # Flow STOP
        self._draining = False  # Flow DRAIN
        self._half_closed = False
        self._cancelled = False
        self._opened_at = 0.0
        self._hint: Optional[float] = None
        self._verdict: Optional[Status] = None  # ours on a stream that we cancel

    def can_write(self) -> bool:
        """Whether a push may have made a write possible: the owner must then ask next."""
        busy = self._writing or self._paused or self._draining or self._cancelled
        return self.state is State.OPEN and not busy

    def next(self, now: float) -> Step:
        if self.stopped:
            return NO_STEP
        if not self._streaming:
            return NO_STEP if now < self.wake_at else self._start(now)
        if self._cancelled:
            return NO_STEP
        if now >= self.wake_at:
            silent = self.state is State.OPEN
            self._confused("the broker fell silent" if silent else "the broker did not answer")
        if self._verdict:
            self._cancelled = True
            self.wake_at = math.inf
            return (Action.CANCEL, b"")
        if self._writing or self._half_closed:
            return NO_STEP
        if self._draining:
            self._half_closed = True
            self._expect(now)
            return (Action.HALF_CLOSE, b"")
        if not self.can_write() or not self.window.sendable():
            return NO_STEP
        idle = self.window.in_flight == 0
        frame = self.window.take_batch()
        self._writing = True
        if idle:
            self._expect(now)
        return (Action.WRITE, frame)

    def _start(self, now: float) -> Step:
        self._reset_stream()
        self._streaming = self._writing = True
        self.window.rewind()
        self.wake_at = now + OPEN_TIMEOUT
        opening = pb.Open(
            producer_id=self.producer_id,
            producer_epoch=self.producer_epoch,
            ack_level=self._ack_level.value,
            agent=self._agent,
        )
        return (Action.START, pb.PublishStreamRequest(open=opening).SerializeToString())

    def on_written(self) -> None:
        self._writing = False

    def on_response(self, response: pb.PublishStreamResponse, now: float) -> None:
        if self._cancelled:
            return
        frame = response.WhichOneof("frame")
        if (self.state is not State.OPEN) != (frame == "opened"):
            return self._confused("the broker's first answer, and only that, must be Opened")
        if frame == "opened":
            self._opened_at = now
            self._on_opened(response.opened)
        elif frame == "ack":
            before = self.window.first
            if not self.window.acknowledge(response.ack.sequence):
                sequence = response.ack.sequence
                return self._confused(f"the broker acknowledged {sequence}, which was not sent")
            if self.window.first > before:
                self._attempts = 0
                self._reports.append(response.ack.sequence)
        elif frame == "nack":
            if self.window.nack(response.nack.sequence):
                self._reports.append(response.nack)
        elif frame == "flow":
            self._on_flow(response.flow)
        self._expect(now)

    def _on_opened(self, opened: pb.Opened) -> None:
        self.producer_id = opened.producer_id
        self.producer_epoch = opened.producer_epoch
        self.window.limit_batch(opened.limits.batch_events, opened.limits.batch_bytes)
        self.window.grant(opened.credits)
        self.reconnects += self._ever_opened
        self._ever_opened = True
        self._change(State.OPEN, Status(OK, ""))

    def _on_flow(self, flow: pb.Flow) -> None:
        self.window.grant(flow.credits)
        self._paused = flow.level == pb.Flow.LEVEL_STOP
        if flow.level == pb.Flow.LEVEL_DRAIN:
            self._draining = True
            if flow.HasField("retry_after"):
                self._hint = flow.retry_after.seconds + flow.retry_after.nanos / 1e9

    def _expect(self, now: float) -> None:
        """Sets the time until which the broker must have said something."""
        owed = self.window.in_flight > 0 or self._half_closed
        self.wake_at = now + SILENCE if owed else math.inf

    def _confused(self, what: str) -> None:
        self._verdict = Status(UNAVAILABLE, what)

    def on_ended(self, status: Status, hint: Optional[float], now: float) -> None:
        """The stream is over, nothing of it is under way any more. hint: how long the broker asked to wait."""
        was_open = self.state is State.OPEN
        self._streaming = self._writing = False
        status = self._verdict or status
        if was_open and now - self._opened_at > BACKOFF_LAST:
            self._attempts = 0

        # An epoch that is refused is never taken up again, nor a new one asked for: two instances would fence each
        # other for ever.
        if status.code == ABORTED or (status.code == INVALID_ARGUMENT and not was_open):
            return self.stop(status)
        if status.code == INVALID_ARGUMENT:
            culprit = self.window.drop_culprit()
            if culprit:
                nack = pb.Nack(sequence=culprit, code=status.code, message=status.message)
                self._reports += [nack, culprit]
                self._attempts = 0
            else:
                self.window.suspect()
        if status.code == OK and not self._draining:
            status = Status(UNAVAILABLE, "the broker ended the stream")
        self._change(State.CONNECTING, status)
        self._wait(hint if hint is not None else self._hint, now)

    def _wait(self, hint: Optional[float], now: float) -> None:
        most = min(BACKOFF_LAST, BACKOFF_FIRST * 2 ** min(self._attempts, 10))
        self._attempts += 1
        delay = most * self._random() if hint is None else min(max(hint, 0.0), HINT_MOST)
        self.wake_at = now + delay

    def stop(self, why: Status) -> None:
        """For good; nothing is sent or expected any more."""
        if self.stopped is None:
            self.stopped = why
            self.wake_at = math.inf
            self._change(State.STOPPED, why)

    def _change(self, state: State, why: Status) -> None:
        self.state = state
        self._reports.append((state, why))

    def take_reports(self) -> list[Report]:
        reports, self._reports = self._reports, []
        return reports
