"""The bridge without a WebSocket: server-sent events, lines, polls. Real clients (curl), and our own HTTP for what no
real one would send. The same events, positions and errors as on a WebSocket, and any bridge takes any next request.
"""

import contextlib
import http.client
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any, Self
from urllib.parse import quote

import grpc
import pytest

from browser_client import Client
from raw_agent import event, field, publish
from stack import WAIT_SECONDS, Stack, free_port, wait_until

Frame = dict[str, Any]


def log_line(stack: Stack, text: str, session: str) -> None:
    code, details = publish(stack.broker_target, field(1, event(text, session)))
    assert code == grpc.StatusCode.OK, details


def query(*channels: str, **parameters: object) -> str:
    pairs = [("channel", channel) for channel in channels] + list(parameters.items())
    return "&".join(f"{name}={quote(str(value))}" for name, value in pairs)


def texts(frames: list[Frame]) -> list[str]:
    return [frame["data"]["text"] for frame in frames if frame["type"] == "log_line"]


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self) -> Frame:
        return json.loads(self.body)


def ask(address: str, target: str, method: str = "GET", body: str | bytes | None = None, **headers: str) -> Answer:
    """One request on a connection of its own. Names of headers with _ for -."""
    with contextlib.closing(http.client.HTTPConnection(address, timeout=WAIT_SECONDS)) as connection:
        connection.request(method, target, body, {name.replace("_", "-"): text for name, text in headers.items()})
        return Answer(connection.getresponse())


def poll(address: str, *channels: str, **parameters: object) -> Answer:
    return ask(address, f"/v1/poll?{query(*channels, **parameters)}")


class Curl:
    """curl -N, whose output is read as it comes."""

    def __init__(self, address: str, target: str, *options: str) -> None:
        command = [shutil.which("curl") or "curl", "-sS", "-N", *options, f"http://{address}{target}"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.rstrip("\n"))

    def until(self, text: str) -> str:
        """The first line with the text in it."""
        def found() -> str:
            return next((line for line in list(self.lines) if text in line), "")
        return wait_until(found, f"a line with {text}")

    def wait(self) -> None:
        """The server ends it."""
        assert self._process.wait(WAIT_SECONDS) == 0
        self._reader.join()

    def frames(self) -> list[Frame]:
        lines = [line.removeprefix("data: ") for line in list(self.lines)]
        return [json.loads(line) for line in lines if line.startswith("{")]

    def last_id(self) -> str:
        return [line for line in list(self.lines) if line.startswith("id: ")][-1].removeprefix("id: ")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture(name="bridges", scope="module")
def fixture_bridges(module_stack: Stack) -> Iterator[tuple[str, str]]:
    """Two bridges on one Redis."""
    second = f"127.0.0.1:{free_port()}"
    module_stack.add_daemon("bridge-2", "spanwire-bridge", second).wait_ready()
    yield module_stack.bridge_address, second


# Streams.

def test_curl_shows_server_sent_events_as_they_come(shared_stack: Stack, session: str, channel: str) -> None:
    with Curl(shared_stack.bridge_address, f"/v1/sse?{query(channel)}") as curl:
        curl.until('"$live"')
        log_line(shared_stack, "one", session)
        curl.until("one")
        log_line(shared_stack, "two", session)
        curl.until("two")
        assert curl.lines[0].startswith("retry: ")
        assert [line for line in curl.lines if line.startswith("event: ")] == [
            "event: $hello", "event: $subscribed", "event: $live"]
        assert curl.frames()[-1]["id"] == curl.last_id(), "the cursor stands behind what was shown"


def test_curl_shows_lines_as_they_come(shared_stack: Stack, session: str, channel: str) -> None:
    with Curl(shared_stack.bridge_address, f"/v1/stream?{query(channel)}") as curl:
        curl.until('"$live"')
        log_line(shared_stack, "one", session)
        curl.until("one")
        assert [frame["type"] for frame in curl.frames()] == ["$hello", "$subscribed", "$live", "log_line"]
        assert all(line.startswith("{") for line in curl.lines)


