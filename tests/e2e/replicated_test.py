"""Ack level replicated: what is acknowledged survives the master, and what replicas do not have is not acknowledged."""

import contextlib
import itertools
import threading
import time

import grpc
import pytest

from resp import Redis, RedisError
from stack import WAIT_SECONDS, Process, Stack, free_port, wait_until

CHANNEL = "webgui:session:s"
REPLICATED = {
    "SPANWIRE_REPLICATION_REPLICAS": "1", "SPANWIRE_REPLICATION_TIMEOUT": "300ms",
    "SPANWIRE_LOG_MAX_EVENTS": "100000", "SPANWIRE_LOG_MAX_BYTES": "1GiB"}  # the tests read the whole log


class Replica:
    """A second Redis that follows the stack's own."""

    def __init__(self, stack: Stack, master_port: int) -> None:
        self.socket = stack.folder / "replica.sock"
        self.process: Process = stack.run("replica", [
            "redis-server", "--port", "0", "--unixsocket", self.socket, "--dir", stack.folder, "--save", "",
            "--appendonly", "no", "--dbfilename", "replica.rdb", "--replicaof", "127.0.0.1", master_port])
        # Online is not enough: it may have a snapshot and not follow yet, and then WAIT does not count it.
        wait_until(lambda: b"state=online" in stack.redis("INFO", "replication"), "the replica is online")
        stack.redis("SET", "step", "1")
        wait_until(lambda: self("GET", "step") == b"1", "the replica follows")

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def __call__(self, *words: object) -> object:
        with contextlib.closing(Redis(self.socket)) as client:
            return client(*words)


def start_master(stack: Stack) -> int:
    """Redis with a port too, where a replica can follow it."""
    port = free_port()
    stack.start_redis("--port", str(port), "--repl-diskless-sync-delay", "0")
    return port


def events_of(rows: list) -> list[str]:
    from spanwire.v1 import event_pb2

    return [event_pb2.Event.FromString(fields[fields.index(b"e") + 1]).log_line.text for _, fields in rows]


class Sender(threading.Thread):
    """Publishes numbered lines for as long as it is let, and keeps what it was told."""

    def __init__(self, stack: Stack) -> None:
        import spanwire

        super().__init__(daemon=True)
        self.acked = 0
        self.sent = 0
        self.errors: list[tuple[int, str]] = []
        self._stopped = threading.Event()
        self.publisher = stack.publisher(
            ack_level=spanwire.AckLevel.REPLICATED, wait_when_full=True, queue_events=2_000,
            on_ack=self._on_ack, on_state=self._on_state)

    def _on_ack(self, sequence: int) -> None:
        self.acked = sequence

    def _on_state(self, _: object, code: int, message: str) -> None:
        if code:
            self.errors.append((code, message))

    def run(self) -> None:
        for number in itertools.count(1):
            if self._stopped.is_set():
                return
            self.publisher.publish(session_id="s", log_line={"text": str(number)})
            self.sent = number
            time.sleep(0.0005)

    def stop(self) -> None:
        self._stopped.set()
        self.join()


def test_what_was_acknowledged_survives_the_promotion_of_the_replica(bare_stack: Stack) -> None:
    stack = bare_stack
    replica = Replica(stack, start_master(stack))
    stack.start_broker(REPLICATED)
    sender = Sender(stack)
    sender.start()
    wait_until(lambda: sender.acked > 500, "events are acknowledged")
    stack.kill_redis()
    replica("REPLICAOF", "NO", "ONE")
    kept = events_of(replica("XRANGE", f"webgui:log:{{{CHANNEL}}}", "-", "+"))
    # Nobody else writes there, so what is acknowledged from here on was written before.
    stack.broker.kill()
    time.sleep(0.2)
    acked = sender.acked
    assert kept[:acked] == [str(number) for number in range(1, acked + 1)]

    sender.errors.clear()

    # The broker comes back at the promoted replica, which has none of its own: nothing more is acknowledged.
    stack.broker = stack.add_daemon(
        "broker", "spanwire-broker", stack.broker_target, REPLICATED, redis_url=replica.url).wait_ready()
    wait_until(lambda: any("0 of 1 replicas" in message for _, message in sender.errors), "the agent hears of that")
    assert sender.acked == acked
    # Until it has one.
    second = free_port()
    stack.run("second", [
        "redis-server", "--port", second, "--unixsocket", stack.folder / "second.sock", "--dir", stack.folder,
        "--save", "", "--appendonly", "no", "--dbfilename", "second.rdb"])
    port = free_port()
    replica("CONFIG", "SET", "port", port)
    replica("CONFIG", "SET", "repl-diskless-sync-delay", "0")
    with contextlib.closing(wait_until(lambda: connect(stack.folder / "second.sock"), "Redis answers")) as client:
        client("REPLICAOF", "127.0.0.1", port)
    wait_until(lambda: sender.acked > acked + 500, "events are acknowledged again")
    sender.stop()
    stack.flush()
    kept = events_of(replica("XRANGE", f"webgui:log:{{{CHANNEL}}}", "-", "+"))
    assert kept == [str(number) for number in range(1, sender.sent + 1)], "each once, in order"
    for name in ("spanwire_broker_unreplicated_total", "spanwire_broker_replicated_total"):
        wait_until(lambda counter=name: stack.broker.metric(counter) > 0, name)


