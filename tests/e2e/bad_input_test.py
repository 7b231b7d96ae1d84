"""Bad input from browsers, and from whoever publishes straight to Redis: a clear error to the one who did it, nothing
lost for the others, no crash. From agents: bad_input_agent_test.py; a Redis that is not as it should be:
bad_input_redis_test.py.
"""

import json
from collections.abc import Callable

import pytest

from browser_client import Client, Frame
from raw_agent import event, field, publish
from raw_socket import BINARY, CLOSE, CONTINUATION, PING, TEXT, RawSocket
from stack import WAIT_SECONDS, Stack, free_port, wait_until

# What a browser sends: commands that are none.

CONFUSED: dict[str, tuple[str, str, int | None]] = {
    "not JSON": ("hello", "invalid_argument", None),
    "nothing": ("", "invalid_argument", None),
    "an array": ("[1,2,3]", "invalid_argument", None),
    "an unknown command": ('{"cmd":"dance","id":1}', "invalid_argument", 1),
    "a command of later": ('{"cmd":"refresh","id":1,"token":"x"}', "unimplemented", 1),
    "types that are none": (
        '{"cmd":"subscribe","id":1,"channel":"webgui:global","types":["$gap"]}', "invalid_argument", 1),
    "a history without end": (
        '{"cmd":"history","id":1,"channel":"webgui:global","limit":1001}', "invalid_argument", 1),
    "an event without a broker": (
        '{"cmd":"publish","id":1,"channel":"webgui:global","event":{"type":"typing"}}', "unimplemented", 1),
    "no command": ('{"id":1}', "invalid_argument", 1),
    "an id that is a text": ('{"cmd":"subscribe","id":"x","channel":"webgui:global"}', "invalid_argument", None),
    "an id that is too large": (
        '{"cmd":"subscribe","id":9007199254740992,"channel":"webgui:global"}', "invalid_argument", None),
    "an unknown channel family": ('{"cmd":"subscribe","id":1,"channel":"webgui:nonsense:x"}', "invalid_argument", 1),
    "a channel with braces": ('{"cmd":"subscribe","id":1,"channel":"webgui:session:{x}"}', "invalid_argument", 1),
    "a channel with a control character": (
        '{"cmd":"subscribe","id":1,"channel":"webgui:session:\\u0000"}', "invalid_argument", 1),
    "a channel of 10 KB": (
        json.dumps({"cmd": "subscribe", "id": 1, "channel": "webgui:session:" + "x" * 10_240}), "invalid_argument", 1),
    "no channel": ('{"cmd":"subscribe","id":1}', "invalid_argument", 1),
    "a bad position": (
        '{"cmd":"subscribe","id":1,"channel":"webgui:global","after":"x"}', "invalid_argument", 1),
    "two places to start from": (
        '{"cmd":"subscribe","id":1,"channel":"webgui:global","last":5,"from":"start"}', "invalid_argument", 1),
    "too many of the last": (
        '{"cmd":"subscribe","id":1,"channel":"webgui:global","last":1001}', "invalid_argument", 1),
    "64 KB of brackets": ("[" * 65_536, "invalid_argument", None),
    "64 KB of brackets after a key": ('{"cmd":' + "[" * 65_529, "invalid_argument", None),
    "64 KB of nested objects": ('{"a":' * 13_107, "invalid_argument", None),
    "a lone surrogate": ('{"id":1,"cmd":"\\ud800"}', "invalid_argument", None),
    "an end of nothing": ('{"cmd":"unsubscribe","id":1,"channel":"webgui:global"}', "not_found", 1),
}


@pytest.mark.parametrize("frame, code, number", CONFUSED.values(), ids=CONFUSED.keys())
def test_a_confused_command_is_answered_and_the_socket_stays(
        shared_stack: Stack, channel: str, frame: str, code: str, number: int | None) -> None:
    with Client(shared_stack.bridge_address) as client:
        client.send(frame)
        error = client.until_type("$error")
        assert error["message"] and error["retry"] is False
        assert (error["code"], error.get("id")) == (code, number)
        client.send({"cmd": "subscribe", "id": 2, "channel": channel})
        assert client.until_type("$subscribed")["id"] == 2
        client.send({"cmd": "subscribe", "id": 3, "channel": channel})
        assert client.until_type("$error")["code"] == "already_exists"