def test_last_event_id_resumes_all_channels_on_another_bridge(
        shared_stack: Stack, bridges: tuple[str, str], session: str, channel: str) -> None:
    target = f"/v1/sse?{query(channel, channel + '-b')}"
    with Curl(bridges[0], target) as curl:
        wait_until(lambda: sum("event: $live" in line for line in list(curl.lines)) == 2, "both live")
        log_line(shared_stack, "seen", session)
        curl.until("seen")
        cursor = curl.last_id()
    log_line(shared_stack, "missed a", session)
    log_line(shared_stack, "missed b", f"{session}-b")
    with Curl(bridges[1], target, "-H", f"Last-Event-ID: {cursor}") as curl:
        curl.until("missed a")
        curl.until("missed b")
        log_line(shared_stack, "new", session)
        curl.until('"new"')
        assert sorted(texts(curl.frames())) == ["missed a", "missed b", "new"]


def test_the_end_of_a_line_in_an_event_is_none_of_the_stream(
        shared_stack: Stack, session: str, channel: str) -> None:
    """Neither in what agents publish nor in plain JSON of Redis."""
    for path in ("/v1/sse", "/v1/stream"):
        with Curl(shared_stack.bridge_address, f"{path}?{query(channel)}") as curl:
            curl.until('"$live"')
            log_line(shared_stack, "a\nb\r\nid: 1-1\n\ndata: x\u2028", session)
            shared_stack.redis("PUBLISH", channel, '{\n"type":\r\n"old",\n\n"data":{"t":"c\\nd"}\n}')
            curl.until('"old"')
            frames = curl.frames()
            assert texts(frames) == ["a\nb\r\nid: 1-1\n\ndata: x\u2028"]
            assert frames[-1]["data"] == {"t": "c\nd"}
            expected = {"retry", "id", "data", "event"} if path == "/v1/sse" else set()
            heads = {line.split(":")[0] for line in curl.lines if line and not line.startswith("{")}
            assert heads == expected


# Polls.

def test_polls_bring_every_event_once_whichever_bridge_is_asked(
        shared_stack: Stack, bridges: tuple[str, str], session: str, channel: str) -> None:
    first = poll(bridges[0], channel)
    assert (first.status, first.json["events"]) == (200, [])
    cursor, shown = first.json["cursor"], []
    for i in range(20):
        log_line(shared_stack, str(i), session)
        if i % 3 == 2:
            answer = poll(bridges[i % 2], channel, cursor=cursor, wait=5)
            assert answer.status == 200
            shown += texts(answer.json["events"])
            cursor = answer.json["cursor"]
    answer = poll(bridges[1], channel, cursor=cursor, wait=5)
    assert shown + texts(answer.json["events"]) == [str(i) for i in range(20)]
    assert answer.json["events"][-1]["id"] == answer.json["cursor"]
    last = poll(bridges[0], channel, last=2)
    assert texts(last.json["events"]) == ["18", "19"]


def test_a_poll_hangs_until_an_event_and_then_until_its_wait_is_over(
        shared_stack: Stack, session: str, channel: str) -> None:
    address = shared_stack.bridge_address
    cursor = poll(address, channel).json["cursor"]
    answers: list[Answer] = []
    waiting = [threading.Thread(target=lambda: answers.append(poll(address, channel, cursor=cursor)))
               for _ in range(6)]
    for thread in waiting:
        thread.start()
    wait_until(lambda: shared_stack.bridge.metric("spanwire_bridge_connections") >= 7, "they hang")
    assert answers == []
    log_line(shared_stack, "at last", session)
    for thread in waiting:
        thread.join(WAIT_SECONDS)
    assert [texts(answer.json["events"]) for answer in answers] == [["at last"]] * 6
    cursor = answers[0].json["cursor"]
    nothing = poll(address, channel, cursor=cursor, wait=0)
    assert (nothing.status, nothing.body) == (204, b"")


def test_a_poll_without_a_wait_knows_a_channel_that_nobody_followed(
        shared_stack: Stack, bridges: tuple[str, str], session: str, channel: str) -> None:
    first = poll(bridges[0], channel, wait=0)
    assert (first.status, first.json["events"]) == (200, [])
    log_line(shared_stack, "one", session)
    missed = poll(bridges[1], channel, cursor=first.json["cursor"], wait=0)
    assert (missed.status, texts(missed.json["events"])) == (200, ["one"])


