"""docs/asyncapi.yaml is a right AsyncAPI document and says what a real bridge does: each of its messages is seen."""

import contextlib
import json
import os
import pathlib
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from browser_client import Client
from raw_agent import event, field, publish
from raw_socket import TEXT, RawSocket
from spanwire.v1 import event_pb2
from stack import ROOT, WAIT_SECONDS, Stack, wait_until

Frame = dict[str, Any]


class Validator:
    """The document, in a process of Node that has checked it."""

    def __init__(self, node_modules: pathlib.Path) -> None:
        command = ["node", ROOT / "tests/e2e/asyncapi.mjs", ROOT / "docs/asyncapi.yaml"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "NODE_MODULES": str(node_modules)})
        first = self._read()
        assert first, self._process.stderr and self._process.stderr.read()
        self.messages = {direction: set(names) for direction, names in json.loads(first).items()}

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def name(self, direction: str, value: object) -> str:
        """The message that the value is; else what is wrong with it, behind "! "."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([direction, value]) + "\n")
        self._process.stdin.flush()
        return self._read().strip()

    def check(self, frames: list[Frame]) -> set[str]:
        """Which messages they are; each is one, and the right one."""
        seen = set()
        for frame in frames:
            name = self.name("send", frame)
            assert not name.startswith("!"), f"{name}\n{frame}"
            if frame["type"].startswith("$"):
                assert name == frame["type"][1:]
            else:
                assert name == ("event" if "accepted_at" in frame else "plainJson"), frame
            seen.add(name)
        return seen

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture(name="validator", scope="module")
def fixture_validator(node_modules: pathlib.Path) -> Iterator[Validator]:
    with contextlib.closing(Validator(node_modules)) as validator:
        yield validator


def every_payload() -> list[event_pb2.Event]:
    """An event of each type of the schema."""
    events = []
    for payload in event_pb2.Event.DESCRIPTOR.oneofs_by_name["payload"].fields:
        made = event_pb2.Event()
        getattr(made, payload.name).SetInParent()
        if payload.name == "custom":
            made.custom.type = "mine"
        events.append(made)
    return events


def test_frames_of_a_real_bridge_are_as_the_document_says(
        shared_stack: Stack, validator: Validator, publishing: str, session: str, channel: str) -> None:
    with Client(publishing, channel) as client:
        for made in every_payload():
            made.session_id = session
            code, details = publish(shared_stack.broker_target, field(1, made.SerializeToString()))
            assert code == grpc.StatusCode.OK, (made, details)
        shared_stack.redis("PUBLISH", channel, '{"type":"old","data":[1]}')
        client.until_type("old")
        for number, command in enumerate([
                {"cmd": "subscribe", "channel": channel}, {"cmd": "unsubscribe", "channel": channel},
                {"cmd": "subscribe", "channel": channel, "after": "1-1", "types": ["log_*"]},
                {"cmd": "history", "channel": channel, "after": "1-1", "limit": 3},
                {"cmd": "publish", "channel": channel, "event": {"type": "log_line", "data": {"text": "x"}}},
                {"cmd": "publish", "channel": channel, "event": {"type": "typing"}}]):
            client.send({"id": number, **command})
            client.until(lambda frame, number=number: frame.get("id") == number)
        client.send("nonsense")
        client.until(lambda frame: frame.get("data") == {"level": "LEVEL_UNSPECIFIED", "text": "x"}, rewind=True)
        client.until(lambda frame: frame["type"] == "$error" and "id" not in frame, rewind=True)
        seen = validator.check(client.frames)
    with RawSocket(publishing, f"/v1/ws?channel={channel}", receive_buffer=4096) as slow:
        shown: list[Frame] = []

        def read_until(kind: str) -> None:
            while not shown or shown[-1]["type"] != kind:
                opcode, payload = slow.frame()
                if opcode == TEXT:
                    shown.append(json.loads(payload))

        read_until("$live")
        for i in range(12):
            publish(shared_stack.broker_target, field(1, event(str(i) * 200_000, session)))
        wait_until(lambda: shared_stack.redis("XLEN", f"webgui:log:{{{channel}}}") >= 12, "they are there")
        read_until("$slow")
        seen |= validator.check(shown)
    # What comes by the clock alone, as it is written down.
    text = (ROOT / "docs/protocol.md").read_text()
    for kind in "ping", "position":
        example = re.search(rf'^{{"type":"\${kind}".*}}$', text, re.MULTILINE)
        assert example is not None
        seen |= validator.check([json.loads(example[0])])
    assert seen == validator.messages["send"], "each message of the document was seen"


GOOD: list[Frame] = [
    {"cmd": "subscribe", "last": 1000},
    {"cmd": "subscribe", "since": "2024-01-01T12:00:00.5+01:00"},
    {"cmd": "subscribe", "from": "start", "types": ["*", "a", "log_*"]},
    {"cmd": "subscribe", "after": "0-0"},
    {"cmd": "history"},
    {"cmd": "history", "after": "1704110400000000-42", "limit": 1000},
    {"cmd": "unsubscribe"},
    {"cmd": "publish", "event": {"type": "log_line", "data": {"text": "a"}, "agent": "a", "traceparent": ""}},
    {"cmd": "publish", "event": {"type": "mine", "timestamp": "2024-01-01T12:00:00Z", "audience": []}},
]
BAD: list[Frame] = [
    {"cmd": "subscribe", "last": 0},
    {"cmd": "subscribe", "last": 1001},
    {"cmd": "subscribe", "last": 1, "from": "start"},
    {"cmd": "subscribe", "since": "yesterday"},
    {"cmd": "subscribe", "since": "2024-01-01T12:00:00Z", "after": "1-1"},
    {"cmd": "subscribe", "after": "01-1"},
    {"cmd": "subscribe", "after": 1},
    {"cmd": "subscribe", "from": "end"},
    {"cmd": "subscribe", "types": []},
    {"cmd": "subscribe", "types": ["$gap"]},
    {"cmd": "subscribe", "other": 1},
    {"cmd": "subscribe", "channel": "webgui:nothing"},
    {"cmd": "subscribe", "id": -1},
    {"cmd": "subscribe", "id": 2**53},
    {"cmd": "subscribe", "id": "1"},
    {"cmd": "history", "limit": 1001},
    {"cmd": "history", "last": 1},
    {"cmd": "unsubscribe", "after": "1-1"},
    {"cmd": "publish"},
    {"cmd": "publish", "event": {}},
    {"cmd": "publish", "event": {"type": "$gap"}},
    {"cmd": "publish", "event": {"type": "log_line", "channels": ["webgui:global"]}},
    {"cmd": "other"},
]


def test_the_bridge_takes_the_commands_that_the_document_takes(
        validator: Validator, publishing: str, channel: str) -> None:
    names = {"subscribe": "subscribe", "unsubscribe": "unsubscribe", "history": "readHistory", "publish": "publish"}
    with Client(publishing) as client:
        for good, rows in (True, GOOD), (False, BAD):
            for row in rows:
                command = {"id": 7, "channel": channel, **row}
                client.send(command)
                answer = client.until(lambda frame: frame["type"] in (
                    "$subscribed", "$unsubscribed", "$history", "$published", "$error"), WAIT_SECONDS)
                refused = answer["type"] == "$error" and answer["code"] == "invalid_argument"
                assert refused != good, (command, answer)
                name = validator.name("receive", command)
                assert name == names[row["cmd"]] if good else name.startswith("!"), (command, name)
                if answer["type"] == "$subscribed":
                    client.send({"cmd": "unsubscribe", "id": 8, "channel": channel})
                    client.until_type("$unsubscribed")
        validator.check(client.frames)
    assert set(names.values()) == validator.messages["receive"]