@pytest.mark.parametrize("name", ["webgui:nonsense:x", "webgui:session:%7Bx%7D", "webgui:session:a%0Ab", "%FF", ""])
def test_a_bad_channel_in_the_address_is_an_error_frame_and_the_others_go_live(
        shared_stack: Stack, channel: str, name: str) -> None:
    with RawSocket(shared_stack.bridge_address, f"/v1/ws?channel={name}&channel={channel}") as raw:
        assert raw.head.startswith(b"HTTP/1.1 101 ")
        frames = [json.loads(raw.frame()[1]) for _ in range(4)]
        assert frames[0]["type"] == "$hello"
        assert sorted(frame["type"] for frame in frames[1:]) == ["$error", "$live", "$subscribed"]


# What a browser sends: positions that lead nowhere.

NO_POSITIONS: dict[str, object] = {
    "a word": "x", "nothing": "", "one number": "1", "no seq": "1-", "no epoch": "-1", "a sign": "-1-2",
    "a space": "1- 2", "three numbers": "1-2-3", "hexadecimal": "0x1-1", "a leading zero": "01-1",
    "another digit": "\u0661-1",
    "an epoch of 65 bits": "18446744073709551616-1", "a seq of 65 bits": "1-18446744073709551616",
    "an epoch beyond doubles": "9007199254740992-1", "10 KB": "1" * 10_240,
    "a number": 1, "null": None, "a list": ["1-1"],
}
TWO_STARTS: dict[str, dict[str, object]] = {
    "after and last": {"after": "1-1", "last": 5}, "after and from": {"after": "1-1", "from": "start"},
    "all three": {"after": "1-1", "last": 5, "from": "start"},
}


@pytest.mark.parametrize("start, message", [
    *(pytest.param({"after": bad}, '"after" must be a position, "<decimal>-<decimal>"', id=name)
      for name, bad in NO_POSITIONS.items()),
    *(pytest.param(start, 'at most one of "after", "last", "since" and "from" may be there', id=name)
      for name, start in TWO_STARTS.items())])
def test_a_start_that_is_none_is_named(
        shared_stack: Stack, channel: str, start: dict[str, object], message: str) -> None:
    with Client(shared_stack.bridge_address) as client:
        client.send({"cmd": "subscribe", "id": 1, "channel": channel, **start})
        error = client.until_type("$error")
        assert (error["id"], error["code"], error["message"], error["retry"]) == (1, "invalid_argument", message, False)
        client.send({"cmd": "subscribe", "id": 2, "channel": channel})
        assert client.until_type("$live")["channel"] == channel, "nothing of the first one is left"


def moved(position: str, epochs: int, seqs: int = 0) -> str:
    epoch, seq = map(int, position.split("-"))
    return f"{epoch + epochs}-{seq + seqs}"


# What a browser claims to have seen of a log of four events, the first of which was deleted; given their positions.
# Then the gap's reason, and the number of events that it gets all the same. Another channel's position is one of an
# older or a newer epoch.
STRANGE: dict[str, tuple[Callable[[list[str]], str], str, int]] = {
    "before a deleted event": (lambda own: moved(own[0], 0, -1), "trimmed", 3),
    "a deleted event": (lambda own: own[0], "", 3),
    "an older epoch": (lambda own: moved(own[0], -1_000_000_000, 7), "trimmed", 3),
    "epoch 0": (lambda _: "0-0", "trimmed", 3),
    "a seq of the future": (lambda own: moved(own[3], 0, 1_000), "rollback", 0),
    "the largest seq": (lambda own: own[3].partition("-")[0] + "-18446744073709551615", "rollback", 0),
    "a newer epoch": (lambda own: moved(own[3], 1), "rollback", 0),
    "an epoch of the future": (lambda own: moved(own[3], 3_600_000_000), "rollback", 0),
    "the last epoch": (lambda _: "9007199254740991-1", "rollback", 0),
}


@pytest.mark.parametrize("claim, reason, had", STRANGE.values(), ids=STRANGE.keys())
def test_a_position_that_is_not_in_the_log_is_told_and_followed_from(
        shared_stack: Stack, session: str, channel: str, claim: Callable[[list[str]], str], reason: str,
        had: int) -> None:
    publisher = shared_stack.publisher()
    with Client(shared_stack.bridge_address, channel) as neighbour:
        for number in range(4):
            publisher.publish(session_id=session, log_line={"text": f"{number}"})
        neighbour.until_text("3")
        own = [event["id"] for event in neighbour.events()]
        shared_stack.redis("XDEL", f"webgui:log:{{{channel}}}", own[0])
        after = claim(own)
        with Client(shared_stack.bridge_address) as client:
            client.send({"cmd": "subscribe", "id": 1, "channel": channel, "after": after})
            client.until_type("$live")
            publisher.publish(session_id=session, log_line={"text": "live"})
            client.until_text("live")
            subscribed, *rest = client.frames[1:]
            assert (subscribed["position"], subscribed["recovered"]) == (after, not reason)
            if reason:
                gap = rest.pop(0)
                assert (gap["type"], gap["after"], gap["reason"]) == ("$gap", after, reason)
                assert gap["position"] == own[3 - had]
            assert [frame["type"] for frame in rest] == [*["log_line"] * had, "$live", "log_line"]
            assert client.texts() == [*[f"{number}" for number in range(4 - had, 4)], "live"]
        neighbour.until_text("live")
        assert set(neighbour.types()) == {"$hello", "$subscribed", "$live", "log_line"}


