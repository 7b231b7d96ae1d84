"""The Python agent's way in: events go into a bounded queue, background threads stream them to a broker, and every
event is sent again until the broker has acknowledged it, over any number of reconnects, in order."""

import atexit
import logging
import os
import random
import threading
import time
import weakref
from typing import Any, Callable, Optional

from spanwire.v1 import event_pb2
from spanwire.v1 import publisher_pb2 as pb

from . import _window
from ._encode import encode
from ._session import INTERNAL, AckLevel, Action, Counters, Report, Session, State, Status
from ._stream import Stream
from ._window import Window

_logger = logging.getLogger("spanwire")
_CLOSED = Status(1, "closed")


class QueueFull(Exception):
    """As many events or bytes as the queue takes are unacknowledged."""


class Stopped(Exception):
    """The Publisher has stopped for good: fenced by a newer instance, refused by the broker, or closed."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.message)
        self.code = status.code  # gRPC's


class Forked(RuntimeError):
    """The Publisher was created before a fork and lives on in the parent only. The child may have one of its own if the
    parent had none before the fork, or if GRPC_ENABLE_FORK_SUPPORT=1 was in the environment when gRPC was imported."""


_IN_CHILD = "this Publisher was created before fork() and lives in the parent process only"
_NO_FORK_SUPPORT = (
    "a Publisher was used before fork(), so gRPC does not work in this process: create Publishers after fork() only, "
    "or set GRPC_ENABLE_FORK_SUPPORT=1 before gRPC is imported"
)


class Publisher:
    """One instance of a producer: everything it publishes stays in order on every channel, and appears there once.

    A newer instance with the same producer_id fences it: it then stops for good. All methods may be called from any
    thread. Callbacks run on a background thread, one at a time; they may call publish (which then never waits), but not
    flush or close, and should be quick: acknowledgements wait for them.

    target: the broker, host:port or unix:/path; it need not be there yet. agent: the name for events that name none.
    producer_id: who publishes; empty: a fresh one. Give one when a restarted agent shall take over from its older
    instance. ack_level: when events count as committed. With AckLevel.REPLICATED, while replicas do not have them in
    time, nothing is acknowledged, the streams end UNAVAILABLE (on_state), and events are sent again; a broker that does
    not offer the level stops the Publisher for good (INVALID_ARGUMENT). queue_events, queue_bytes: how much may be
    unacknowledged. wait_when_full: publish waits instead of raising QueueFull. on_ack(sequence): every event up to it
    is committed, or was nacked. on_nack(nack): the broker can never accept this event; the others go on.
    on_state(state, code, message): a new state, and the gRPC status that led to it. Arguments of a wrong type raise
    TypeError.
    """

    def __init__(
        self,
        target: str = "127.0.0.1:7400",
        *,
        agent: str = "",
        producer_id: str = "",
        ack_level: AckLevel = AckLevel.REDIS,
        queue_events: int = 65_536,
        queue_bytes: int = 32 << 20,
        wait_when_full: bool = False,
        on_ack: Optional[Callable[[int], None]] = None,
        on_nack: Optional[Callable[[pb.Nack], None]] = None,
        on_state: Optional[Callable[[State, int, str], None]] = None,
    ) -> None:
        _check_texts(target=target, agent=agent, producer_id=producer_id or "")
        _check_numbers(queue_events=queue_events, queue_bytes=queue_bytes)
        if not isinstance(ack_level, AckLevel):
            raise TypeError(f"ack_level must be an AckLevel, not {type(ack_level).__name__}")
        _check_callbacks(on_ack=on_ack, on_nack=on_nack, on_state=on_state)
        if _used_before_fork and not _grpc_supports_fork():
            raise Forked(_NO_FORK_SUPPORT)
        window = Window(max(queue_events, 1), max(queue_bytes, _window.EVENT_BYTES + 8))
        self._core = _Core(
            target,
            Session(agent, producer_id or "", ack_level, window, random.random),
            _Callbacks(on_ack, on_nack, on_state),
        )
        self._wait_when_full = wait_when_full
        # The threads hold the core, not us: a Publisher that nobody holds any more ends. Perhaps on a thread of its
        # own, wherever the collector happens to run, so nothing is waited for.
        self._finalizer = weakref.finalize(self, self._core.end, wait=False)
        self._finalizer.atexit = False

    def publish(self, event: Optional[event_pb2.Event] = None, /, **fields: Any) -> int:
        """Queues an Event, or one made of `fields`: publish(session_id="s", task_progress=dict(task_id="t")).

        Returns its sequence, which counts from 1. It gets the present time unless it has a timestamp (a Timestamp, dict
        or aware datetime). Raises ValueError or TypeError: it cannot be encoded, and is not sent; QueueFull; Stopped;
        Forked.
        """
        return self._core.publish(event, fields, self._wait_when_full)

    def flush(self, timeout: float = 5.0) -> None:
        """Waits until all published before is acknowledged or nacked. Raises TimeoutError, Stopped or Forked."""
        self._core.flush(timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Flushes, then ends, also when flushing fails; raises what flush raises. A second call does nothing."""
        if self._finalizer.detach() is None:
            return
        try:
            self.flush(timeout)
        finally:
            self._core.end()

    def __enter__(self) -> "Publisher":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            self.close()
        except (TimeoutError, Stopped, Forked):
            if kind is None:  # the caller's own error is not hidden by ours
                raise

    @property
    def state(self) -> State:
        return self._core.session.state

    @property
    def producer_id(self) -> str:
        """As given, or as made up by the broker when the first stream opens."""
        return self._core.session.producer_id

    @property
    def producer_epoch(self) -> int:
        """This instance's, 0 until the first stream opens."""
        return self._core.session.producer_epoch

    @property
    def counters(self) -> Counters:
        return self._core.counters()


