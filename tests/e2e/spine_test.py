"""The spine: a typed event goes from an agent, through Redis, to a browser."""

import json
import subprocess

from google.protobuf.timestamp_pb2 import Timestamp

import stack as system
from browser_client import Client
from stack import wait_until

SESSION = "webgui:session:sess_123"
# The architecture record's own example.
SAMPLE = ('{"type":"session_status_changed","timestamp":"2024-01-01T12:00:00Z","session_id":"sess_123",'
          '"data":{"status":"testing","progress":45,"message":"Executing UI tests..."}}')
FOUR_KEYS = "{type,timestamp,session_id,data}"


def say(publisher, text, session="sess_123"):
    return publisher.publish(session_id=session, log_line=dict(text=text))


def jq(raw):
    return subprocess.run(["jq", "-c", FOUR_KEYS], input=raw, capture_output=True, text=True, check=True).stdout.strip()


def test_redis_cli_shows_each_event_and_each_message_is_a_whole_event(stack):
    from spanwire.v1 import event_pb2

    listener = stack.run("redis-cli", ["redis-cli", "-s", stack.redis_socket, "SUBSCRIBE", SESSION])
    wait_until(lambda: "subscribe" in listener.text(), "redis-cli subscribed")
    publisher = stack.publisher("ui-tester")
    for number in range(1, 6):
        say(publisher, f"line {number}")
    stack.flush()
    wait_until(lambda: "line 5" in listener.text(), "redis-cli shows the last event")
    messages = listener.log.read_bytes().split(f"message\n{SESSION}\n".encode())[1:]
    events = [event_pb2.Event.FromString(message[:-1]) for message in messages]
    assert [event.log_line.text for event in events] == [f"line {number}" for number in range(1, 6)]
    epochs, seqs = zip(*(event.id.split("-") for event in events), strict=True)
    assert len(set(epochs)) == 1
    assert seqs == ("1", "2", "3", "4", "5")
    assert all(event.agent == "ui-tester" and event.HasField("accepted_at") for event in events)


def test_the_records_plain_json_reaches_the_browser_unchanged(stack):
    with Client(stack.bridge_address, SESSION) as client:
        published = subprocess.run(["redis-cli", "-s", stack.redis_socket, "PUBLISH", SESSION, SAMPLE],
                                   capture_output=True, text=True, check=True)
        assert published.stdout.strip() == "1"
        client.until_type("session_status_changed")
        assert client.raws[-1] == f'{SAMPLE[:-1]},"channel":"{SESSION}"}}'


def test_the_records_sample_as_a_typed_event_is_equal_byte_for_byte(stack):
    sample = json.loads(SAMPLE)
    timestamp = Timestamp()
    timestamp.FromJsonString(sample["timestamp"])
    with Client(stack.bridge_address, SESSION) as client:
        stack.publisher("ui-tester").publish(
            session_id="sess_123", timestamp=timestamp, session_status_changed=sample["data"])
        frame = client.until_type("session_status_changed")
        assert jq(client.raws[-1]) == SAMPLE == jq(SAMPLE)
        assert client.raws[-1].startswith(SAMPLE[:-1] + ',"channel":')
        assert frame["agent"] == "ui-tester"


def test_a_session_status_also_reaches_the_global_channel(stack):
    with Client(stack.bridge_address, "webgui:global") as client:
        stack.publisher().publish(session_id="s7", session_status_changed=dict(status="running"))
        assert client.until_type("session_status_changed")["session_id"] == "s7"


def test_a_reconnect_on_a_second_bridge_gets_exactly_what_was_missed(stack):
    second = f"127.0.0.1:{system.free_port()}"
    stack.add_daemon("bridge-2", "spanwire-bridge", second).wait_ready()
    publisher = stack.publisher()
    with Client(stack.bridge_address, SESSION) as client:
        for number in range(1, 6):
            say(publisher, f"line {number}")
        last = client.until_text("line 5")["id"]
    for number in range(6, 306):
        say(publisher, f"line {number}")
    stack.flush()

    with Client(second) as client:
        client.send({"cmd": "subscribe", "id": 1, "channel": SESSION, "after": last})
        subscribed = client.until_type("$subscribed")
        assert subscribed["id"] == 1 and subscribed["recovered"] is True and subscribed["position"] == last
        live = client.until_type("$live")
        assert client.texts() == [f"line {number}" for number in range(6, 306)]
        assert live["position"] == client.events()[-1]["id"]
        say(publisher, "line 306")
        client.until_text("line 306")
        assert client.texts() == [f"line {number}" for number in range(6, 307)]
        assert not [kind for kind in client.types() if kind in ("$gap", "$error")]


def test_a_reconnect_while_events_flow_has_no_seam(stack):
    publisher = stack.publisher()
    last, texts = None, []
    for turn in range(10):
        client = Client(stack.bridge_address)
        command = {"cmd": "subscribe", "id": 1, "channel": SESSION}
        client.send({**command, "after": last} if last else {**command, "from": "start"})
        for number in range(50):
            say(publisher, f"{turn}.{number}")
        # Anywhere in the middle: what was not read here must come to the next one.
        last = client.until_text(f"{turn}.{5 * turn}")["id"]
        events = [frame for frame in client.events()]
        texts += [frame["data"]["text"] for frame in events[:[e["id"] for e in events].index(last) + 1]]
        client.close()
    with Client(stack.bridge_address) as client:
        client.send({"cmd": "subscribe", "id": 1, "channel": SESSION, "after": last})
        client.until_text("9.49")
        texts += client.texts()
    assert texts == [f"{turn}.{number}" for turn in range(10) for number in range(50)]


def test_positions_are_continuous_across_epochs(stack):
    publisher = stack.publisher()
    with Client(stack.bridge_address, SESSION) as client:
        position = next(frame["position"] for frame in client.frames if frame["type"] == "$live")
        say(publisher, "before")
        client.until_text("before")
        stack.broker.kill()
        stack.start_broker()
        say(publisher, "after")
        client.until_text("after")
        for frame in client.events():
            epoch, seq = map(int, frame["id"].split("-"))
            prev = frame.get("prev", f"{epoch}-{seq - 1}")
            assert prev == position
            position = frame["id"]
        assert client.texts() == ["before", "after"]
        epochs = {frame["id"].split("-")[0] for frame in client.events()}
        assert len(epochs) == 2


def test_transient_events_arrive_without_position(stack):
    with Client(stack.bridge_address, SESSION) as client:
        stack.publisher().publish(session_id="sess_123", cursor_moved=dict(user="maria", x=1, y=2))
        frame = client.until_type("cursor_moved")
        assert frame["data"] == {"user": "maria", "x": 1, "y": 2} and "id" not in frame
        assert stack.redis("EXISTS", f"webgui:log:{{{SESSION}}}") == 0