# What a browser sends: frames that are none.

def send_oversized_fragments(raw: RawSocket) -> None:
    raw.send(TEXT, b"x" * 40_000, fin=False)
    raw.send(CONTINUATION, b"x" * 40_000)


BROKEN_FRAMES: dict[str, tuple[Callable[[RawSocket], None], int]] = {
    "unmasked": (lambda raw: raw.send(TEXT, b"{}", masked=False), 1002),
    "reserved bit 1": (lambda raw: raw.send(TEXT, b"{}", reserved=4), 1002),
    "reserved bit 3": (lambda raw: raw.send(TEXT, b"{}", reserved=1), 1002),
    "a reserved opcode": (lambda raw: raw.send(3, b"{}"), 1002),
    "invalid UTF-8": (lambda raw: raw.send(TEXT, b"\xff\xfe"), 1007),
    "binary": (lambda raw: raw.send(BINARY, b"{}"), 1003),
    "oversized": (lambda raw: raw.send(TEXT, b"x" * 65_537), 1009),
    "oversized in fragments": (send_oversized_fragments, 1009),
    "a control frame that is too long": (lambda raw: raw.send(PING, b"x" * 126), 1002),
    "a continuation of nothing": (lambda raw: raw.send(CONTINUATION, b"x"), 1002),
    "a close code that is none": (lambda raw: raw.send(CLOSE, b"\x03\xec"), 1002),
}


@pytest.mark.parametrize("break_it, code", BROKEN_FRAMES.values(), ids=BROKEN_FRAMES.keys())
def test_a_broken_frame_closes_its_connection_with_its_code_and_a_reason(
        shared_stack: Stack, break_it: Callable[[RawSocket], None], code: int) -> None:
    with RawSocket(shared_stack.bridge_address) as raw:
        break_it(raw)
        assert raw.close_frame()[0] == code


def begins_with(start: str) -> Callable[[Frame], bool]:
    return lambda frame: frame["data"]["text"].startswith(start)


def test_a_client_that_never_reads_costs_little_and_is_closed(shared_stack: Stack, session: str, channel: str) -> None:
    events, size = 240, 200_000  # far more than a socket's buffers and the high-water mark
    publisher = shared_stack.publisher(wait_when_full=True)

    def flood(client: Client, name: str) -> None:
        for number in range(events):
            publisher.publish(session_id=session, log_line={"text": f"{name} {number} " + "x" * size})
            if number % 10 == 9:
                client.until(begins_with(f"{name} {number} "))

    with Client(shared_stack.bridge_address, channel) as reader:
        before_it_came = shared_stack.bridge.metric("spanwire_bridge_websockets")
        flood(reader, "warm")  # so that what is measured afterwards is the other client's doing
        shared_stack.bridge.forget_peak()
        before = shared_stack.bridge.resident_bytes()
        with RawSocket(shared_stack.bridge_address, f"/v1/ws?channel={channel}", receive_buffer=4096):
            flood(reader, "flood")
            grown = shared_stack.bridge.resident_bytes("VmHWM") - before
            assert shared_stack.bridge.metric("spanwire_bridge_websockets") == before_it_came + 1, "measured too late"
            assert grown <= 8 << 20, f"{grown} bytes"
            names = [text.rpartition(" ")[0] for text in reader.texts()]
            assert names == [f"{name} {number}" for name in ("warm", "flood") for number in range(events)]
            assert reader.types()[:3] == ["$hello", "$subscribed", "$live"]
            assert set(reader.types()[3:]) == {"log_line"}, "the other client has lost nothing"
            wait_until(lambda: shared_stack.bridge.metric("spanwire_bridge_websockets") == before_it_came,
                       "the client that never reads is closed", 15 + WAIT_SECONDS)
    print(f"peak RSS grew by {grown / 1024:.0f} KiB while {events * size >> 20} MiB were published")


# What somebody publishes straight to Redis.

RECORD = {"type": "session_status_changed", "timestamp": "2024-01-01T12:00:00Z", "session_id": "s",
          "data": {"status": "testing", "progress": 45}}

