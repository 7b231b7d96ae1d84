"""Bad input from agents: a clear error to the one who did it, nothing lost for the others, no crash. From browsers and
on the channels: bad_input_test.py; a Redis that is not as it should be: bad_input_redis_test.py.
"""

import base64
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct

from browser_client import Client
from raw_agent import RawAgent, batch_frame, event, field, open_frame, publish, varint
from spanwire.v1 import event_pb2, publisher_pb2
from stack import Daemon, Stack, free_port, wait_until

INVALID = grpc.StatusCode.INVALID_ARGUMENT
OK = (grpc.StatusCode.OK, "")
SECRET = "s3cr3t"  # shared_stack looks for it in the logs


def logged(shared_stack: Stack, channel: str) -> list[bytes]:
    """The events in a channel's log, as they are there."""
    rows = shared_stack.redis("XRANGE", f"webgui:log:{{{channel}}}", "-", "+")
    return [fields[fields.index(b"e") + 1] for _, fields in rows]


def logged_texts(shared_stack: Stack, channel: str) -> list[str]:
    return [event_pb2.Event.FromString(encoded).log_line.text for encoded in logged(shared_stack, channel)]


# What an agent sends: one event that can never be accepted.


def bad(**fields: Any) -> bytes:
    return event_pb2.Event(**{"log_line": {"text": SECRET}, **fields}).SerializeToString()


def nested(depth: int) -> bytes:
    deep: Any = None
    for _ in range(depth):
        deep = [deep]
    snapshot = Struct()
    snapshot.update({"k": deep})
    return event_pb2.Event(state_snapshot={"snapshot": snapshot}).SerializeToString()


BAD_EVENTS = {
    "an unknown channel family": (bad(channels=["webgui:nonsense:x"]), "channels[0]"),
    "a channel of another prefix": (bad(channels=["webgui:global", "other:session:x"]), "channels[1]"),
    "a channel with braces": (bad(channels=["webgui:session:{x}"]), "channels[0]"),
    "a channel of 10 KB": (bad(channels=["webgui:session:" + "x" * 10_240]), "channels[0]"),
    "nine channels": (bad(channels=[f"webgui:session:{n}" for n in range(9)]), "channels"),
    "an id with braces": (bad(session_id="{x}"), "session_id"),
    "an id of 10 KB": (bad(user_id="x" * 10_240), "user_id"),
    "an id with a control character": (bad(agent="a\nb"), "agent"),
    "an id with a zero byte": (bad(session_id="a\0b"), "session_id"),
    "over 256 KiB": (bad(log_line={"text": "x" * 262_144}), ""),
    "the server's id": (bad(id="1-1"), "id"),
    "the server's id, empty": (bad() + field(1, b""), "id"),
    "the server's prev": (bad(prev="1-1"), "prev"),
    "the server's accepted_at": (bad(accepted_at={"seconds": 1}), "accepted_at"),
    "the server's was": (bad(was="1-1"), "was"),
    "a group": (bad() + b"\xeb\x01\xec\x01", ""),
    "no payload": (field(5, b"s"), "payload"),
    "two payloads": (bad() + field(42, b""), "payload"),
    "invalid UTF-8 in the envelope": (bad() + field(5, b"\xff"), "session_id"),
    "invalid UTF-8 in the payload": (field(28, field(2, b"\xc0\x80")), "log_line."),
    "garbage": (b"\xff\xff\xff", ""),
    "cut off": (bad()[:-1], ""),
    "nested beyond protobuf's limit": (nested(60), "state_snapshot"),
    "a custom type of the server's": (bad(custom={"type": "$gap", "json": b"{}"}), "custom.type"),
    "a custom type that is built in": (bad(custom={"type": "log_line", "json": b"{}"}), "custom.type"),
    "custom JSON that is none": (bad(custom={"type": "x", "json": b"[]"}), "custom.json"),
}