# Since a time.

def test_since_a_time_on_every_transport(
        shared_stack: Stack, bridges: tuple[str, str], session: str, channel: str) -> None:
    def say(number: int) -> None:
        log_line(shared_stack, str(number), session)
        time.sleep(0.01)  # by which the broker's clock tells them apart

    for i in range(10):
        say(i)
    everything = poll(bridges[0], channel, **{"from": "start"}).json["events"]
    since = everything[6]["accepted_at"]
    wanted = [str(i) for i in range(6, 10)]
    assert texts(poll(bridges[1], channel, since=since).json["events"]) == wanted
    with Client(bridges[1]) as client:
        client.send({"cmd": "subscribe", "id": 1, "channel": channel, "since": since})
        subscribed = client.until_type("$subscribed")
        assert subscribed["position"] == everything[5]["id"] and "recovered" not in subscribed
        client.until_type("$live")
        assert client.texts() == wanted
        say(10)
        client.until_text("10")
        assert client.texts() == [*wanted, "10"]
    for path in "/v1/sse", "/v1/stream":
        with Curl(bridges[0], f"{path}?{query(channel, since=since)}") as curl:
            curl.until("$live")
            shown = [json.loads(line.removeprefix("data: ")) for line in curl.lines if '"log_line"' in line]
            assert texts(shown) == [*wanted, "10"]
    later = poll(bridges[1], channel, since="2999-01-01T00:00:00Z")
    assert (later.status, later.json["events"]) == (200, [])
    with Client(bridges[1]) as client:
        client.send({"cmd": "subscribe", "id": 2, "channel": channel, "since": since, "after": everything[0]["id"]})
        assert client.until_type("$error")["code"] == "invalid_argument"


def test_since_a_time_that_the_log_no_longer_reaches_there_is_a_gap(
        shared_stack: Stack, bridges: tuple[str, str], session: str, channel: str) -> None:
    for i in range(6):
        log_line(shared_stack, str(i), session)
    shared_stack.redis("XTRIM", f"webgui:log:{{{channel}}}", "MAXLEN", 2)
    with Client(bridges[1]) as client:
        client.send({"cmd": "subscribe", "id": 1, "channel": channel, "since": "2024-01-01T00:00:00Z"})
        gap = client.until_type("$gap")
        assert gap["reason"] == "trimmed"
        assert [gap["after"].split("-")[1], gap["position"].split("-")[1]] == ["0", "4"]
        client.until_type("$live")
        assert client.texts() == ["4", "5"]
    assert poll(bridges[1], channel, since="2024-01-01T00:00:00Z").status == 410


def test_a_poll_is_told_what_is_lost_and_goes_on(
        shared_stack: Stack, bridges: tuple[str, str], session: str, channel: str) -> None:
    log_line(shared_stack, "seen", session)
    cursor = poll(bridges[0], channel, last=1).json["cursor"]
    for i in range(5):
        log_line(shared_stack, str(i), session)
    shared_stack.redis("XTRIM", f"webgui:log:{{{channel}}}", "MAXLEN", 2)
    epoch = cursor.split("-")[0]
    # The first bridge would still remember the frames.
    gone = poll(bridges[1], channel, cursor=cursor)
    assert gone.status == 410
    assert gone.json["lost"] == [
        {"channel": channel, "after": f"{epoch}-1", "position": f"{epoch}-4", "reason": "trimmed"}]
    assert (gone.json["type"], gone.json["code"]) == ("$error", "data_loss")
    rest = poll(bridges[1], channel, cursor=gone.json["cursor"])
    assert texts(rest.json["events"]) == ["3", "4"]


def test_polls_share_a_connection(shared_stack: Stack, session: str, channel: str) -> None:
    log_line(shared_stack, "one", session)
    with contextlib.closing(http.client.HTTPConnection(shared_stack.bridge_address)) as connection:
        for _ in range(3):
            connection.request("GET", f"/v1/poll?{query(channel, **{'from': 'start'})}")
            assert texts(Answer(connection.getresponse()).json["events"]) == ["one"]