def _check_texts(**arguments: Any) -> None:
    for name, value in arguments.items():
        if not isinstance(value, str):
            raise TypeError(f"{name} must be a str, not {type(value).__name__}")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"{name} must be text that UTF-8 can encode") from error


def _check_numbers(**arguments: Any) -> None:
    for name, value in arguments.items():
        if not isinstance(value, int):
            raise TypeError(f"{name} must be an int, not {type(value).__name__}")


def _check_callbacks(**arguments: Any) -> None:
    for name, value in arguments.items():
        if value is not None and not callable(value):
            raise TypeError(f"{name} must be callable, not {type(value).__name__}")


class _Callbacks:
    def __init__(
        self,
        on_ack: Optional[Callable[[int], None]],
        on_nack: Optional[Callable[[pb.Nack], None]],
        on_state: Optional[Callable[[State, int, str], None]],
    ) -> None:
        self.on_ack = on_ack
        self.on_nack = on_nack
        self.on_state = on_state

    def tell(self, report: Report) -> None:
        try:
            self._call(report)
        except Exception:  # the application's; events must go on all the same
            _logger.exception("a callback of a Publisher failed")

    def _call(self, report: Report) -> None:
        if isinstance(report, int):
            if self.on_ack:
                self.on_ack(report)
        elif isinstance(report, pb.Nack):
            if self.on_nack:
                self.on_nack(report)
        elif self.on_state:
            state, why = report
            self.on_state(state, why.code, why.message)


