"""Agents: our clients, and gRPC clients that are not ours."""

import concurrent.futures
import json
import os
import subprocess
import sys
import time

import grpc
import pytest

from browser_client import Client
from spanwire.v1 import publisher_pb2
from stack import BIN, ROOT, WAIT_SECONDS, wait_until

SESSION = "webgui:session:s"


def texts_of(stack, channel):
    from spanwire.v1 import event_pb2

    rows = stack.redis("XRANGE", f"webgui:log:{{{channel}}}", "-", "+")
    return [event_pb2.Event.FromString(fields[fields.index(b"e") + 1]).log_line.text for _, fields in rows]


# gRPC clients that are not ours.


def test_pythons_grpcio_publishes_and_is_acked(stack):
    from spanwire.v1 import event_pb2, publisher_pb2, publisher_pb2_grpc

    def event(number):
        return event_pb2.Event(session_id="s", log_line=dict(text=f"python {number}"))

    with grpc.insecure_channel(stack.broker_target) as channel:
        stub = publisher_pb2_grpc.PublisherServiceStub(channel)
        batch = publisher_pb2.Batch(first_sequence=1, events=[event(number) for number in range(1, 101)])
        requests = [
            publisher_pb2.PublishStreamRequest(open=publisher_pb2.Open(agent="python", want_positions=True)),
            publisher_pb2.PublishStreamRequest(batch=batch),
        ]
        responses = list(stub.PublishStream(iter(requests), timeout=WAIT_SECONDS))  # half-close: all is acked, then OK
        assert responses[0].opened.producer_id and responses[0].opened.producer_epoch > 0
        acks = [response.ack for response in responses if response.HasField("ack")]
        assert acks[-1].sequence == 100
        positions = [position for ack in acks for position in ack.positions]
        assert [position.sequence for position in positions] == list(range(1, 101))

        response = stub.Publish(publisher_pb2.PublishRequest(events=[event(101)]), timeout=WAIT_SECONDS)
        assert [position.channel for position in response.positions] == [SESSION]
    assert texts_of(stack, SESSION) == [f"python {number}" for number in range(1, 102)]


def test_nodes_grpc_js_publishes_and_is_acked(stack, node_modules):
    agent = subprocess.run(
        ["node", ROOT / "tests" / "e2e" / "grpc_js_agent.js", stack.broker_target, ROOT / "proto"],
        env={**os.environ, "NODE_PATH": str(node_modules)}, capture_output=True, text=True, timeout=60)
    assert agent.returncode == 0, agent.stderr
    told = json.loads(agent.stdout)
    assert told["opened"] == "node-agent" and told["acked"] == 100 and told["code"] == 0
    assert [position["channel"] for position in told["positions"]] == ["webgui:session:node"]
    assert texts_of(stack, "webgui:session:node") == [f"node {number}" for number in range(1, 102)]