# The bridge goes down.

def test_a_bridge_that_goes_down_says_when_to_come_back(module_stack: Stack) -> None:
    address = f"127.0.0.1:{free_port()}"
    bridge = module_stack.add_daemon("leaving", "spanwire-bridge", address).wait_ready()
    channel = "webgui:session:leaving"
    cursor = poll(address, channel).json["cursor"]
    answers: list[Answer] = []
    waiting = threading.Thread(target=lambda: answers.append(poll(address, channel, cursor=cursor)))
    with Curl(address, f"/v1/sse?{query(channel)}") as events, Curl(address, f"/v1/stream?{query(channel)}") as lines:
        waiting.start()
        events.until('"$live"')
        lines.until('"$live"')
        wait_until(lambda: bridge.metric("spanwire_bridge_connections") >= 3, "all are there")
        bridge.signal(15)
        events.wait()
        lines.wait()
        drain = events.frames()[-1]
        assert drain["type"] == "$drain" and 0 <= drain["after_ms"] <= 5000
        assert events.lines[-4] == f"retry: {drain['after_ms']}"
        assert lines.frames()[-1]["type"] == "$drain"
    waiting.join(WAIT_SECONDS)
    assert answers[0].status == 503
    assert (answers[0].json["code"], answers[0].json["retry"]) == ("unavailable", True)
    assert bridge.wait() == 0


# Bad input.

BAD_REQUESTS: dict[str, tuple[str, str, int, str]] = {
    "an unknown path": ("GET", "/v1/nonsense", 404, "not_found"),
    "an unknown method": ("BREW", "/v1/poll", 405, "unimplemented"),
    "a stream that is posted": ("POST", "/v1/sse", 405, "unimplemented"),
    "no channel": ("GET", "/v1/sse", 400, "invalid_argument"),
    "a bad channel": ("GET", "/v1/stream?channel=webgui:nonsense:x", 400, "invalid_argument"),
    "a channel with an end of line": ("GET", "/v1/sse?channel=webgui:session:a%0Ab", 400, "invalid_argument"),
    "200 channels": ("GET", "/v1/poll?" + query(*[f"webgui:user:{i}" for i in range(200)]), 400, "invalid_argument"),
    "a forged cursor": ("GET", "/v1/poll?channel=webgui:global&cursor=1;2", 400, "invalid_argument"),
    "a cursor of other channels": ("GET", "/v1/poll?channel=webgui:global&cursor=1-1,2-2", 400, "invalid_argument"),
    "a wait without end": ("GET", "/v1/poll?channel=webgui:global&wait=9999", 400, "invalid_argument"),
    "two places to start": ("GET", "/v1/sse?channel=webgui:global&last=1&from=start", 400, "invalid_argument"),
    "a target of 9 KB": ("GET", "/v1/poll?channel=" + "x" * 9_000, 414, "out_of_range"),
}


@pytest.mark.parametrize("method, target, status, code", BAD_REQUESTS.values(), ids=BAD_REQUESTS.keys())
def test_a_bad_request_is_answered_with_what_is_wrong(
        shared_stack: Stack, method: str, target: str, status: int, code: str) -> None:
    answer = ask(shared_stack.bridge_address, target, method, "" if method == "POST" else None)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.json["type"] == "$error" and answer.json["message"]
    assert answer.headers["Content-Type"] == "application/json"


def test_an_eventsource_with_a_forged_cursor_is_told(shared_stack: Stack, channel: str) -> None:
    for forged in ("nonsense", "1-1,2-2", "9" * 400, "-1-1"):
        answer = ask(shared_stack.bridge_address, f"/v1/sse?{query(channel)}", Last_Event_ID=forged)
        assert (answer.status, answer.json["code"]) == (400, "invalid_argument")
    # Well-formed, of no channel that ever was: what cannot be had is told, following goes on.
    with Curl(shared_stack.bridge_address, f"/v1/sse?{query(channel)}", "-H", "Last-Event-ID: 1-1") as curl:
        curl.until("event: $gap")
        curl.until("event: $live")