@pytest.mark.parametrize("encoded, path", BAD_EVENTS.values(), ids=BAD_EVENTS.keys())
def test_a_bad_event_is_refused_by_its_field_and_its_neighbours_go_on(
        shared_stack: Stack, session: str, channel: str, encoded: bytes, path: str) -> None:
    with Client(shared_stack.bridge_address, channel) as client:
        with RawAgent(shared_stack.broker_target, open_frame(),
                      batch_frame(1, event("before", session), encoded, event("after", session))) as agent:
            assert agent.end() == OK
        assert agent.acked == 3 and list(agent.nacks) == [2]
        nack = agent.nacks[2]
        assert nack.code == INVALID.value[0] and nack.message and nack.violations[0].description
        assert nack.violations[0].field.startswith(path) and bool(nack.violations[0].field) == bool(path)

        code, details = publish(shared_stack.broker_target, field(1, event("never", session)) + field(1, encoded))
        assert code == INVALID and details.startswith(f"events[1].{path}" if path else "events[1] ")
        client.until_text("after")
        assert client.texts() == ["before", "after"] == logged_texts(shared_stack, channel)


@pytest.mark.parametrize("newest", [b"", field(300, b"newest")],
                         ids=["of the envelope and a payload", "and one beyond the payloads"])
def test_unknown_fields_and_payloads_travel_untouched(
        shared_stack: Stack, session: str, channel: str, newest: bytes) -> None:
    newer = field(5, session.encode()) + field(15, b"newer") + field(120, b"\x0a\x03new") + newest
    with Client(shared_stack.bridge_address, channel) as client:
        with RawAgent(shared_stack.broker_target, open_frame(), batch_frame(1, newer)) as agent:
            assert agent.end() == OK
        assert agent.acked == 1 and not agent.nacks
        frame = client.until_type("unknown")
        assert frame["data"] == {"field": 120, "bytes": base64.b64encode(b"\x0a\x03new").decode()}
        assert frame["id"].endswith("-1") and frame["session_id"] == session
        assert logged(shared_stack, channel)[0].endswith(newer)


# What an agent sends: frames that end its stream, and never with OK.

BROKEN_STREAMS: dict[str, tuple[list[bytes], grpc.StatusCode, str]] = {
    "1,025 events": ([batch_frame(3, *[event("x")] * 1_025)], INVALID, "batch.events has more than 1024 events"),
    "a batch of over 1 MiB": ([batch_frame(3, *[event("x" * 250_000)] * 5)], INVALID, "at most 1048576 are allowed"),
    "a message of over 4 MiB": (
        [field(2, b"x" * (5 << 20))], grpc.StatusCode.RESOURCE_EXHAUSTED, "larger than max"),
    "garbage": ([b"\xff\xff\xff"], INVALID, "garbage"),
    "a batch that is cut off": ([batch_frame(3, event("x"))[:-1]], INVALID, "cut off"),
    "garbage inside a batch": ([field(2, b"\x08\x03\xff\xff")], INVALID, "batch is not valid protobuf"),
    "events that are a number": ([field(2, b"\x10\x01")], INVALID, "batch.events has the wrong wire type"),
    "invalid UTF-8": ([field(3, field(1, b"\xff"))], INVALID, "command_result.command_id is not valid UTF-8"),
    "an empty frame": ([b""], INVALID, "none of open, batch and command_result"),
    "two frames in one": ([field(2, b"") + field(3, b"")], INVALID, "more than once"),
    "a second Open": ([open_frame()], grpc.StatusCode.FAILED_PRECONDITION, "Open must be the first frame"),
    "a gap in the sequence": ([batch_frame(4, event("x"))], grpc.StatusCode.OUT_OF_RANGE, "is 4, expected 3"),
    "a sequence again": ([batch_frame(2, event("x"))], grpc.StatusCode.OUT_OF_RANGE, "is 2, expected 3"),
    "the sequence 0": ([batch_frame(0, event("x"))], INVALID, "first_sequence must be at least 1"),
    "a sequence beyond the last": ([batch_frame(10**14 + 1, event("x"))], INVALID, "beyond the highest sequence"),
}


