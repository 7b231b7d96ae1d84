"""The recipes of docs/recipes as they stand there, but for addresses: real proxies, and a real FastAPI application."""

import contextlib
import json
import os
import pathlib
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from browser_client import Client
from stack import BIN, ROOT, WAIT_SECONDS, Process, Stack, free_port, stop_gently, wait_until
from transports_test import Curl, ask, log_line, poll, query, texts

RECIPES = ROOT / "docs" / "recipes"
HOST = "events.example.com"


class Bridge(Process):
    """One with its admin listener on a port, where a proxy can ask for its readiness."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.admin = f"127.0.0.1:{free_port()}"
        super().__init__(
            name,
            [BIN / "spanwire-bridge", "--listen", self.address, "--admin", self.admin, "--redis", stack.redis_url],
            stack.folder, {"SPANWIRE_BRIDGE_ALLOWED_HOSTS": HOST})
        stack.processes.append(self)

    def ready(self) -> bool:
        with contextlib.suppress(OSError):
            return ask(self.admin, "/readyz").status == 200
        return False

    def websockets(self) -> float:
        return sum(map(float, re.findall(
            r"^spanwire_bridge_websockets (.*)$", ask(self.admin, "/metrics").body.decode(), re.MULTILINE)))


@pytest.fixture(name="bridges")
def fixture_bridges(stack: Stack) -> Iterator[tuple[Bridge, Bridge]]:
    one, two = Bridge(stack, "bridge-1").start(), Bridge(stack, "bridge-2").start()
    wait_until(lambda: one.ready() and two.ready(), "both bridges are ready")
    yield one, two


def recipe(name: str, listen: str, one: Bridge, two: Bridge) -> str:
    text = (RECIPES / name).read_text(encoding="utf-8")
    changes = {"127.0.0.1:7480": one.address, "127.0.0.1:7580": two.address,
               "check port 7481": f"check port {one.admin.split(':')[1]}",
               "check port 7581": f"check port {two.admin.split(':')[1]}",
               "bind :80\n": f"bind {listen}\n", "listen 80;": f"listen {listen};"}
    for old, new in changes.items():
        text = text.replace(old, new)
    return text


def nginx(stack: Stack, listen: str, one: Bridge, two: Bridge) -> Process:
    folder = stack.folder
    (folder / "spanwire.conf").write_text(recipe("nginx.conf", listen, one, two), encoding="utf-8")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in (
        "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log stderr;\nevents {{}}\n"
        f"http {{ access_log off;\n{temporary} include {folder}/spanwire.conf; }}\n", encoding="utf-8")
    return stack.run("nginx", ["/usr/sbin/nginx", "-e", "stderr", "-c", folder / "nginx.conf"])


def haproxy(stack: Stack, listen: str, one: Bridge, two: Bridge) -> Process:
    config = stack.folder / "haproxy.cfg"
    config.write_text(recipe("haproxy.cfg", listen, one, two), encoding="utf-8")
    return stack.run("haproxy", ["/usr/sbin/haproxy", "-db", "-f", config])


Start = Callable[[Stack, str, Bridge, Bridge], Process]


@pytest.fixture(name="front", params=[nginx, haproxy])
def fixture_front(request: pytest.FixtureRequest, stack: Stack, bridges: tuple[Bridge, Bridge]) -> str:
    """The address of a proxy before both bridges."""
    listen = f"127.0.0.1:{free_port()}"
    start: Start = request.param
    start(stack, listen, *bridges)

    def answers() -> bool:
        with contextlib.suppress(OSError):
            return ask(listen, "/v1/poll?channel=webgui:global&wait=0", Host=HOST).status != 503
        return False

    wait_until(answers, "the proxy answers")
    return listen


def test_a_websocket_through_the_proxy(stack: Stack, front: str) -> None:
    with Client(front, "webgui:session:s1") as client:
        log_line(stack, "one", "s1")
        client.until_text("one")
        client.send({"cmd": "unsubscribe", "id": 7, "channel": "webgui:session:s1"})
        assert client.until(lambda frame: frame.get("id") == 7)["type"] == "$unsubscribed"


@pytest.mark.parametrize("path", ["/v1/sse", "/v1/stream"])
def test_a_stream_through_the_proxy_shows_events_as_they_come(stack: Stack, front: str, path: str) -> None:
    with Curl(front, f"{path}?{query('webgui:session:s2')}", "-H", f"Host: {HOST}") as curl:
        curl.until("$live")
        for text in ("one", "two"):  # the second is sent when the first was seen: nothing waits for more
            log_line(stack, text, "s2")
            curl.until(f'"text":"{text}"')


def test_polls_through_the_proxy_bring_every_event_once(stack: Stack, front: str) -> None:
    cursor = poll(front, "webgui:session:s3", wait=0).json["cursor"]
    got: list[str] = []
    for number in range(8):  # whichever bridge answers
        log_line(stack, f"{number}", "s3")
        answer = ask(front, f"/v1/poll?{query('webgui:session:s3', cursor=cursor, wait=5)}").json
        cursor = answer["cursor"]
        got += texts(answer["events"])
    assert got == [f"{number}" for number in range(8)]


def test_what_goes_wrong_comes_through_as_the_bridge_says_it(front: str) -> None:
    assert ask(front, "/v1/poll?channel=webgui:global", Host="stranger.example.com").status == 421
    assert ask(front, "/v1/poll?channel=webgui:global", Origin="http://stranger.example.com").status == 403
    assert ask(front, "/v1/poll?channel=nonsense").json["code"] == "invalid_argument"


def test_a_bridge_that_goes_down_is_replaced_by_the_other(
        stack: Stack, bridges: tuple[Bridge, Bridge], front: str) -> None:
    with Client(front, "webgui:session:s4") as client:
        log_line(stack, "one", "s4")
        last = client.until_text("one")["id"]
        used = next(bridge for bridge in bridges if bridge.websockets() > 0)
        assert stop_gently(used) == 0
        assert client.close_code() == 3001
        log_line(stack, "two", "s4")
    with Client(front) as client:
        client.send({"cmd": "subscribe", "id": 1, "channel": "webgui:session:s4", "after": last})
        client.until_text("two")
        assert client.texts() == ["two"]


# FastAPI.

TEXT = (RECIPES / "fastapi.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


class Page:
    """The recipe's page in Node: what it shows, in order."""

    def __init__(self, stack: Stack, name: str) -> None:
        old, new = blocks("js")
        assert "new WebSocket" in old
        script = new.replace("@spanwire/client", f"{ROOT}/clients/js/src/index.js").replace(
            "127.0.0.1:7480", stack.bridge_address)
        (stack.folder / "page.mjs").write_text(
            "const sessionId = 's1';\nconst show = (event) => console.log(JSON.stringify(event));\n" + script
            + "\nclient.subscribe('webgui:session:s1', { onLive: () => console.log('{\"live\":true}') });\n",
            encoding="utf-8")
        self._process = stack.run(name, ["node", stack.folder / "page.mjs"])
        wait_until(lambda: "live" in self._process.text(), "the page follows")

    def shown(self) -> list[dict[str, Any]]:
        return [event for event in map(json.loads, self._process.text().splitlines()) if "live" not in event]