@pytest.mark.parametrize("path", ["/v1/sse", "/v1/stream", "/v1/poll", "/v1/nonsense"])
def test_strangers_have_no_effect(shared_stack: Stack, channel: str, path: str) -> None:
    target = f"{path}?{query(channel)}"
    for origin in ("http://evil.example", "null", "https://localhost", ""):
        for method in ("GET", "OPTIONS"):
            answer = ask(shared_stack.bridge_address, target, method, Origin=origin)
            assert (answer.status, answer.json["code"]) == (403, "permission_denied"), origin
            assert "Access-Control-Allow-Origin" not in answer.headers
    answer = ask(shared_stack.bridge_address, target, Host="evil.example")
    assert (answer.status, answer.json["type"]) == (421, "$error")
    own = f"http://{shared_stack.bridge_address}"
    preflight = ask(shared_stack.bridge_address, target, "OPTIONS", Origin=own)
    assert (preflight.status, preflight.headers["Access-Control-Allow-Origin"]) == (204, own)


def test_who_leaves_in_the_middle_leaves_nothing(shared_stack: Stack, session: str, channel: str) -> None:
    address = shared_stack.bridge_address
    host, port = address.split(":")
    cursor = poll(address, channel).json["cursor"]
    before = shared_stack.bridge.metric("spanwire_bridge_connections")
    head = f"HTTP/1.1\r\nHost: {address}\r\n\r\n"
    whole = f"GET /v1/poll?{query(channel, cursor=cursor)} {head}"
    for sent in (whole, whole[:20], whole * 3, f"GET /v1/sse?{query(channel)} {head}",
                 f"GET /v1/stream?{query(channel)} {head}garbage", ""):
        with socket.create_connection((host, int(port))) as leaving:
            leaving.sendall(sent.encode())
    wait_until(lambda: shared_stack.bridge.metric("spanwire_bridge_connections") <= before, "all are gone")
    assert shared_stack.bridge.metric("spanwire_bridge_streams") == 0
    log_line(shared_stack, "still served", session)
    assert texts(poll(address, channel, cursor=cursor).json["events"]) == ["still served"]


# Publishing and commands.

def post(address: str, path: str, body: object, **headers: str) -> Answer:
    text = body if isinstance(body, str) else json.dumps(body)
    return ask(address, path, "POST", text, **{"Content_Type": "application/json", **headers})


def test_what_is_posted_comes_to_everybody(
        shared_stack: Stack, publishing: str, session: str, channel: str) -> None:
    with Curl(shared_stack.bridge_address, f"/v1/sse?{query(channel)}") as curl:
        curl.until('"$live"')
        one = post(publishing, "/v1/publish", {"type": "log_line", "session_id": session, "data": {"text": "one"}})
        assert one.status == 200, one.body
        assert [place["channel"] for place in one.json["positions"]] == [channel]
        batch = [
            {"type": "log_line", "session_id": session, "data": {"text": "two"}, "agent": "ci"},
            {"type": "deploy.done", "session_id": session, "data": {"big": 12345678901234567890, "a": [1, {"b": "]"}]}},
            {"type": "typing", "session_id": session},
        ]
        many = post(publishing, "/v1/publish", {"events": batch}).json
        assert [(place["event"], place["channel"]) for place in many["positions"]] == [(0, channel), (1, channel)]
        curl.until('"typing"')
        frames = curl.frames()[3:]
        assert [frame["type"] for frame in frames] == ["log_line", "log_line", "deploy.done", "typing"]
        assert frames[0]["id"] == one.json["positions"][0]["position"]
        assert frames[1]["agent"] == "ci"
        assert frames[2]["data"] == {"big": 12345678901234567890, "a": [1, {"b": "]"}]}, "verbatim"


def test_a_key_makes_repeating_harmless(shared_stack: Stack, publishing: str, session: str, channel: str) -> None:
    event_ = {"type": "log_line", "session_id": session, "data": {"text": "once"}}
    for expected in (1, 0):
        answer = post(publishing, "/v1/publish", event_, Idempotency_Key=f"key-{session}")
        assert (answer.status, len(answer.json["positions"])) == (200, expected)
    shown = poll(shared_stack.bridge_address, channel, **{"from": "start"})
    assert texts(shown.json["events"]) == ["once"]


