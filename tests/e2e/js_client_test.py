"""@spanwire/client against real bridges: from Node by each transport, and in a page."""

import functools
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time

import pytest

from cdp import Browser
from stack import ROOT, Process, Stack, free_port, stop_gently, wait_until

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
    client = start(stack, node_modules, channels=[f"webgui:session:{session}" for session in sessions],
                   bridges=[stack.bridge_url, f"http://{second}"], switchMs=2000)
    wait_until(lambda: "live" in client.text(), "the client is live")
    publish(stack, sessions, 0, PER_CHANNEL, pause=0.04)
    answer = told(client)
    assert_each_once_in_order(answer, sessions, PER_CHANNEL)
    assert set(answer["transports"]) == {"ws", "sse", "poll"}


@pytest.fixture(name="page_url", scope="module")
def fixture_page_url():
    """A page's server that is not the bridge: the client's source, and an empty page."""
    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=CLIENT))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


FOLLOW = """(async () => {
  const { connect } = await import('/src/index.js');
  window.texts = [];
  window.client = connect('%s', %s);
  client.subscribe('webgui:session:s0', {
    onEvent: ({ data }) => texts.push(data.text),
    onLive: () => { window.live = 1; },
  });
})()"""


@pytest.mark.parametrize("transport", ["ws", "sse", "poll"])
def test_in_a_page_of_another_origin_over_a_reload_and_without_network(
        bare_stack: Stack, page_url: str, transport: str) -> None:
    stack = bare_stack
    stack.start_redis()
    stack.start_broker()
    stack.start_bridge({"SPANWIRE_BRIDGE_ALLOWED_ORIGINS": page_url})
    browser = Browser()
    try:
        follow = FOLLOW % (stack.bridge_url, json.dumps({"transports": [transport]}))
        browser.open(f"{page_url}/src/")
        browser.evaluate(follow)
        browser.wait("window.live")
        assert browser.evaluate("client.state + client.transport") == f"online{transport}"
        publish(stack, ["s0"], 0, 10)
        browser.wait("texts.length === 10")
        browser.open(f"{page_url}/src/?again")
        publish(stack, ["s0"], 10, 20)
        browser.evaluate(follow)
        browser.wait("texts.length === 10")
        assert browser.evaluate("texts.join()") == ",".join(str(number) for number in range(10, 20))
        offline = dict(latency=0, downloadThroughput=-1, uploadThroughput=-1)
        browser.call("Network.emulateNetworkConditions", offline=True, **offline)
        browser.wait("client.state !== 'online'")
        publish(stack, ["s0"], 20, 30)
        browser.call("Network.emulateNetworkConditions", offline=False, **offline)
        browser.wait("texts.length === 20")
        assert browser.evaluate("texts.join()") == ",".join(str(number) for number in range(10, 30))
        browser.evaluate("client.close()")
        assert browser.evaluate("client.state") == "closed"
    finally:
        browser.close()


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
