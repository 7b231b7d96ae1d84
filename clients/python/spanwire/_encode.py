"""What is published, as bytes."""

import datetime
import time
from typing import Any, Optional

from google.protobuf.message import DecodeError, EncodeError
from google.protobuf.timestamp_pb2 import Timestamp

from spanwire.v1 import event_pb2
from spanwire.v1 import publisher_pb2 as pb

from . import _window

_TIMESTAMP_TAG = b"\x1a"  # Event.timestamp, a message


def _present_time() -> bytes:
    """The field, encoded: in protobuf, concatenation is merge."""
    seconds, nanos = divmod(time.time_ns(), 1_000_000_000)
    timestamp = Timestamp(seconds=seconds, nanos=nanos).SerializeToString()
    return _TIMESTAMP_TAG + _window.varint(len(timestamp)) + timestamp


def encode(event: Optional[event_pb2.Event], fields: Any) -> bytes:
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
    try:
        encoded = event.SerializeToString()
    except EncodeError as error:
        raise ValueError(str(error)) from error
    if not event.HasField("timestamp"):  # behind the bytes: the caller's Event stays as it is
        encoded += _present_time()
    if len(encoded) > _window.EVENT_BYTES:
        raise ValueError(
            f"the event has {len(encoded)} bytes encoded; at most {_window.EVENT_BYTES} are allowed"
        )
    try:  # as the broker will: text that is not UTF-8, or nesting too deep, would end the stream there
        pb.PublishStreamRequest.FromString(_window.batch_frame(1, _window.framed(encoded)))
    except DecodeError as error:
        raise ValueError("the event cannot be decoded: text not UTF-8, or nested too deep") from error
    return encoded