BAD_BODIES: dict[str, tuple[object, str]] = {
    "not JSON": ("hello", "the body is not right JSON at byte 0"),
    "nothing": ("", "the body is not right JSON"),
    "an array": ([], "the body is not right JSON"),
    "no type": ({"data": {}}, "the event has no \"type\""),
    "a key of the server": ({"type": "log_line", "id": "1-1"}, "the event has a key that is none of"),
    "data that is a text": ({"type": "log_line", "data": "x"}, "the event has a \"data\" that is not an object"),
    "data that does not fit": ({"type": "log_line", "data": {"nonsense": 1}}, "the event does not fit the schema"),
    "a bad second one": ({"events": [{"type": "typing"}, {"type": "log_line", "data": {"text": 1}}]}, "events[1] "),
    "no events": ({"events": []}, "\"events\" must have 1 to 1024"),
    "a type that begins with $": ({"type": "$ping"}, "custom.type"),
    "a channel that is none": ({"type": "typing", "channels": ["x"]}, "channels[0]"),
    "too many brackets": ("[" * 100_000, "the body is not right JSON"),
}


@pytest.mark.parametrize("body, message", BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_bad_body_is_answered_with_what_is_wrong(
        shared_stack: Stack, publishing: str, body: object, message: str) -> None:
    assert shared_stack.bridge.code is None
    answer = post(publishing, "/v1/publish", body)
    assert (answer.status, answer.json["code"]) == (400, "invalid_argument")
    assert message in answer.json["message"]


def test_a_bridge_without_a_broker_says_so(shared_stack: Stack) -> None:
    for path, body in (("/v1/publish", {"type": "typing"}),
                       ("/v1/cmd", {"cmd": "publish", "channel": "webgui:global", "event": {"type": "typing"}})):
        answer = post(shared_stack.bridge_address, path, body)
        assert (answer.status, answer.json["code"]) == (501, "unimplemented")


def test_a_broker_that_is_not_there_is_unavailable(shared_stack: Stack) -> None:
    address = f"127.0.0.1:{free_port()}"
    env = {"SPANWIRE_BROKER_TARGET": f"127.0.0.1:{free_port()}"}
    lonely = shared_stack.add_daemon("lonely", "spanwire-bridge", address, env).wait_ready()
    answer = post(address, "/v1/publish", {"type": "typing"})
    assert (answer.status, answer.json["code"], answer.json["retry"]) == (503, "unavailable", True)
    lonely.signal(15)
    assert lonely.wait() == 0


def test_commands_are_answered_with_the_frame_that_a_socket_gets(
        shared_stack: Stack, publishing: str, session: str, channel: str) -> None:
    for i in range(5):
        log_line(shared_stack, str(i), session)
    first = {"cmd": "history", "id": 7, "channel": channel, "limit": 3}
    by_http = post(publishing, "/v1/cmd", first)
    with Client(publishing) as client:
        client.send(first)
        by_socket = client.until_type("$history")
        client.send({"cmd": "publish", "id": 8, "channel": channel,
                     "event": {"type": "log_line", "data": {"text": "5"}}})
        published = client.until_type("$published")
    assert by_http.status == 200 and by_http.json == by_socket
    assert list(by_socket) == ["type", "id", "channel", "events", "more", "position"]
    assert texts(by_socket["events"]) == ["0", "1", "2"] and by_socket["more"]
    assert by_socket["position"] == by_socket["events"][-1]["id"]
    rest = post(publishing, "/v1/cmd", {"cmd": "history", "channel": channel, "after": by_socket["position"]}).json
    assert texts(rest["events"]) == ["3", "4", "5"] and not rest["more"]
    assert rest["position"] == published["position"] and published["channel"] == channel
    assert "id" not in rest


def test_a_history_says_what_it_lacks(
        shared_stack: Stack, publishing: str, session: str, channel: str) -> None:
    for i in range(5):
        log_line(shared_stack, str(i), session)
    shared_stack.redis("XTRIM", f"webgui:log:{{{channel}}}", "MAXLEN", 2)
    rest = post(publishing, "/v1/cmd", {"cmd": "history", "channel": channel}).json
    epoch = rest["position"].split("-")[0]
    assert texts(rest["events"]) == ["3", "4"] and "gap" not in rest
    rest = post(publishing, "/v1/cmd", {"cmd": "history", "channel": channel, "after": f"{epoch}-1"}).json
    assert texts(rest["events"]) == ["3", "4"]
    assert rest["gap"] == {
        "channel": channel, "after": f"{epoch}-1", "position": f"{epoch}-3", "reason": "trimmed"}


@pytest.mark.parametrize("body, status, code", [
    ("hello", 400, "invalid_argument"),
    ({"cmd": "dance"}, 400, "invalid_argument"),
    ({"cmd": "subscribe", "channel": "webgui:global"}, 400, "failed_precondition"),
    ({"cmd": "history", "channel": "webgui:nonsense:x"}, 400, "invalid_argument"),
    ({"cmd": "history", "channel": "webgui:global", "limit": 0}, 400, "invalid_argument"),
    ({"cmd": "publish", "channel": "webgui:global"}, 400, "invalid_argument"),
    ({"cmd": "publish", "channel": "webgui:global", "event": {"type": "typing", "channels": ["x"]}},
     400, "invalid_argument"),
    ({"cmd": "refresh", "token": "x"}, 501, "unimplemented"),
])
def test_a_bad_command_is_answered_with_its_code(
        shared_stack: Stack, publishing: str, body: object, status: int, code: str) -> None:
    assert shared_stack.bridge.code is None
    answer = post(publishing, "/v1/cmd", body)
    assert (answer.status, answer.json["type"], answer.json["code"]) == (status, "$error", code)


def test_posts_need_json_and_our_own_origin(publishing: str) -> None:
    answer = ask(publishing, "/v1/publish", "POST", '{"type":"typing"}', Content_Type="text/plain")
    assert (answer.status, answer.json["type"]) == (415, "$error")
    answer = ask(publishing, "/v1/publish", "POST", '{"type":"typing"}')
    assert answer.status == 415
    answer = post(publishing, "/v1/publish", {"type": "typing"}, Origin="http://evil.example")
    assert answer.status == 403
    answer = post(publishing, "/v1/publish", " " * 1_048_577)
    assert answer.status == 413


# Types.

def test_types_show_only_what_fits_and_prev_bridges_the_rest(
        shared_stack: Stack, publishing: str, session: str, channel: str) -> None:
    def say(kind: str) -> None:
        answer = post(publishing, "/v1/publish", {"type": kind, "session_id": session})
        assert answer.status == 200

    types = ["task_*", "log_line"]
    with Client(publishing) as client, Client(publishing, channel) as everything:
        client.send({"cmd": "subscribe", "id": 1, "channel": channel, "types": types})
        client.until_type("$live")
        kinds = ["comment", "log_line", "comment", "comment", "task_started", "task_started", "typing", "log_line"]
        for kind in kinds:
            say(kind)
        everything.until(lambda frame: frame["type"] == "log_line" and frame["id"].endswith("-7"))
        client.until(lambda frame: frame["type"] == "log_line" and frame["id"].endswith("-7"))
        shown = [frame for frame in client.frames if not frame["type"].startswith("$")]
        assert [frame["type"] for frame in shown] == ["log_line", "task_started", "task_started", "log_line"]
        last = next(frame["position"] for frame in client.frames if frame["type"] == "$live")
        for frame in shown:
            epoch, seq = frame["id"].split("-")
            assert frame.get("prev", f"{epoch}-{int(seq) - 1}") == last, "nothing is missing"
            last = frame["id"]
    # The same from the log, and without a socket.
    replayed = poll(publishing, channel, **{"from": "start", "types": ",".join(types)}).json
    assert [frame["id"] for frame in replayed["events"]] == [frame["id"] for frame in shown]
    say("comment")
    passed = poll(publishing, channel, cursor=replayed["cursor"], types="log_line", wait=1)
    assert (passed.status, passed.json["events"]) == (200, []) and passed.json["cursor"] != replayed["cursor"]
