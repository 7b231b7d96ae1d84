"""What a WebSocket brings to those who asked for another format than the bridge's own JSON."""

import json
from typing import Any

import pytest

from browser_client import Client
from raw_agent import event, field, publish
from raw_socket import TEXT, RawSocket
from spanwire.v1 import event_pb2
from stack import Stack

LEGACY = {"type": "session_status_changed", "timestamp": "2024-01-01T12:00:00Z", "session_id": "s", "data": {"a": 1}}


def say(stack: Stack, text: str, session: str) -> None:
    publish(stack.broker_target, field(1, event(text, session)))


def test_protobuf_events_come_as_binary_frames(shared_stack: Stack, session: str, channel: str) -> None:
    address = shared_stack.bridge_address
    with Client(address, channel) as plain, Client(address, channel, subprotocol="spanwire.v1.proto") as client:
        say(shared_stack, "one", session)
        say(shared_stack, "two", session)
        shared_stack.redis("PUBLISH", channel, json.dumps(LEGACY))
        typing = event_pb2.Event(session_id=session, typing={"user": "u", "active": True})
        publish(shared_stack.broker_target, field(1, typing.SerializeToString()))
        events: list[event_pb2.Event] = []
        for _ in range(3):
            client.until(lambda frame: "binary" in frame)
        for frame in client.frames:
            if "binary" in frame:
                events.append(event_pb2.Event.FromString(frame["binary"]))
        plain.until_type("typing")
        shown = plain.events()
        assert [found.id for found in events] == [frame.get("id", "") for frame in shown if "accepted_at" in frame]
        assert [found.prev for found in events] == [frame.get("prev", "") for frame in shown if "accepted_at" in frame]
        assert all(found.channels[0] == channel for found in events)
        assert [found.log_line.text for found in events[:2]] == ["one", "two"]
        assert events[2].typing.active and events[2].HasField("accepted_at")
        assert client.until(lambda frame: frame["type"] == LEGACY["type"], rewind=True)["data"] == {"a": 1}
        # Control frames and answers are what they are anywhere else.
        client.send({"cmd": "history", "id": 4, "channel": channel})
        assert [frame["type"] for frame in client.until_type("$history")["events"]] == ["log_line", "log_line"]
        client.send({"cmd": "unsubscribe", "id": 5, "channel": channel})
        assert client.until_type("$unsubscribed")["id"] == 5


def check(cloud_event: dict[str, Any]) -> None:
    """What CloudEvents 1.0 asks of every event in its JSON format."""
    assert cloud_event["specversion"] == "1.0"
    assert all(isinstance(cloud_event[name], str) and cloud_event[name] for name in ("id", "source", "type"))
    for name, value in cloud_event.items():
        assert name.isalnum() and name == name.lower() and len(name) <= 20, name
        assert name == "data" or isinstance(value, str | int | bool), name


def test_every_frame_is_a_cloud_event(shared_stack: Stack, session: str, channel: str) -> None:
    with Client(shared_stack.bridge_address, channel, subprotocol="cloudevents.json") as client:
        say(shared_stack, "one", session)
        shared_stack.redis("PUBLISH", channel, json.dumps(LEGACY))
        client.until_type(str(LEGACY["type"]))
        client.send({"cmd": "nonsense", "id": 1})
        assert client.until_type("$error")["data"]["id"] == 1
        for frame in client.frames:
            check(frame)
        assert len({(frame["source"], frame["id"]) for frame in client.frames}) == len(client.frames)
        line = next(frame for frame in client.frames if frame["type"] == "log_line")
        assert (line["source"], line["subject"], line["data"]["text"]) == (channel, session, "one")
        assert line["time"].endswith("Z") and line["id"].endswith("-1") and line["prev"].endswith("-0")


def test_who_asked_for_it_gets_several_objects_a_message(shared_stack: Stack, session: str, channel: str) -> None:
    for i in range(50):
        say(shared_stack, str(i), session)
    frames: list[dict[str, Any]] = []
    messages = 0
    with RawSocket(shared_stack.bridge_address, "/v1/ws?frames=lines") as browser:
        browser.send(TEXT, json.dumps({"cmd": "subscribe", "id": 1, "channel": channel, "last": 50}).encode())
        while not frames or frames[-1]["type"] != "$live":
            opcode, payload = browser.frame()
            assert opcode == TEXT
            frames += [json.loads(line) for line in payload.decode().split("\n") if line]
            messages += 1
    assert [frame["data"]["text"] for frame in frames if frame["type"] == "log_line"] == [str(i) for i in range(50)]
    assert messages < 10, "a page is one message"


@pytest.mark.parametrize("subprotocol", ["spanwire.v1.proto", "cloudevents.json"])
def test_types_and_resuming_are_the_same_in_every_format(
        shared_stack: Stack, session: str, channel: str, subprotocol: str) -> None:
    for text in "abcdef":
        say(shared_stack, text, session)
    with Client(shared_stack.bridge_address, subprotocol=subprotocol) as client:
        client.send({"cmd": "subscribe", "id": 1, "channel": channel, "last": 3, "types": ["log_*"]})
        client.until_type("$live")
        shown = [event_pb2.Event.FromString(frame["binary"]).log_line.text if "binary" in frame else
                 frame["data"]["text"] for frame in client.frames if frame["type"] in ("", "log_line")]
        assert shown == ["d", "e", "f"]