def connect(socket: object) -> Redis | None:
    try:
        client = Redis(socket)
        client("PING")
        return client
    except (OSError, RedisError):
        return None


def test_without_a_replica_the_agent_is_told_and_nothing_is_acknowledged(bare_stack: Stack) -> None:
    from spanwire.v1 import event_pb2, publisher_pb2, publisher_pb2_grpc

    stack = bare_stack
    master_port = start_master(stack)
    stack.start_broker(REPLICATED)
    sender = Sender(stack)
    sender.publisher.publish(session_id="s", log_line={"text": "1"})
    wait_until(lambda: len(sender.errors) > 1, "the agent hears of it")
    assert set(sender.errors) == {
        (14, "ack level replicated was not reached: 0 of 1 replicas within 300ms")}  # UNAVAILABLE
    with pytest.raises(TimeoutError):
        sender.publisher.flush(0.5)
    assert sender.acked == 0
    assert stack.broker.ready(), "others are served"

    # Agents of the other level are: on the same channel, and without waiting for its timeouts.
    other = stack.publisher()
    began = time.monotonic()
    for number in range(20):
        other.publish(session_id="s", log_line={"text": f"other {number}"})
        other.flush()
    assert time.monotonic() - began < 20 * 0.3

    with grpc.insecure_channel(stack.broker_target) as channel:
        publish = publisher_pb2_grpc.PublisherServiceStub(channel).Publish
        request = publisher_pb2.PublishRequest(
            events=[event_pb2.Event(session_id="s", log_line={"text": "unary"})], idempotency_key="once",
            ack_level=publisher_pb2.ACK_LEVEL_REPLICATED)
        with pytest.raises(grpc.RpcError) as failed:
            publish(request, timeout=WAIT_SECONDS)
        assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
        assert "0 of 1 replicas" in failed.value.details()
        trailing = dict(failed.value.trailing_metadata())
        assert 0 <= int(trailing["grpc-retry-pushback-ms"]) <= 1_000

        # With a replica, what is there already is acknowledged, once.
        Replica(stack, master_port)
        sender.publisher.flush(WAIT_SECONDS)
        assert sender.acked == 1

        def published() -> bool:
            try:
                publish(request, timeout=WAIT_SECONDS)
            except grpc.RpcError as again:  # a replica may need longer than the timeout on a loaded machine
                assert again.code() is grpc.StatusCode.UNAVAILABLE
                return False
            return True

        wait_until(published, "the replica has it")
    texts = events_of(stack.redis("XRANGE", f"webgui:log:{{{CHANNEL}}}", "-", "+"))
    assert texts.count("1") == 1 and texts.count("unary") == 1 and len(texts) == 22


def test_a_broker_that_does_not_offer_it_says_so(stack: Stack) -> None:
    import spanwire

    publisher = stack.publisher(ack_level=spanwire.AckLevel.REPLICATED)
    publisher.publish(session_id="s", log_line={"text": "x"})
    with pytest.raises(spanwire.Stopped, match="replication.replicas is 0") as stopped:
        publisher.flush()
    assert stopped.value.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]


def test_a_flushed_redis_is_no_end_to_it(bare_stack: Stack) -> None:
    stack = bare_stack
    Replica(stack, start_master(stack))
    stack.start_broker(REPLICATED)
    sender = Sender(stack)
    sender.start()
    for _ in range(5):
        reached = sender.acked
        wait_until(lambda least=reached + 100: sender.acked > least, "events are acknowledged")
        stack.redis("FLUSHALL")
    sender.stop()
    stack.flush()
    assert stack.broker.ready()