class _Core:
    """The session under one lock, for callers on any thread, and the worker that carries out what it says."""

    def __init__(self, target: str, session: Session, callbacks: _Callbacks) -> None:
        self.session = session
        self._target = target
        self._callbacks = callbacks
        self._changed = threading.Condition()
        self._stream: Optional[Stream] = None
        self._rejected = 0
        self._reported = 1  # first sequence that on_ack was not told of
        self._ending = False
        self._forked = False
        self._worker = threading.Thread(target=self._run, name="spanwire", daemon=True)
        global _used
        _used = True
        _cores.add(self)
        self._worker.start()

    def publish(self, event: Optional[event_pb2.Event], fields: Any, wait: bool) -> int:
        if self._forked:
            raise Forked(_IN_CHILD)
        try:
            encoded = encode(event, fields)
        except (ValueError, TypeError):
            with self._changed:
                self._rejected += 1
            raise
        with self._changed:
            window = self.session.window
            if wait and threading.current_thread() is not self._worker:
                self._changed.wait_for(
                    lambda: window.has_room(len(encoded)) or self.session.stopped is not None
                )
            if self.session.stopped:
                self._rejected += 1
                raise Stopped(self.session.stopped)
            if not window.has_room(len(encoded)):
                self._rejected += 1
                raise QueueFull(
                    f"at most {window.max_events} events and {window.max_bytes} bytes may be "
                    "unacknowledged"
                )
            sequence = window.push(encoded)
            if self.session.can_write():
                self._changed.notify_all()
            return sequence

    def flush(self, timeout: float) -> None:
        if self._forked:
            raise Forked(_IN_CHILD)
        if threading.current_thread() is self._worker:
            raise RuntimeError("flush waits for callbacks, so none of them may call it")
        with self._changed:
            end = self.session.window.end
            self._changed.wait_for(
                lambda: self._reported >= end or self.session.stopped is not None, timeout
            )
            left = end - self.session.window.first
            if left <= 0:
                return
            if self.session.stopped:
                raise Stopped(self.session.stopped)
            raise TimeoutError(f"{left} events are not acknowledged yet")

    def end(self, wait: bool = True) -> None:
        """Ends at once. If waited for, no callback runs once it has returned."""
        if self._forked:
            return
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        if wait and threading.current_thread() is not self._worker:
            self._worker.join()

    def counters(self) -> Counters:
        if self._forked:
            raise Forked(_IN_CHILD)
        with self._changed:
            window = self.session.window
            return Counters(
                published=window.end - 1,
                acked=window.acked,
                nacked=window.nacked,
                rejected=self._rejected,
                resent=window.resent,
                reconnects=self.session.reconnects,
            )

    def after_fork(self) -> None:
        """In the child, where no thread of ours lives and the lock may be held for ever."""
        self._forked = True
        stream = self._stream
        if stream is not None:
            stream.keep_for_ever()

    # What the stream's threads say.

    def on_written(self, stream: Stream) -> None:
        with self._changed:
            if stream is self._stream:
                self.session.on_written()
                self._changed.notify_all()

    def on_response(self, response: pb.PublishStreamResponse) -> None:
        with self._changed:
            self.session.on_response(response, time.monotonic())
            self._changed.notify_all()

    def on_ended(self, status: Status, hint: Optional[float]) -> None:
        with self._changed:
            self._stream = None
            if not self.session.stopped:
                self.session.on_ended(status, hint, time.monotonic())
            self._changed.notify_all()

    # The worker.

    def _run(self) -> None:
        why = _CLOSED
        try:
            self._work()
        except BaseException as error:  # a defect, or a callback's SystemExit; without us nothing would be sent
            _logger.exception("a Publisher has failed")
            why = Status(INTERNAL, f"the Publisher has failed: {error!r}")
        with self._changed:
            self.session.stop(why)
            self._changed.notify_all()
            stream = self._stream
        if stream is not None:
            stream.cancel()
            stream.join()
        self._tell(self.session.take_reports())

    def _work(self) -> None:
        while not self._ending:
            with self._changed:
                action, frame = self.session.next(time.monotonic())
                reports = self.session.take_reports()
                if action is Action.NONE and not reports and not self._ending:
                    delay = self.session.wake_at - time.monotonic()
                    self._changed.wait(min(max(delay, 0.0), threading.TIMEOUT_MAX))
                    continue
                self._execute(action, frame)
            self._tell(reports)

    def _execute(self, action: Action, frame: bytes) -> None:
        if action is Action.START:
            self._stream = Stream(self, self._target, frame)
        elif self._stream is None:
            return  # it has just ended by itself
        elif action is Action.WRITE:
            self._stream.write(frame)
        elif action is Action.HALF_CLOSE:
            self._stream.half_close()
        elif action is Action.CANCEL:
            self._stream.cancel()

    def _tell(self, reports: list[Report]) -> None:
        for report in reports:
            self._callbacks.tell(report)
            if isinstance(report, int):
                with self._changed:
                    self._reported = report + 1
                    self._changed.notify_all()


_cores: "weakref.WeakSet[_Core]" = weakref.WeakSet()
_used = False  # a Publisher was created in this process or an ancestor of it
_used_before_fork = False


def _after_fork_in_child() -> None:
    global _used_before_fork
    _used_before_fork = _used
    for core in list(_cores):
        core.after_fork()


def _grpc_supports_fork() -> bool:
    return os.environ.get("GRPC_ENABLE_FORK_SUPPORT", "").lower() in ("1", "t", "true", "y", "yes")


def _end_all() -> None:
    for core in list(_cores):
        core.end()


os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(_end_all)