@pytest.mark.parametrize("reflection", ["grpc-v1", "grpc-v1alpha"])
def test_buf_curl_works_by_reflection(stack, node_modules, reflection):
    def buf(*words):
        socket = stack.broker_target.removeprefix("unix:")
        done = subprocess.run(
            [node_modules / ".bin" / "buf", "curl", "--protocol", "grpc", "--http2-prior-knowledge", "--unix-socket",
             socket, "--reflect-protocol", reflection, *words], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    services = buf("--list-services", "http://localhost").split()
    assert {"spanwire.v1.PublisherService", "grpc.health.v1.Health"} <= set(services)
    methods = buf("--list-methods", "http://localhost").split()
    assert {"spanwire.v1.PublisherService/Publish", "spanwire.v1.PublisherService/PublishStream",
            "grpc.health.v1.Health/Check"} <= set(methods)

    request = {"events": [{"session_id": "s", "log_line": {"text": "by buf"}}]}
    response = json.loads(buf("--data", json.dumps(request), "http://localhost/spanwire.v1.PublisherService/Publish"))
    assert response["positions"][0]["channel"] == SESSION
    assert texts_of(stack, SESSION) == ["by buf"]
    health = json.loads(buf("--data", "{}", "http://localhost/grpc.health.v1.Health/Check"))
    assert health["status"] == "SERVING"


# The Python client.


def say(publisher, text, session="s"):
    return publisher.publish(session_id=session, log_line=dict(text=text))


def test_the_python_client_survives_brokers_that_are_killed(stack):
    publisher = stack.publisher()
    for turn in range(4):
        for number in range(500):
            say(publisher, f"{turn}.{number}")
        if turn < 3:
            wait_until(lambda sent=turn * 500: publisher.counters.acked > sent, "this broker takes some of it")
            stack.broker.kill()
            stack.start_broker()
    publisher.flush(WAIT_SECONDS)
    assert texts_of(stack, SESSION) == [f"{turn}.{number}" for turn in range(4) for number in range(500)]
    counters = publisher.counters
    assert counters.published == counters.acked == 2000 and counters.nacked == 0
    assert counters.reconnects >= 1


def test_the_python_client_waits_for_a_broker_that_comes_late(bare_stack):
    stack = bare_stack
    stack.start_redis()
    publisher = stack.publisher()
    say(publisher, "early")
    with pytest.raises(TimeoutError, match="1 events are not acknowledged"):
        publisher.flush(0.3)
    stack.start_broker()
    publisher.flush(WAIT_SECONDS)
    assert texts_of(stack, SESSION) == ["early"]


def test_a_nack_names_the_field_and_the_others_go_on(stack):
    nacks, acks = [], []
    publisher = stack.publisher(on_nack=nacks.append, on_ack=acks.append)
    say(publisher, "before")
    bad = publisher.publish(channels=["webgui:nonsense:x"], log_line=dict(text="nowhere"))
    say(publisher, "after")
    publisher.flush(WAIT_SECONDS)
    assert [nack.sequence for nack in nacks] == [bad]
    assert nacks[0].violations[0].field == "channels[0]"
    assert texts_of(stack, SESSION) == ["before", "after"]
    assert acks[-1] == 3 and publisher.counters.nacked == 1 and publisher.counters.acked == 2


def test_what_cannot_be_encoded_is_refused_at_once_and_the_others_go_on(stack):
    publisher = stack.publisher()
    say(publisher, "before")
    with pytest.raises(ValueError, match="at most 262144"):
        say(publisher, "x" * 262_144)
    with pytest.raises((ValueError, TypeError)):
        say(publisher, "\ud800")
    with pytest.raises(ValueError, match="no .*field"):
        publisher.publish(nonsense=1)
    deep = snapshot = {}
    for _ in range(60):
        deep["k"] = {}
        deep = deep["k"]
    from spanwire.v1 import event_pb2
    nested = event_pb2.Event(session_id="s")
    nested.state_snapshot.snapshot.update(snapshot)
    with pytest.raises(ValueError, match="nested too deep"):
        publisher.publish(nested)
    say(publisher, "after")
    publisher.flush(WAIT_SECONDS)
    assert texts_of(stack, SESSION) == ["before", "after"]
    assert publisher.counters.rejected == 4


def test_a_fenced_instance_stops_and_says_so(stack):
    import spanwire

    states = []
    old = stack.publisher(producer_id="p", on_state=lambda state, code, message: states.append((state, code)))
    say(old, "old")
    old.flush(WAIT_SECONDS)
    new = stack.publisher(producer_id="p")
    say(new, "new")
    new.flush(WAIT_SECONDS)

    def stopped():
        try:
            say(old, "too late")
        except spanwire.Stopped as why:
            return why
        return None
    why = wait_until(stopped, "the old instance has stopped")
    assert why.code == grpc.StatusCode.ABORTED.value[0]
    wait_until(lambda: states[-1] == (spanwire.State.STOPPED, why.code), "its callback says so, too")
    with pytest.raises(spanwire.Stopped):
        say(old, "still too late")
    say(new, "newer")
    new.flush(WAIT_SECONDS)
    assert texts_of(stack, SESSION) == ["old", "new", "newer"]


def test_a_full_queue_refuses_or_waits_as_asked(bare_stack):
    import spanwire

    stack = bare_stack
    publisher = stack.publisher(queue_events=3)
    for number in range(3):
        say(publisher, f"{number}")
    with pytest.raises(spanwire.QueueFull, match="at most 3 events"):
        say(publisher, "too many")
    small = stack.publisher(queue_bytes=300_000)
    say(small, "x" * 200_000)
    with pytest.raises(spanwire.QueueFull):
        say(small, "x" * 200_000)

    waiting = stack.publisher(queue_events=10, wait_when_full=True)
    stack.start_redis()
    stack.start_broker()
    for number in range(500):
        say(waiting, f"{number}", session="waits")
    waiting.flush(WAIT_SECONDS)
    assert texts_of(stack, "webgui:session:waits") == [f"{number}" for number in range(500)]


def test_large_events_make_batches_of_a_mebibyte(stack):
    publisher = stack.publisher()
    for number in range(40):
        say(publisher, f"{number}" + "x" * 200_000)
    publisher.flush(WAIT_SECONDS)
    assert publisher.counters.acked == 40 and publisher.counters.reconnects == 0


FORK = """
import os, sys
import spanwire
publisher = spanwire.Publisher(sys.argv[1], agent="parent")
def say(p, text): p.publish(session_id="s", log_line=dict(text=text))
say(publisher, "before")
publisher.flush(30)
for number in range(5):
    pid = os.fork()
    if pid == 0:
        for act in (lambda: say(publisher, "never"), lambda: publisher.flush(30), publisher.close):
            try:
                act()
                os._exit(90)
            except spanwire.Forked:
                pass
        try:
            with spanwire.Publisher(sys.argv[1], agent="child") as mine:
                say(mine, f"child {number}")
        except spanwire.Forked as error:
            print(error, flush=True)
        sys.exit(7)
    say(publisher, f"parent {number}")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
publisher.flush(30)
publisher.close()
print("fine")
"""


def run_python(code, *arguments, env=None):
    """A program on the Python client, in a process of its own."""
    path = os.pathsep.join([str(BIN.parent / "python"), str(ROOT / "clients" / "python")])
    return subprocess.run([sys.executable, "-c", code, *arguments], timeout=120, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": path, **(env or {})})


def test_after_fork_the_parent_goes_on_and_the_child_is_told(stack):
    done = run_python(FORK, stack.broker_target, env={"GRPC_ENABLE_FORK_SUPPORT": "0"})
    assert done.returncode == 0, done.stderr
    *told, last = done.stdout.splitlines()
    assert last == "fine" and len(told) == 5 and all("create Publishers after fork() only" in line for line in told)
    assert texts_of(stack, SESSION) == ["before"] + [f"parent {number}" for number in range(5)]


def test_with_grpcs_fork_support_the_child_may_publish_too(stack):
    done = run_python(FORK, stack.broker_target, env={"GRPC_ENABLE_FORK_SUPPORT": "1"})
    assert done.returncode == 0 and done.stdout == "fine\n", done.stderr
    expected = ["before"] + [f"{who} {number}" for number in range(5) for who in ("child", "parent")]
    assert sorted(texts_of(stack, SESSION)) == sorted(expected)


ABANDON = """
import sys, time
import spanwire
publisher = spanwire.Publisher(sys.argv[1], agent="a")
publisher.publish(session_id="s", log_line=dict(text="x"))
if sys.argv[2] == "flush":
    publisher.flush(30)
"""


@pytest.mark.parametrize("how", ["flush", "leave"])
def test_a_program_that_forgets_to_close_still_ends(stack, how):
    began = time.monotonic()
    done = run_python(ABANDON, stack.broker_target, how)
    assert done.returncode == 0 and done.stderr == ""
    assert time.monotonic() - began < WAIT_SECONDS


def test_a_callback_that_raises_does_not_stop_the_events(stack):
    def on_ack(_):
        raise RuntimeError("the application's own fault")
    publisher = stack.publisher(on_ack=on_ack)
    for number in range(3):
        say(publisher, f"{number}")
        publisher.flush(WAIT_SECONDS)
    assert texts_of(stack, SESSION) == ["0", "1", "2"]


# Both clients before a broker that ends the stream when it is sent one certain event, without saying which: as one does
# whose parser is not ours.


class Squeamish:
    """The broker. What it took: the texts, each as often as it came."""

    def __init__(self, poison):
        self.taken = []
        self._poison = poison
        self._server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
        methods = {"PublishStream": grpc.stream_stream_rpc_method_handler(
            self._serve, publisher_pb2.PublishStreamRequest.FromString,
            publisher_pb2.PublishStreamResponse.SerializeToString)}
        self._server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler("spanwire.v1.PublisherService", methods)])
        self.target = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def _serve(self, requests, context):
        for request in requests:
            if request.HasField("open"):
                yield publisher_pb2.PublishStreamResponse(
                    opened=dict(producer_id="p", producer_epoch=7, credits=1_000))
                continue
            texts = [event.log_line.text for event in request.batch.events]
            if self._poison in texts:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, "indigestible")
            self.taken += texts
            sequence = request.batch.first_sequence + len(texts) - 1
            yield publisher_pb2.PublishStreamResponse(ack=dict(sequence=sequence))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.stop(None)