REFUSED: dict[str, str | bytes] = {
    "a control type": '{"type":"$gap","data":"s3cr3t"}',
    "a control type, escaped": '{"type":"\\u0024gap","data":"s3cr3t"}',
    "no type": '{"data":"s3cr3t"}',
    "a type that is no text": '{"type":1}',
    "duplicate keys": '{"type":"a","data":"s3cr3t","data":{}}',
    "duplicate keys, escaped": '{"type":"a","data":{},"d\\u0061ta":"s3cr3t"}',
    "a forged id": '{"type":"a","id":"s3cr3t"}',
    "a forged id, escaped": '{"type":"a","\\u0069d":"1-1"}',
    "a forged prev": '{"type":"a","prev":"1-1"}',
    "a forged channel": '{"type":"a","channel":"webgui:global"}',
    "a forged was": '{"type":"a","was":"1-1"}',
    "a forged conflated": '{"type":"a","conflated":1}',
    "two objects": '{"type":"a"} {"type":"s3cr3t"}',
    "cut off": '{"type":"s3cr3t"',
    "a raw line end in a text": '{"type":"a","data":"s3cr3t\n"}',
    "too deep": '{"type":"a","data":' + "[" * 64 + "]" * 64 + "}",
    "64 KB of brackets": '{"type":"a","data":' + "[" * 65_536,
    "too long": '{"type":"a","data":"' + "x" * 262_144 + '"}',
    "invalid UTF-8": b'{"type":"a","data":"s3cr3t\xff"}',
    "neither JSON nor protobuf": "s3cr3t",
    "an array": '[{"type":"a","data":"s3cr3t"}]',
    "nothing": "",
    "protobuf that is none of ours": b"\x0a\xff\xff\xff\xff\xff",
    "an event with a bad position": b"\x0a\x03abc",
}


def test_messages_that_are_refused_reach_nobody_and_are_counted(shared_stack: Stack, channel: str) -> None:
    refused = shared_stack.bridge.metric("spanwire_bridge_refused_messages_total")
    with Client(shared_stack.bridge_address, channel) as client:
        for name, payload in REFUSED.items():
            before = len(client.frames)
            shared_stack.redis("PUBLISH", channel, payload)
            shared_stack.redis("PUBLISH", channel, json.dumps({**RECORD, "data": name}))
            client.until_type("session_status_changed")
            assert [frame["data"] for frame in client.frames[before:]] == [name]
    wait_until(lambda: shared_stack.bridge.metric("spanwire_bridge_refused_messages_total") == refused + len(REFUSED),
               "all are counted")


def test_an_event_that_pretends_to_follow_moves_nobody(shared_stack: Stack, session: str, channel: str) -> None:
    """A well-formed event with a position of its own, published past the log, is judged by the log."""
    with Client(shared_stack.bridge_address, channel) as client:
        publish(shared_stack.broker_target, field(1, event("first", session)))
        position = client.until_text("first")["id"]
        epoch, _, number = position.partition("-")
        forged = field(1, f"{epoch}-{int(number) + 7}".encode()) + event("forged", session)
        shared_stack.redis("PUBLISH", channel, forged)
        publish(shared_stack.broker_target, field(1, event("second", session)))
        client.until_text("second")
        assert client.texts() == ["first", "second"] and "$gap" not in client.types()


def test_line_ends_in_plain_json_never_reach_a_frame(shared_stack: Stack, channel: str) -> None:
    with Client(shared_stack.bridge_address, channel) as client:
        shared_stack.redis("PUBLISH", channel, json.dumps(RECORD, indent=2).replace("\n", "\r\n"))
        client.until_type("session_status_changed")
        assert client.raws[-1] == json.dumps(RECORD, separators=(",", ":"))[:-1] + f',"channel":"{channel}"}}'


def test_plain_json_can_be_turned_off(shared_stack: Stack, channel: str) -> None:
    address = f"127.0.0.1:{free_port()}"
    strict = shared_stack.add_daemon("strict", "spanwire-bridge", address, {"SPANWIRE_BRIDGE_LEGACY_JSON": "false"})
    try:
        strict.wait_ready()
        with Client(address, channel) as client:
            shared_stack.redis("PUBLISH", channel, json.dumps(RECORD))
            wait_until(lambda: strict.metric("spanwire_bridge_refused_messages_total") == 1, "it is counted")
            client.send({"cmd": "unsubscribe", "id": 1, "channel": channel})
            client.until_type("$unsubscribed")
            assert client.types() == ["$hello", "$subscribed", "$live", "$unsubscribed"]
    finally:
        strict.kill()