def serve(stack: Stack, name: str, app: str) -> tuple[str, Process]:
    """The application under uvicorn, as its author would start it."""
    folder: pathlib.Path = stack.folder / name
    folder.mkdir()
    (folder / "app.py").write_text(app, encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    process = stack.run(
        name, [sys.executable, "-m", "uvicorn", "--app-dir", folder, "--port", address.split(":")[1], "app:app"],
        {"REDIS_URL": stack.redis_url, "SPANWIRE_TARGET": stack.broker_target, "PYTHONPATH": os.pathsep.join(sys.path)})

    def answers() -> bool:
        with contextlib.suppress(OSError):
            return ask(address, "/docs").status == 200
        return False

    wait_until(answers, f"{name} answers")
    return address, process


def report(address: str, percent: int) -> None:
    assert ask(address, f"/sessions/s1/progress?percent={percent}", "POST").status == 200


def test_a_fastapi_page_moves_in_three_steps(stack: Stack) -> None:
    import asyncio

    import websockets

    before, after = blocks("python")
    address, _ = serve(stack, "before", before)

    async def old_page(percent: int) -> dict[str, Any]:
        async with websockets.connect(f"ws://{address}/ws/s1") as socket:
            while True:  # who is subscribed when, the old application does not say
                await asyncio.get_running_loop().run_in_executor(None, report, address, percent)
                with contextlib.suppress(asyncio.TimeoutError):
                    return json.loads(await asyncio.wait_for(socket.recv(), 1))

    # Step 1: broker and bridge are there, and nothing changes.
    said = asyncio.run(asyncio.wait_for(old_page(5), WAIT_SECONDS))
    assert said["data"] == {"status": "testing", "progress": 5}

    # Step 2: the page follows the bridge, and shows the same.
    page = Page(stack, "page")
    report(address, 10)
    wait_until(page.shown, "the page shows it")
    (shown,) = page.shown()
    assert shown["data"] == {"status": "testing", "progress": 10}
    assert set(said) <= set(shown)
    assert all(shown[key] == said[key] for key in ("type", "session_id"))

    # Step 3: the application publishes through the broker, and the page needs no change.
    address, _ = serve(stack, "after", after)
    report(address, 15)
    wait_until(lambda: len(page.shown()) == 2, "the page shows it")
    shown = page.shown()[1]
    assert shown["data"] == {"status": "testing", "progress": 15}
    assert set(said) | {"id"} <= set(shown)