def test_the_python_client_finds_the_event_that_ends_streams_reports_it_and_goes_on():
    import spanwire

    nacks = []
    with Squeamish("a 3") as broker:
        publisher = spanwire.Publisher(broker.target, agent="a", on_nack=nacks.append)
        for number in range(1, 6):
            say(publisher, f"a {number}")
        publisher.flush(WAIT_SECONDS)
        publisher.close()
    assert [(nack.sequence, nack.code, nack.message) for nack in nacks] == [
        (3, grpc.StatusCode.INVALID_ARGUMENT.value[0], "indigestible")]
    assert broker.taken == ["a 1", "a 2", "a 4", "a 5"]
    assert publisher.counters.acked == 4 and publisher.counters.nacked == 1


def test_the_cpp_client_finds_the_event_that_ends_streams_reports_it_and_goes_on(bare_stack):
    with Squeamish("a 3") as broker:
        agent = bare_stack.run("agent", [BIN / "load-agent", "--target", broker.target, "--channels", SESSION,
                                         "--rate", 100_000, "--events", 5, "--label", "a"])
        assert agent.wait(60) == 0, agent.text()
    lines = agent.text().splitlines()
    assert [line for line in lines if line.startswith("nacked")] == ["nacked 3 indigestible"]
    assert lines[-2:] == ["acked 5", "done"]
    assert broker.taken == ["a 1", "a 2", "a 4", "a 5"]


