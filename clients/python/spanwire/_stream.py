"""One PublishStream call over gRPC, on a channel of its own."""

import ctypes
import logging
import queue
import threading
from collections.abc import Iterator
from typing import Optional, Protocol

import grpc

from spanwire.v1 import publisher_pb2 as pb

from ._session import INTERNAL, OK, Status

_METHOD = "/spanwire.v1.PublisherService/PublishStream"
_PUSHBACK = "grpc-retry-pushback-ms"  # gRPC's own name for "come back after"
_logger = logging.getLogger("spanwire")

# A channel of its own for each attempt: one attempt of ours is one attempt to connect, and gRPC's own waiting between
# attempts, which a channel shares and remembers, never adds to ours. A broker is near: http_proxy in the environment is
# about other things, and would be asked even for 127.0.0.1.
_CHANNEL_OPTIONS = [
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
]


class StreamOwner(Protocol):
    """Hears of a stream, on its threads."""

    def on_written(self, stream: "Stream") -> None: ...

    def on_response(self, response: pb.PublishStreamResponse) -> None: ...

    def on_ended(self, status: Status, hint: Optional[float]) -> None: ...


class Stream:
    """One PublishStream call: frames go out by a thread of gRPC's, answers come in by one of ours."""

    def __init__(self, owner: StreamOwner, target: str, first_frame: bytes) -> None:
        self._owner = owner
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
            self._owner.on_written(self)  # gRPC asks for the next one when this one is gone

    def _read(self) -> None:
        status, hint = Status(INTERNAL, "the client's reading failed"), None
        try:
            status, hint = self._answers()
        except Exception:  # a defect; the session must hear of the end all the same
            _logger.exception("reading a broker's answers failed")
        finally:
            self._frames.put(None)
            self._channel.close()
            self._owner.on_ended(status, hint)

    def _answers(self) -> "tuple[Status, Optional[float]]":
        """Passes all of them on. How the stream ended, and the seconds that the broker asked to wait."""
        try:
            for response in self._call:
                self._owner.on_response(response)
            status = Status(OK, "")
        except grpc.RpcError:
            status = Status(self._call.code().value[0], self._call.details() or "")
        for key, value in self._call.trailing_metadata() or ():
            if key == _PUSHBACK and value.isascii() and value.isdigit():
                return status, int(value) / 1000
        return status, None
