"""The Python agent's way in: events go into a bounded queue, background threads stream them to a broker, and every
event is sent again until the broker has acknowledged it, over any number of reconnects, in order."""

import atexit
import ctypes
import datetime
import logging
import os
import queue
import random
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any, Callable, Optional

import grpc
from google.protobuf.message import DecodeError, EncodeError

from spanwire.v1 import event_pb2
from spanwire.v1 import publisher_pb2 as pb

from . import _window
from ._session import Action, Counters, Report, Session, State, Status
from ._window import Window

_METHOD = "/spanwire.v1.PublisherService/PublishStream"
_PUSHBACK = "grpc-retry-pushback-ms"  # gRPC's own name for "come back after"
_logger = logging.getLogger("spanwire")
_CLOSED = Status(1, "closed")

# A channel of its own for each attempt: one attempt of ours is one attempt to connect, and gRPC's own waiting between
# attempts, which a channel shares and remembers, never adds to ours.
_CHANNEL_OPTIONS = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]


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
    instance. queue_events, queue_bytes: how much may be unacknowledged. wait_when_full: publish waits instead of
    raising QueueFull. on_ack(sequence): every event up to it is committed, or was nacked. on_nack(nack): the broker can
    never accept this event; the others go on. on_state(state, code, message): a new state, and the gRPC status that led
    to it.
    """

    def __init__(
        self,
        target: str = "127.0.0.1:7400",
        *,
        agent: str = "",
        producer_id: str = "",
        queue_events: int = 65_536,
        queue_bytes: int = 32 << 20,
        wait_when_full: bool = False,
        on_ack: Optional[Callable[[int], None]] = None,
        on_nack: Optional[Callable[[pb.Nack], None]] = None,
        on_state: Optional[Callable[[State, int, str], None]] = None,
    ) -> None:
        if _used_before_fork and not _grpc_supports_fork():
            raise Forked(_NO_FORK_SUPPORT)
        window = Window(max(queue_events, 1), max(queue_bytes, _window.EVENT_BYTES + 8))
        self._core = _Core(
            target,
            Session(agent, producer_id or "", window, random.random),
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


class _Stream:
    """One PublishStream call: frames go out by a thread of gRPC's, answers come in by one of ours."""

    def __init__(self, core: "_Core", target: str, first_frame: bytes) -> None:
        self._core = core
        self._frames: queue.SimpleQueue[Optional[bytes]] = queue.SimpleQueue()
        self._frames.put(first_frame)
        self._channel = grpc.insecure_channel(target, options=_CHANNEL_OPTIONS)
        call = self._channel.stream_stream(
            _METHOD, response_deserializer=pb.PublishStreamResponse.FromString
        )
        self._call = call(self._requests())
        self._reader = threading.Thread(target=self._read, name="spanwire-read", daemon=True)
        self._reader.start()

    def write(self, frame: bytes) -> None:
        self._frames.put(frame)

    def half_close(self) -> None:
        self._frames.put(None)

    def cancel(self) -> None:
        self._call.cancel()

    def join(self) -> None:
        self._reader.join()

    def keep_for_ever(self) -> None:
        """After a fork: gRPC's objects must not be destroyed in the child, which may wait for threads not there."""
        for grpc_object in (self._channel, self._call):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(grpc_object))

    def _requests(self) -> Iterator[bytes]:
        while True:
            frame = self._frames.get()
            if frame is None:
                return
            yield frame
            self._core.on_written(self)  # gRPC asks for the next one when this one is gone

    def _read(self) -> None:
        try:
            for response in self._call:
                self._core.on_response(response)
            status = Status(0, "")
        except grpc.RpcError:
            status = Status(self._call.code().value[0], self._call.details() or "")
        hint = None
        for key, value in self._call.trailing_metadata() or ():
            if key == _PUSHBACK and value.isascii() and value.isdigit():
                hint = int(value) / 1000
        self._frames.put(None)
        self._channel.close()
        self._core.on_ended(status, hint)


class _Core:
    """The session under one lock, for callers on any thread, and the worker that carries out what it says."""

    def __init__(self, target: str, session: Session, callbacks: _Callbacks) -> None:
        self.session = session
        self._target = target
        self._callbacks = callbacks
        self._changed = threading.Condition()
        self._stream: Optional[_Stream] = None
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
            encoded = _encode(event, fields)
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

    def on_written(self, stream: _Stream) -> None:
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
        with self._changed:
            self.session.stop(_CLOSED)
            self._changed.notify_all()
            stream = self._stream
        if stream is not None:
            stream.cancel()
            stream.join()
        self._tell(self.session.take_reports())

    def _execute(self, action: Action, frame: bytes) -> None:
        if action is Action.START:
            self._stream = _Stream(self, self._target, frame)
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


def _encode(event: Optional[event_pb2.Event], fields: Any) -> bytes:
    """The event's bytes; ValueError or TypeError when the broker could not read them."""
    if event is None:
        timestamp = fields.get("timestamp")
        if isinstance(timestamp, datetime.datetime):
            if timestamp.tzinfo is None:
                raise ValueError("timestamp: a datetime must be aware of its time zone")
            del fields["timestamp"]
        event = event_pb2.Event(**fields)
        if isinstance(timestamp, datetime.datetime):
            event.timestamp.FromDatetime(timestamp.astimezone(datetime.timezone.utc))
    elif fields:
        raise TypeError("publish takes an Event or fields, not both")
    elif not isinstance(event, event_pb2.Event):
        raise TypeError(f"publish takes an Event, not {type(event).__name__}")
    if not event.HasField("timestamp"):
        event.timestamp.GetCurrentTime()
    try:
        encoded = event.SerializeToString()
    except EncodeError as error:
        raise ValueError(str(error)) from error
    if len(encoded) > _window.EVENT_BYTES:
        raise ValueError(
            f"the event has {len(encoded)} bytes encoded; at most {_window.EVENT_BYTES} are allowed"
        )
    try:  # as the broker will: text that is not UTF-8, or nesting too deep, would end the stream there
        pb.PublishStreamRequest.FromString(_window.batch_frame(1, _window.framed(encoded)))
    except DecodeError as error:
        raise ValueError("the event cannot be decoded: text not UTF-8, or nested too deep") from error
    return encoded
