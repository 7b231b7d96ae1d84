"""@spanwire/client against real bridges, from Node, by each transport; its size, its types and its package."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import pytest

from stack import FULL, ROOT, Process, Stack, free_port, stop_gently, wait_until

CLIENT = ROOT / "clients" / "js"
PER_CHANNEL = 300


def start(stack: Stack, node_modules: pathlib.Path, **options: object) -> Process:
    program = ROOT / "tests" / "e2e" / "js_client.mjs"
    options = {"bridges": [stack.bridge_url], "count": PER_CHANNEL, **options}
    return stack.run("js-client", ["node", program, json.dumps(options)], {"NODE_PATH": str(node_modules)})


def told(client: Process, seconds: float = 60) -> dict:
    assert client.wait(seconds) == 0, client.text()
    return json.loads(client.text().splitlines()[-1])


def names(count: int) -> list[str]:
    return [f"s{number}" for number in range(count)]


def publish(stack: Stack, sessions: list[str], first: int, last: int, pause: float = 0) -> None:
    publisher = stack.publisher()
    for number in range(first, last):
        for session in sessions:
            publisher.publish(session_id=session, log_line=dict(text=str(number)))
        time.sleep(pause)
    stack.flush()


def assert_each_once_in_order(answer: dict, sessions: list[str], count: int) -> None:
    assert answer["gaps"] == []
    assert set(answer["texts"]) == {f"webgui:session:{session}" for session in sessions}
    for channel, texts in answer["texts"].items():
        assert texts == [str(number) for number in range(count)], channel


@pytest.mark.parametrize("transport", ["ws", "sse", "poll"])
def test_each_event_once_in_order_over_a_killed_and_a_drained_bridge(
        stack: Stack, node_modules: pathlib.Path, transport: str) -> None:
    sessions = names(3)
    channels = [f"webgui:session:{session}" for session in sessions]
    client = start(stack, node_modules, channels=channels, transports=[transport])
    wait_until(lambda: "live" in client.text(), "the client is live")
    publish(stack, sessions, 0, 100)
    stack.bridge.kill()
    publish(stack, sessions, 100, 150)
    stack.bridge.start().wait_ready()
    wait_until(lambda: client.text().count("online") == 2, "the client is back")
    publish(stack, sessions, 150, 200)
    assert stop_gently(stack.bridge) == 0
    publish(stack, sessions, 200, 250)
    stack.bridge.start().wait_ready()
    wait_until(lambda: client.text().count("online") == 3, "the client is back again")
    publish(stack, sessions, 250, PER_CHANNEL)
    answer = told(client)
    assert_each_once_in_order(answer, sessions, PER_CHANNEL)
    assert set(answer["transports"]) == {transport}
    assert {"connecting", "online", "offline"} <= set(answer["states"])


def test_each_event_once_in_order_while_transport_and_bridge_change_under_load(
        stack: Stack, node_modules: pathlib.Path) -> None:
    second = f"127.0.0.1:{free_port()}"
    stack.add_daemon("second", "spanwire-bridge", second).wait_ready()
    sessions = names(8)
    count = PER_CHANNEL * 6 if FULL else PER_CHANNEL
    client = start(stack, node_modules, channels=[f"webgui:session:{session}" for session in sessions], count=count,
                   bridges=[stack.bridge_url, f"http://{second}"], switchMs=2000)
    wait_until(lambda: "live" in client.text(), "the client is live")
    publish(stack, sessions, 0, count, pause=0.04)
    answer = told(client)
    assert_each_once_in_order(answer, sessions, count)
    assert set(answer["transports"]) == {"ws", "sse", "poll"}


@pytest.mark.parametrize("transport", ["ws", "sse", "poll"])
def test_publishes_reads_back_and_follows_by_type(
        bare_stack: Stack, node_modules: pathlib.Path, transport: str) -> None:
    stack = bare_stack
    stack.start_redis()
    stack.start_broker()
    stack.start_bridge({"SPANWIRE_BROKER_TARGET": stack.broker_target})
    program = ROOT / "tests" / "e2e" / "js_commands.mjs"
    client = stack.run("js-commands", ["node", program, stack.bridge_url, transport], {"NODE_PATH": str(node_modules)})
    answer = told(client)
    first, keyed, comment = answer["first"], answer["keyed"], answer["comment"]
    epoch = first.split("-")[0]
    assert [first, keyed[0], comment] == [f"{epoch}-{seq}" for seq in (1, 2, 3)]
    assert len(keyed) == 2 and keyed[1] is None, "published once, and nothing new the second time"
    assert "transient" not in answer, "it has no position"
    texts = [event["data"].get("text") for event in answer["history"]["events"]]
    assert (texts, answer["history"]["more"], answer["history"]["position"]) == (["one", "two"], True, f"{epoch}-2")
    assert [event["type"] for event in answer["rest"]["events"]] == ["comment", "metric"]
    assert answer["rest"]["more"] is False
    assert answer["empty"]["events"] == []
    assert answer["seen"]["lines"] == ["log_line one", "log_line two", "log_line three"]
    # Nobody is sent transient events between two polls.
    assert answer["seen"]["comments"] in [["comment hi", "typing"], *([["comment hi"]] if transport == "poll" else [])]
    assert answer["seen"]["all"] == ["log_line", "log_line", "comment", "metric", "log_line", "test_result"]
    assert [(error["code"], error["retry"]) for error in answer["wrong"]] == [("invalid_argument", False)] * 4
    assert "level" in answer["wrong"][0]["message"]


def test_a_bridge_that_may_not_publish_says_so(stack: Stack, node_modules: pathlib.Path) -> None:
    code = f"""import {{ connect }} from '{CLIENT}/src/index.js';
        connect('{stack.bridge_url}').publish('webgui:global', {{ type: 'log_line' }})
            .catch(({{ code, retry, name }}) => console.log(JSON.stringify({{ code, retry, name }})));"""
    client = stack.run("js-refused", ["node", "--input-type=module", "-e", code], {"NODE_PATH": str(node_modules)})
    assert told(client) == {"code": "unimplemented", "retry": False, "name": "Error"}


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, check=False)


def test_generated_types_are_those_of_the_protos(tmp_path: pathlib.Path) -> None:
    out = tmp_path / "payloads.d.ts"
    assert run(sys.executable, CLIENT / "generate.py", out).returncode == 0
    assert out.read_text() == (CLIENT / "src" / "payloads.d.ts").read_text(), "run clients/js/generate.py"


def test_size_types_and_package_are_in_order(node_modules: pathlib.Path, tmp_path: pathlib.Path) -> None:
    for command in (
            ["node", CLIENT / "size.mjs", node_modules.parent, "--check"],
            [node_modules / ".bin" / "tsc", "-p", CLIENT],
            [node_modules / ".bin" / "publint", CLIENT, "--strict"],
    ):
        done = run(*command)
        assert done.returncode == 0, done.stdout + done.stderr
    package = tmp_path / "client"
    shutil.copytree(CLIENT, package)
    done = run(node_modules / ".bin" / "attw", "--pack", package, "--profile", "esm-only")
    assert done.returncode == 0, done.stdout + done.stderr


def test_machines(node_modules: pathlib.Path) -> None:
    tests = sorted((ROOT / "tests" / "unit" / "clients" / "js").glob("*.test.mjs"))
    done = subprocess.run(
        ["node", "--test", *map(str, tests)], capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "NODE_PATH": str(node_modules)})
    assert done.returncode == 0, done.stdout[-5000:]
