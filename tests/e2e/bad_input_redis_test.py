"""A Redis that is not as it should be: who asks is told why, nothing that was promised is lost, and when Redis is as it
should be again, all goes on by itself.
"""

import signal
import time
from typing import Any

import grpc
import pytest

from browser_client import Client
from fake_redis import FakeRedis
from raw_agent import RawAgent, batch_frame, event, field, open_frame, publish
from stack import Daemon, Stack, wait_until

CHANNEL = "webgui:session:s"
DURABLE = ("--appendonly", "yes", "--appendfsync", "always")
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


def say(publisher: Any, text: str) -> None:
    publisher.publish(session_id="s", log_line={"text": text})


def subscribe_from_start(client: Client) -> None:
    client.send({"cmd": "subscribe", "id": 1, "channel": CHANNEL, "from": "start"})


def start_both(stack: Stack, env: dict[str, str] | None = None) -> tuple[Daemon, Daemon]:
    return stack.start_broker(env, wait=False), stack.start_bridge(env, wait=False)


def wait_not_ready(daemon: Daemon, why: str) -> None:
    """Alive, not ready, and it says why, to who asks and in its log."""
    def condition() -> bool:
        status, text = daemon.get("/readyz")
        return status == 503 and why in text
    wait_until(condition, f"/readyz of {daemon.name} says: {why}")
    wait_until(lambda: why in daemon.text(), f"the log of {daemon.name} says: {why}")
    assert daemon.get("/livez")[0] == 200 and daemon.code is None


def test_redis_absent_at_start_may_come_later(bare_stack: Stack) -> None:
    stack = bare_stack
    daemons = start_both(stack)
    for daemon in daemons:
        wait_not_ready(daemon, "redis")
        assert "redis.sock" in daemon.text(), "the log names what is missing"
    code, details = publish(stack.broker_target, field(1, event("refused")))
    assert code == UNAVAILABLE and "redis" in details
    publisher = stack.publisher()
    say(publisher, "early")
    stack.start_redis()
    for daemon in daemons:
        daemon.wait_ready()
    stack.flush()
    with Client(stack.bridge_address) as client:
        subscribe_from_start(client)
        client.until_type("$live")
        assert client.texts() == ["early"]


def test_redis_lost_and_back_with_its_data_loses_nothing(bare_stack: Stack) -> None:
    stack = bare_stack
    stack.start_redis(*DURABLE)
    daemons = start_both(stack)
    for daemon in daemons:
        daemon.wait_ready()
    publisher = stack.publisher()
    with Client(stack.bridge_address, CHANNEL) as client:
        for turn in range(3):
            for number in range(100):
                say(publisher, f"{turn}.{number}")
            stack.kill_redis()
            for daemon in daemons:
                wait_not_ready(daemon, "redis")
            say(publisher, f"{turn}.100")
            stack.start_redis(*DURABLE)
        stack.flush()
        client.until_text("2.100")
        assert client.texts() == [f"{turn}.{number}" for turn in range(3) for number in range(101)]
        assert set(client.types()) == {"$hello", "$subscribed", "$live", "log_line"}
    for daemon in daemons:
        daemon.wait_ready()


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_an_agent_is_told_that_redis_is_lost(stack: Stack, busy: bool) -> None:
    with RawAgent(stack.broker_target, open_frame()) as agent:
        agent.until_opened()
        taken = stack.broker.metric("spanwire_broker_events_received_total")
        if busy:
            stack.redis_process.signal(signal.SIGSTOP)
            agent.send(batch_frame(1, event("in flight")))
            wait_until(lambda: stack.broker.metric("spanwire_broker_events_received_total") > taken, "it is in flight")
        stack.kill_redis()
        code, details = agent.until_ended()
        assert code == UNAVAILABLE and agent.acked == 0
        assert "redis" in details, details