@pytest.mark.parametrize("frames, code, words", BROKEN_STREAMS.values(), ids=BROKEN_STREAMS.keys())
def test_a_broken_stream_ends_with_the_reason_and_a_resend_completes_it(
        shared_stack: Stack, session: str, channel: str, frames: list[bytes], code: grpc.StatusCode,
        words: str) -> None:
    events = [event(f"{number}", session) for number in (1, 2, 3)]
    with RawAgent(shared_stack.broker_target, open_frame(session), batch_frame(1, *events[:2]), *frames) as agent:
        ended = agent.end()
        assert ended[0] == code and words in ended[1], ended
        epoch = agent.opened.producer_epoch
    with RawAgent(shared_stack.broker_target, open_frame(session, epoch), batch_frame(1, *events)) as agent:
        assert agent.end() == OK
        assert agent.acked == 3
    assert logged_texts(shared_stack, channel) == ["1", "2", "3"]


WITHOUT_OPEN: dict[str, tuple[list[bytes], grpc.StatusCode, str]] = {
    "a batch first": ([batch_frame(1, event("x"))], grpc.StatusCode.FAILED_PRECONDITION, "first frame must be Open"),
    "nothing": ([], grpc.StatusCode.FAILED_PRECONDITION, "ended without Open"),
    "garbage": ([b"\xff\xff\xff"], INVALID, "garbage"),
    "a producer id with braces": ([open_frame("{x}")], INVALID, "open.producer_id"),
    "a producer id of 10 KB": ([open_frame("x" * 10_240)], INVALID, "open.producer_id"),
    "a producer id of the broker's": ([open_frame("idem:x")], INVALID, "open.producer_id"),
    "an epoch from the future": ([open_frame("future", 1 << 52)], INVALID, "open.producer_epoch is more than 1h ahead"),
    "an epoch beyond doubles": ([open_frame("future", 1 << 53)], INVALID, "open.producer_epoch"),
}


@pytest.mark.parametrize("frames, code, words", WITHOUT_OPEN.values(), ids=WITHOUT_OPEN.keys())
def test_a_stream_without_a_good_open_ends_with_the_reason(
        shared_stack: Stack, frames: list[bytes], code: grpc.StatusCode, words: str) -> None:
    with RawAgent(shared_stack.broker_target, *frames) as agent:
        ended = agent.end()
        assert ended[0] == code and ended[1] and words in ended[1], ended
        assert not agent.opened.producer_epoch and not agent.acked


HOUR = 3_600_000_000  # µs


def test_an_epoch_may_be_an_hour_ahead_of_redis_clock_or_of_the_newest_one(shared_stack: Stack, session: str) -> None:
    seconds, microseconds = shared_stack.redis("TIME")
    epoch = int(seconds) * 1_000_000 + int(microseconds)
    for _ in range(2):
        epoch += HOUR * 59 // 60
        with RawAgent(shared_stack.broker_target, open_frame(session, epoch)) as agent:
            assert agent.end() == OK and agent.opened.producer_epoch == epoch
    with RawAgent(shared_stack.broker_target, open_frame(session, epoch + HOUR + 1)) as agent:
        code, details = agent.end()
        assert code == INVALID and str(epoch) in details
        assert details.startswith("open.producer_epoch is more than 1h ahead")


@pytest.fixture(name="second")
def fixture_second(shared_stack: Stack) -> Iterator[tuple[Daemon, str]]:
    """A second broker of the system, and where it serves."""
    target = f"127.0.0.1:{free_port()}"
    broker = shared_stack.add_daemon("broker-2", "spanwire-broker", target)
    try:
        yield broker.wait_ready(), target
    finally:
        broker.kill()


