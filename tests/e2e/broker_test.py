"""The broker under strain: descriptors that run out, a channel that Redis refuses, too much of one thing."""

import contextlib
import os
import resource
import socket
import subprocess
import sys
import threading
import time

import pytest

from stack import BIN, ROOT, free_port, wait_until


@pytest.fixture(name="system")
def fixture_system(bare_stack):
    """Redis and a broker; nobody watches."""
    bare_stack.start_redis()
    bare_stack.start_broker()
    return bare_stack


def connect(system):
    client = socket.socket(socket.AF_UNIX)
    client.connect(system.broker_target.removeprefix("unix:"))
    return client


def is_refused(client):
    """The broker closed it without a word."""
    client.settimeout(5)
    with contextlib.suppress(ConnectionResetError):
        return client.recv(65536) == b""  # else: its HTTP/2 settings
    return True


def say(publisher, text="hello", session="s"):
    return publisher.publish(session_id=session, log_line=dict(text=text))


def test_a_broker_that_ran_out_of_descriptors_serves_again(system):
    first = system.publisher()
    say(first)
    first.flush()
    resource.prlimit(system.broker.pid, resource.RLIMIT_NOFILE, (160, 160))
    # Each is accepted, or accepted and refused: nobody is left waiting.
    clients = [connect(system) for _ in range(300)]
    refused = [client for client in clients if is_refused(client)]
    assert 100 < len(refused) < 300
    assert "connection refused: too many" in system.broker.text()
    assert system.broker.metric("spanwire_broker_refused_connections_total") == len(refused)
    say(first)  # those who are there notice nothing
    first.flush()
    assert system.broker.ready()
    for client in clients:
        client.close()
    say(system.publisher(agent="second"))
    system.flush(10)


def test_agents_leave_descriptors_for_the_brokers_own_use(system):
    resource.prlimit(system.broker.pid, resource.RLIMIT_NOFILE, (160, 160))
    clients = [connect(system) for _ in range(300)]
    assert is_refused(clients[-1])
    system.kill_redis()
    wait_until(lambda: not system.broker.ready(), "the loss is seen")
    system.start_redis()
    wait_until(system.broker.ready, "the broker is connected again", 10)
    for client in clients:
        client.close()


def test_a_channel_that_redis_refuses_stops_only_those_who_publish_on_it(system):
    system.redis("SET", "webgui:log:{webgui:session:bad}", "no stream")
    stuck = [system.publisher(agent=f"stuck{number}") for number in range(3)]
    for publisher in stuck:
        for _ in range(150):
            say(publisher, "x" * 200_000, session="bad")
    time.sleep(2)  # all that a broker without bounds would take
    healthy = system.publisher(agent="healthy")
    for number in range(20):
        say(healthy, f"event {number}")
        start = time.monotonic()
        healthy.flush(5)
        assert time.monotonic() - start < 1
    assert system.broker.metric("spanwire_broker_queue_bytes") < 24 << 20
    system.redis("DEL", "webgui:log:{webgui:session:bad}")
    system.flush()  # each goes on when its own events are through


def test_calls_over_the_bound_are_refused_and_one_that_fails_takes_no_other_along(system):
    import grpc

    from spanwire.v1 import event_pb2, publisher_pb2

    def request(session):
        event = event_pb2.Event(session_id=session, log_line=dict(text="x"))
        return publisher_pb2.PublishRequest(events=[event]).SerializeToString()

    system.redis("SET", "webgui:log:{webgui:session:bad}", "no stream")
    with contextlib.ExitStack() as channels:
        options = [("grpc.use_local_subchannel_pool", 1)]
        publish = [channels.enter_context(grpc.insecure_channel(system.broker_target, options=options))
                   .unary_unary("/spanwire.v1.PublisherService/Publish") for _ in range(2)]
        stuck = [publish[number % 2].future(request("bad"), timeout=30) for number in range(1_000)]
        good = [publish[0].future(request("good"), timeout=30) for _ in range(10)]
        assert all(call.code() == grpc.StatusCode.OK for call in good)
        more = [publish[number % 2].future(request("bad"), timeout=30) for number in range(100)]
        codes = [call.code() for call in more]
        assert 76 <= codes.count(grpc.StatusCode.RESOURCE_EXHAUSTED) < 100
        start = time.monotonic()
        assert all(call.code() == grpc.StatusCode.UNAVAILABLE for call in stuck)
        assert time.monotonic() - start < 13, "each is told when its own ten seconds are over"


