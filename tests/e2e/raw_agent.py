"""An agent on bare gRPC that can do everything wrong: its frames and events are bytes."""

import queue

import grpc

from spanwire.v1 import event_pb2, publisher_pb2
from stack import WAIT_SECONDS

_SERVICE = "/spanwire.v1.PublisherService/"


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, payload: bytes) -> bytes:
    """A length-delimited field on the wire."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def event(text: str, session: str = "s", **fields: object) -> bytes:
    """An encoded log line."""
    return event_pb2.Event(session_id=session, log_line={"text": text}, **fields).SerializeToString()


def open_frame(producer: str = "", epoch: int = 0) -> bytes:
    opening = publisher_pb2.Open(producer_id=producer, producer_epoch=epoch, agent="raw")
    return publisher_pb2.PublishStreamRequest(open=opening).SerializeToString()


def batch_frame(first: int, *events: bytes) -> bytes:
    return field(2, b"\x08" + varint(first) + b"".join(field(2, encoded) for encoded in events))


class RawAgent:
    """One PublishStream. What is read is kept: `acked`, and the nacks by sequence."""

    def __init__(self, target: str, *frames: bytes) -> None:
        self.acked = 0
        self.opened = publisher_pb2.Opened()
        self.nacks: dict[int, publisher_pb2.Nack] = {}
        self._frames: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._channel = grpc.insecure_channel(target)
        call = self._channel.stream_stream(
            _SERVICE + "PublishStream", response_deserializer=publisher_pb2.PublishStreamResponse.FromString)
        self._call = call(iter(self._frames.get, None), timeout=WAIT_SECONDS)
        self.send(*frames)

    def send(self, *frames: bytes) -> None:
        for frame in frames:
            self._frames.put(frame)

    def _read(self) -> None:
        response = next(self._call)
        kind = response.WhichOneof("frame")
        if kind == "opened":
            self.opened = response.opened
        elif kind == "ack":
            self.acked = response.ack.sequence
        elif kind == "nack":
            self.nacks[response.nack.sequence] = response.nack

    def until_opened(self) -> int:
        """This instance's epoch."""
        while not self.opened.producer_epoch:
            self._read()
        return self.opened.producer_epoch

    def until_acked(self, sequence: int) -> None:
        while self.acked < sequence:
            self._read()

    def end(self) -> tuple[grpc.StatusCode, str]:
        """Half-closes and reads to the end: the stream's status."""
        self._frames.put(None)
        return self.until_ended()

    def until_ended(self) -> tuple[grpc.StatusCode, str]:
        """Reads to the end: the stream's status."""
        try:
            while True:
                self._read()
        except (StopIteration, grpc.RpcError):
            return self._call.code(), self._call.details() or ""

    def __enter__(self) -> "RawAgent":
        return self

    def __exit__(self, *_: object) -> None:
        self._frames.put(None)
        self._call.cancel()
        self._channel.close()


def publish(target: str, request: bytes) -> tuple[grpc.StatusCode, str]:
    """One unary call."""
    with grpc.insecure_channel(target) as channel:
        call = channel.unary_unary(_SERVICE + "Publish", response_deserializer=publisher_pb2.PublishResponse.FromString)
        try:
            call(request, timeout=WAIT_SECONDS)
        except grpc.RpcError as error:
            return error.code(), error.details()
    return grpc.StatusCode.OK, ""