def test_redis_lost_and_back_empty_is_told(stack: Stack) -> None:
    publisher = stack.publisher()
    with Client(stack.bridge_address, CHANNEL) as client:
        say(publisher, "before")
        epoch = int(client.until_text("before")["id"].split("-")[0])
        # An epoch is ahead of the clock by its salt, up to a second; until then a new data set may begin a lower one,
        # which is told as a rollback.
        wait_until(lambda: time.time_ns() // 1000 > epoch, "the clock has passed the epoch")
        stack.kill_redis()
        stack.start_redis()
        say(publisher, "after")
        stack.flush()
        client.until_text("after")
        kinds = [frame["type"] for frame in client.frames
                 if frame["type"] in ("$gap", "log_line") and "was" not in frame]  # the broker remembers "before"
        assert kinds == ["log_line", "$gap", "log_line"]
        gap = client.frames[client.types().index("$gap")]
        assert gap["reason"] == "lost" and gap["channel"] == CHANNEL


def test_redis_out_of_memory_refuses_and_nothing_is_lost(bare_stack: Stack) -> None:
    stack = bare_stack
    stack.start_redis("--maxmemory-policy", "noeviction")
    for daemon in start_both(stack, {"SPANWIRE_APPEND_DEADLINE": "1s"}):
        daemon.wait_ready()
    told: list[tuple[int, str]] = []
    publisher = stack.publisher(on_state=lambda _, code, message: told.append((code, message)))
    exhausted = grpc.StatusCode.RESOURCE_EXHAUSTED
    with Client(stack.bridge_address, CHANNEL) as client:
        say(publisher, "before")
        client.until_text("before")
        stack.flush()
        stack.redis("CONFIG", "SET", "maxmemory", "1")
        wait_not_ready(stack.broker, "out of memory")
        for number in range(50):
            say(publisher, f"{number}")
        wait_until(lambda: any(code == exhausted.value[0] and "memory" in message.lower() for code, message in told),
                   "RESOURCE_EXHAUSTED reaches the agent")
        code, details = publish(stack.broker_target, field(1, event("refused")))
        assert code == exhausted and "memory" in details.lower()
        assert publisher.counters.acked == 1, "nothing is acknowledged that Redis has not taken"
        # Browsers are served, what is there can be read, and who waits for what cannot be had yet gets it later.
        assert stack.bridge.ready()
        with Client(stack.bridge_address) as late:
            subscribe_from_start(late)
            late.until_type("$subscribed")
            stack.redis("CONFIG", "SET", "maxmemory", "0")
            stack.flush()
            texts = ["before", *[f"{number}" for number in range(50)]]
            for browser in (client, late):
                browser.until_text("49")
                assert browser.texts() == texts
                assert set(browser.types()) == {"$hello", "$subscribed", "$live", "log_line"}
    stack.broker.wait_ready()


def test_redis_that_evicts_is_refused(bare_stack: Stack) -> None:
    stack = bare_stack
    stack.start_redis("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
    for daemon in start_both(stack):
        assert daemon.wait() == 1
        assert "maxmemory-policy allkeys-lru: it would evict events" in daemon.text()


def test_redis_that_is_too_old_is_told(bare_stack: Stack) -> None:
    stack = bare_stack
    with FakeRedis(stack.redis_socket, "6.2.14"):
        for daemon in start_both(stack):
            wait_not_ready(daemon, "redis 6.2.14 is too old: 7.0 or newer is needed")
        code, details = publish(stack.broker_target, field(1, event("refused")))
        assert code == UNAVAILABLE and "redis" in details
    stack.redis_socket.unlink()
    stack.start_redis()
    stack.broker.wait_ready()
    stack.bridge.wait_ready()


def start_redis_with_user(stack: Stack, *but: str) -> dict[str, str]:
    """Its user "app" may do everything, but …; settings for who comes as that user."""
    stack.start_redis()
    stack.redis("ACL", "SETUSER", "app", "on", ">s3cr3t", "~*", "+@all", "allchannels", *but)
    password = stack.folder / "password"
    password.write_text("s3cr3t\n")
    return {"SPANWIRE_REDIS_USERNAME": "app", "SPANWIRE_REDIS_PASSWORD_FILE": str(password)}


def start_with_rights(stack: Stack, *rights: str) -> tuple[Daemon, Daemon]:
    """Both daemons as a user who may do everything, but on no channel that is not among these rights."""
    return start_both(stack, start_redis_with_user(stack, "resetchannels", *rights))


def test_redis_without_rights_on_any_channel_is_told(bare_stack: Stack) -> None:
    stack = bare_stack
    daemons = start_with_rights(stack)
    wait_not_ready(daemons[0], "its ACL needs the channels &webgui:*")
    wait_not_ready(daemons[1], "NOPERM")
    # What an agent sends is in the log all the same, and counted as not published.
    publisher = stack.publisher()
    say(publisher, "unheard")
    stack.flush()
    wait_until(lambda: stack.broker.metric("spanwire_broker_unpublished_total") > 0, "it is counted")
    stack.redis("ACL", "SETUSER", "app", "&webgui:*")
    for daemon in daemons:
        daemon.wait_ready()  # by itself
        assert "s3cr3t" not in daemon.text()
    with Client(stack.bridge_address) as client:
        subscribe_from_start(client)
        say(publisher, "heard")
        client.until_text("heard")
        assert client.texts() == ["unheard", "heard"]


@pytest.mark.parametrize("taken, given, said", [
    (["-xrange"], ["+xrange"], "redis refuses XRANGE webgui:log:{"),
    (["-xrevrange"], ["+xrevrange"], "redis refuses XREVRANGE webgui:log:{"),
    (["-pexpire"], ["+pexpire"], "redis refuses PEXPIRE webgui:tail:{"),
    (["resetkeys", "~webgui:probe:*", "%R~webgui:log:*"], ["~webgui:tail:*"], "redis refuses SET webgui:tail:{"),
    (["resetkeys", "~webgui:probe:*", "~webgui:tail:*"], ["%R~webgui:log:*"], "redis refuses XRANGE webgui:log:{"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_redis_without_the_right_to_read_is_told(
        bare_stack: Stack, taken: list[str], given: list[str], said: str) -> None:
    stack = bare_stack
    bridge = stack.start_bridge(start_redis_with_user(stack, *taken), wait=False)
    wait_not_ready(bridge, said)
    stack.redis("ACL", "SETUSER", "app", *given)
    bridge.wait_ready()  # by itself
    with Client(stack.bridge_address) as client:
        client.send({"cmd": "subscribe", "id": 1, "channel": CHANNEL, "last": 1})
        client.until_type("$live")
    assert stack.redis("KEYS", "webgui:*:{webgui:probe:*") == [], "asking has left nothing"


def test_redis_without_a_right_that_only_opening_a_stream_needs_is_told(bare_stack: Stack) -> None:
    keys = [f"~webgui:{kind}:*" for kind in ("log", "tail", "producer")]
    broker, _ = start_with_rights(bare_stack, "&*", "resetkeys", *keys)
    wait_not_ready(broker, "NOPERM")
    bare_stack.redis("ACL", "SETUSER", "app", "~webgui:epoch:*")
    broker.wait_ready()


def test_redis_without_rights_on_one_channel_is_told_to_who_asks_for_it(bare_stack: Stack) -> None:
    stack = bare_stack
    for daemon in start_with_rights(stack, "&webgui:probe:*", "&webgui:control", "&webgui:session:*"):
        daemon.wait_ready()
    with Client(stack.bridge_address, CHANNEL) as client:
        client.send({"cmd": "subscribe", "id": 7, "channel": "webgui:global"})
        error = client.until_type("$error")
        assert error["code"] == "permission_denied" and "NOPERM" in error["message"]
        say(stack.publisher(), "goes on")
        client.until_text("goes on")