def test_reflection_sessions_are_bounded(system):
    import grpc

    with grpc.insecure_channel(system.broker_target) as channel:
        reflect = channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
        over = threading.Event()
        open_sessions = [reflect(over.wait() and b"" for _ in range(1)) for _ in range(64)]
        wait_until(lambda: all(session.is_active() for session in open_sessions), "they are open")

        def refused():
            call = reflect(iter([b"\x3a\x00"]), timeout=10)  # list_services
            with contextlib.suppress(grpc.RpcError):
                return bool(list(call)) and False
            return call.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        wait_until(refused, "one more is refused", 10)
        for session in open_sessions:
            session.cancel()
        over.set()
        wait_until(lambda: not refused(), "there is room again", 10)


# The Python client.


def test_publishing_leaves_the_callers_event_as_it_was(system):
    from spanwire.v1 import event_pb2

    event = event_pb2.Event(session_id="s", log_line=dict(text="twice"))
    publisher = system.publisher()
    before = time.time()
    publisher.publish(event)
    publisher.publish(event)
    publisher.flush()
    assert not event.HasField("timestamp")
    rows = system.redis("XRANGE", "webgui:log:{webgui:session:s}", "-", "+")
    kept = [event_pb2.Event.FromString(fields[fields.index(b"e") + 1]) for _, fields in rows]
    times = [row.timestamp.seconds + row.timestamp.nanos / 1e9 for row in kept]
    assert before <= times[0] < times[1] <= time.time()
    event.timestamp.seconds = 7
    publisher.publish(event)
    publisher.flush()
    rows = system.redis("XREVRANGE", "webgui:log:{webgui:session:s}", "+", "-", "COUNT", 1)
    fields = rows[0][1]
    assert event_pb2.Event.FromString(fields[fields.index(b"e") + 1]).timestamp.seconds == 7


@pytest.mark.parametrize(("argument", "value", "error"), [
    ("target", None, TypeError),
    ("agent", 7, TypeError),
    ("agent", "\ud800", ValueError),
    ("producer_id", b"p", TypeError),
    ("queue_events", "many", TypeError),
    ("queue_bytes", 1.5, TypeError),
    ("on_ack", "print", TypeError),
])
def test_wrong_arguments_are_refused_by_name(argument, value, error):
    import spanwire

    with pytest.raises(error, match=argument):
        spanwire.Publisher(**{argument: value})


def test_a_publisher_whose_worker_fails_says_so(system, caplog):
    import spanwire

    states = []
    publisher = system.publisher(on_state=lambda state, code, message: states.append((state, code)))
    say(publisher)
    publisher.flush()

    def fail(now):
        raise RuntimeError("a defect")

    publisher._core.session.next = fail
    say(publisher)
    with pytest.raises(spanwire.Stopped, match="a defect") as why:
        publisher.flush()
    assert why.value.code == 13
    with pytest.raises(spanwire.Stopped):
        say(publisher)
    assert "a Publisher has failed" in caplog.text
    wait_until(lambda: states[-1:] == [(spanwire.State.STOPPED, 13)], "the application is told", 5)


def test_reading_that_fails_is_an_end_and_everything_is_sent_again(system, monkeypatch):
    publisher = system.publisher()
    say(publisher)
    publisher.flush()
    session = publisher._core.session
    answer = session.on_response

    def fail(response, now):
        session.on_response = answer
        raise RuntimeError("a defect")

    session.on_response = fail
    say(publisher)
    publisher.flush(10)
    assert publisher.counters.reconnects == 1


# Both clients.

PUBLISH = """
import sys
import spanwire
with spanwire.Publisher(sys.argv[1], agent="a") as publisher:
    publisher.publish(session_id="s", log_line=dict(text="past the proxy"))
"""


def test_a_proxy_in_the_environment_is_not_asked_for_the_broker(system):
    address = f"127.0.0.1:{free_port()}"
    system.add_daemon("tcp-broker", "spanwire-broker", address).wait_ready()
    proxy = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy", "grpc_proxy")}
    path = os.pathsep.join([str(BIN.parent / "python"), str(ROOT / "clients" / "python")])
    env = {**os.environ, **proxy, "no_proxy": "", "PYTHONPATH": path}
    for agent in (
        [sys.executable, "-c", PUBLISH, address],
        [BIN / "load-agent", "--target", address, "--channels", "webgui:session:s", "--rate", "100", "--events", "3",
         "--label", "past the proxy"],
    ):
        done = subprocess.run(agent, capture_output=True, text=True, timeout=30, env=env)
        assert done.returncode == 0, done.stderr
    assert system.redis("XLEN", "webgui:log:{webgui:session:s}") == 4