def test_a_sequence_with_another_payload_is_acked_and_the_first_one_stands(
        shared_stack: Stack, second: tuple[Daemon, str], session: str, channel: str) -> None:
    with RawAgent(shared_stack.broker_target, open_frame(session), batch_frame(1, event("one", session))) as agent:
        assert agent.end() == OK
        epoch = agent.opened.producer_epoch
    broker, target = second
    again = batch_frame(1, event("another", session), event("two", session))
    with RawAgent(target, open_frame(session, epoch), again) as agent:
        assert agent.end() == OK
        assert agent.acked == 2 and not agent.nacks
    assert logged_texts(shared_stack, channel) == ["one", "two"]
    wait_until(lambda: broker.metric("spanwire_broker_duplicates_total") == 1, "it is counted")


def test_a_fenced_instance_is_told_by_whichever_broker_and_the_newer_one_loses_nothing(
        shared_stack: Stack, second: tuple[Daemon, str], session: str, channel: str) -> None:
    aborted = grpc.StatusCode.ABORTED
    with RawAgent(shared_stack.broker_target, open_frame(session), batch_frame(1, event("old", session))) as old:
        old.until_acked(1)
        with RawAgent(second[1], open_frame(session), batch_frame(1, event("new", session))) as new:
            new.until_acked(1)
            old.send(batch_frame(2, event("late", session)))
            code, details = old.end()
            assert code == aborted and str(new.opened.producer_epoch) in details and old.acked == 1
            for broker in (shared_stack.broker_target, second[1]):  # nor may it come back
                with RawAgent(broker, open_frame(session, old.opened.producer_epoch)) as back:
                    assert back.end()[0] == aborted
            # Another stream of the same instance takes the place of the first.
            again = open_frame(session, new.opened.producer_epoch)
            with RawAgent(second[1], again, batch_frame(2, event("newer", session))) as newer:
                newer.until_acked(2)
                code, details = new.end()
                assert code == aborted and "replaced" in details
                assert newer.end() == OK
    assert logged_texts(shared_stack, channel) == ["old", "new", "newer"]


def test_an_instance_that_sends_nothing_is_fenced_by_another_broker(
        shared_stack: Stack, second: tuple[Daemon, str], session: str) -> None:
    with RawAgent(shared_stack.broker_target, open_frame(session)) as old:
        old.until_opened()
        start = time.monotonic()
        with RawAgent(second[1], open_frame(session)) as new:
            epoch = new.until_opened()
            code, details = old.until_ended()
            took = time.monotonic() - start
            print(f"fenced after {took * 1_000:.1f} ms")
            assert code == grpc.StatusCode.ABORTED, details
            assert details == f"fenced: a newer instance of this producer has taken over (epoch {epoch})"
            assert took < 5  # within 1 s on a machine that has nothing else to do
            assert new.end() == OK


REFUSED = "spanwire_broker_control_refused_total"


def test_what_is_not_true_on_the_control_channel_ends_no_stream(
        shared_stack: Stack, session: str, channel: str) -> None:
    refused = shared_stack.broker.metric(REFUSED)
    with RawAgent(shared_stack.broker_target, open_frame(session)) as agent:
        newer = b"\x10" + varint(agent.until_opened() + 1)
        forged = field(1, field(1, session.encode()) + newer)  # Control { fence { producer_id, producer_epoch } }
        for message in (b"", b"\xff\xff\xff", forged, f"{{{SECRET}".encode()):
            assert shared_stack.redis("PUBLISH", "webgui:control", message) >= 1
        wait_until(lambda: shared_stack.broker.metric(REFUSED) == refused + 2, "both are counted")
        agent.send(batch_frame(1, event("goes on", session)))
        assert agent.end() == OK
    assert logged_texts(shared_stack, channel) == ["goes on"]
    assert "control message does not parse" in shared_stack.broker.text()


def test_the_publisher_stub_and_the_raw_frames_agree() -> None:
    """raw_agent.py encodes by hand; what it encodes well must be what the contract says."""
    request = publisher_pb2.PublishStreamRequest.FromString(batch_frame(300, event("a"), event("b" * 200)))
    assert request.batch.first_sequence == 300
    assert [one.log_line.text for one in request.batch.events] == ["a", "b" * 200]
