"""Clients that are not ours, as they come with Python, Node and their package registries, on a real bridge."""

import asyncio
import json
import pathlib
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import websockets

from stack import ROOT, WAIT_SECONDS, Process, Stack, wait_until

HERE = ROOT / "tests" / "e2e"
SESSION = "s0"
CHANNEL = f"webgui:session:{SESSION}"


def publish(stack: Stack, first: int, last: int) -> None:
    publisher = stack.publisher()
    for number in range(first, last):
        publisher.publish(session_id=SESSION, log_line=dict(text=str(number)))
    stack.flush()


def frames(process: Process) -> list[dict[str, Any]]:
    """What it has printed so far; a line may be half there."""
    lines = process.text().split("\n")[:-1]
    return [json.loads(line) for line in lines if line.startswith("{")]


def texts(of: list[dict[str, Any]]) -> list[str]:
    return [frame["data"]["text"] for frame in of if frame["type"] == "log_line"]


def numbers(first: int, last: int) -> list[str]:
    return [str(number) for number in range(first, last)]


# Python.

def test_pythons_websockets(stack: Stack) -> None:
    url = f"ws://{stack.bridge_address}/v1/ws"

    async def follow() -> None:
        async with websockets.connect(f"{url}?channel={CHANNEL}", subprotocols=["spanwire.v1"]) as socket:
            assert socket.subprotocol == "spanwire.v1"
            assert [json.loads(await socket.recv())["type"] for _ in range(3)] == ["$hello", "$subscribed", "$live"]
            await asyncio.to_thread(publish, stack, 0, 10)
            seen = [json.loads(await socket.recv()) for _ in range(10)]
            assert texts(seen) == numbers(0, 10)
        await asyncio.to_thread(publish, stack, 10, 20)
        async with websockets.connect(url) as socket:
            await socket.send(json.dumps({"cmd": "subscribe", "id": 1, "channel": CHANNEL, "after": seen[-1]["id"]}))
            again = [json.loads(await socket.recv()) for _ in range(13)]
            assert [frame["type"] for frame in again[:2]] == ["$hello", "$subscribed"]
            assert texts(again) == numbers(10, 20)
            assert again[-1]["type"] == "$live"

    asyncio.run(asyncio.wait_for(follow(), 2 * WAIT_SECONDS))


@pytest.fixture(name="venv", scope="session")
def fixture_venv() -> pathlib.Path:
    """A Python with what requirements.txt says, in build/venv."""
    python = ROOT / "build" / "venv" / "bin" / "python"
    wanted, installed = HERE / "requirements.txt", ROOT / "build" / "venv" / "installed.txt"
    if not installed.is_file() or installed.read_bytes() != wanted.read_bytes():
        subprocess.run([sys.executable, "-m", "venv", python.parents[1]], check=True, timeout=120)
        subprocess.run([python, "-m", "pip", "-q", "install", "--require-hashes", "-r", wanted], check=True,
                       timeout=300)
        installed.write_bytes(wanted.read_bytes())
    return python


def test_pythons_sseclient_follows_and_resumes(stack: Stack, venv: pathlib.Path) -> None:
    url = f"{stack.bridge_url}/v1/sse?channel={CHANNEL}"
    first = stack.run("sse-1", [venv, HERE / "foreign_sse.py", url])
    wait_until(lambda: "$live" in first.text(), "it is live")
    publish(stack, 0, 10)
    wait_until(lambda: len(frames(first)) >= 13, "all have come")
    events = frames(first)
    first.kill()
    assert [event["event"] for event in events] == ["$hello", "$subscribed", "$live"] + ["message"] * 10
    assert texts([json.loads(event["data"]) for event in events]) == numbers(0, 10)
    publish(stack, 10, 20)
    second = stack.run("sse-2", [venv, HERE / "foreign_sse.py", url, events[-1]["id"]])
    wait_until(lambda: second.text().count("log_line") == 10 and "$live" in second.text(), "what was missed has come")
    assert texts([json.loads(event["data"]) for event in frames(second)]) == numbers(10, 20)


def test_pythons_urllib_reads_lines_as_they_come(stack: Stack) -> None:
    with urllib.request.urlopen(f"{stack.bridge_url}/v1/stream?channel={CHANNEL}", timeout=WAIT_SECONDS) as answer:
        assert [json.loads(answer.readline())["type"] for _ in range(3)] == ["$hello", "$subscribed", "$live"]
        for number in range(3):
            publish(stack, number, number + 1)  # the next only when this one was read
            assert texts([json.loads(answer.readline())]) == [str(number)]


# Node.

@pytest.fixture(name="node")
def fixture_node(stack: Stack, node_modules: pathlib.Path) -> Iterator[Any]:
    # A WebSocket of its own since 22, behind a flag since 20.10; an EventSource behind a flag since 20.18.
    flags = [flag for flag in ("--experimental-eventsource", "--experimental-websocket")
             if subprocess.run(["node", flag, "-e", ""], capture_output=True, check=False).returncode == 0]

    def run(kind: str, url: str) -> Process:
        ask = ["node", *flags, "-p", f"process.version + ' ' + typeof globalThis.{kind}"]
        version, there = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.split()
        if there == "undefined" and kind[0].isupper():
            pytest.skip(f"Node {version} has no {kind} of its own")
        command = ["node", *flags, HERE / "foreign_client.mjs", kind, url]
        return stack.run(kind, command, {"NODE_PATH": str(node_modules)})

    yield run


@pytest.mark.parametrize("kind", ["WebSocket", "ws"])
def test_nodes_websockets(stack: Stack, node: Any, kind: str) -> None:
    client = node(kind, f"ws://{stack.bridge_address}/v1/ws?channel={CHANNEL}")
    wait_until(lambda: "$live" in client.text(), "it is live")
    publish(stack, 0, 20)
    wait_until(lambda: len(frames(client)) >= 23, "all have come")
    assert [frame["type"] for frame in frames(client)[:3]] == ["$hello", "$subscribed", "$live"]
    assert texts(frames(client)) == numbers(0, 20)


@pytest.mark.parametrize("kind", ["EventSource", "eventsource"])
def test_nodes_eventsources_resume_by_themselves(stack: Stack, node: Any, kind: str) -> None:
    client = node(kind, f"{stack.bridge_url}/v1/sse?channel={CHANNEL}")
    wait_until(lambda: "$live" in client.text(), "it is live")
    publish(stack, 0, 20)
    wait_until(lambda: len(texts(frames(client))) == 20, "all have come")
    stack.bridge.kill()
    publish(stack, 20, 40)
    stack.bridge.start().wait_ready()
    wait_until(lambda: client.text().count("$live") == 2, "it is back", 2 * WAIT_SECONDS)
    publish(stack, 40, 60)
    wait_until(lambda: len(texts(frames(client))) >= 60, "all have come")
    assert texts(frames(client)) == numbers(0, 60)