# The C++ client, by the programs that are made of it.


def test_the_cpp_client_publishes_in_order_and_ends(stack):
    with Client(stack.bridge_address, SESSION) as client:
        agent = stack.run("agent", [BIN / "load-agent", "--target", stack.broker_target, "--channels", SESSION,
                                    "--rate", 100_000, "--events", 3_000, "--label", "a"])
        assert agent.wait(60) == 0, agent.text()
        assert agent.text().splitlines()[-2:] == ["acked 3000", "done"]
        client.until_text("a 3000")
        assert client.texts() == [f"a {number}" for number in range(1, 3001)]


def test_the_cpp_client_reports_what_the_broker_refuses(stack):
    agent = stack.run("agent", [BIN / "load-agent", "--target", stack.broker_target, "--channels",
                                f"{SESSION},webgui:nonsense:x", "--rate", 1000, "--events", 4, "--label", "a"])
    assert agent.wait(60) == 0, agent.text()
    lines = agent.text().splitlines()
    assert [line.split()[1] for line in lines if line.startswith("nacked ")] == ["2", "4"]
    assert texts_of(stack, SESSION) == ["a 1", "a 2"]


@pytest.mark.parametrize("kind", ["sessions", "tests", "metrics"])
def test_a_cpp_sample_agent_ends_on_sigterm_and_survives_its_broker(stack, kind):
    agent = stack.run("demo-agent", [BIN / "demo-agent", kind, "--target", stack.broker_target, "--name", "sample"])
    wait_until(lambda: stack.broker.metric("spanwire_broker_appended_total") > 0, "the first event")
    stack.broker.kill()
    stack.start_broker()
    wait_until(lambda: stack.broker.metric("spanwire_broker_appended_total") > 0, "an event after the restart")
    agent.signal(15)
    assert agent.wait(10) == 0, agent.text()


@pytest.mark.parametrize("kind", ["tasks", "notifications", "collaboration"])
def test_a_python_sample_agent_ends_on_sigterm_and_survives_its_broker(stack, kind):
    path = os.pathsep.join([str(BIN.parent / "python"), str(ROOT / "clients" / "python")])
    script = ROOT / "tools" / "demo" / "agents.py"
    agent = stack.run("agents.py", [sys.executable, script, kind, "--target", stack.broker_target, "--name", "sample"],
                      {"PYTHONPATH": path})
    wait_until(lambda: stack.broker.metric("spanwire_broker_appended_total") > 0, "the first event")
    stack.broker.kill()
    stack.start_broker()
    wait_until(lambda: stack.broker.metric("spanwire_broker_appended_total") > 0, "an event after the restart")
    agent.signal(15)
    assert agent.wait(10) == 0, agent.text()
