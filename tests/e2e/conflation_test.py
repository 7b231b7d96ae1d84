"""A browser that reads too slowly gets fewer events, and can prove that it misses none."""

import json
from typing import Any

from raw_agent import RawAgent, batch_frame, open_frame
from raw_socket import TEXT, RawSocket
from spanwire.v1 import event_pb2
from stack import Stack

Frame = dict[str, Any]

ROUNDS = 800
PADDING = "x" * 2_000


def published(session: str) -> list[event_pb2.Event]:
    events = []
    for i in range(ROUNDS):
        events += [
            event_pb2.Event(session_id=session, task_progress={"task_id": "t", "steps_done": i, "message": PADDING}),
            event_pb2.Event(session_id=session, message_delta={"message_id": "m", "delta": f"{i};"}),
            event_pb2.Event(session_id=session, typing={"user": "u", "active": i % 2 == 0}),
        ]
        if i % 10 == 0:
            events.append(event_pb2.Event(session_id=session, log_line={"text": str(i)}))
    return events


def pair(position: str) -> tuple[int, ...]:
    return tuple(int(part) for part in position.split("-"))


def test_events_of_one_key_become_one_and_every_event_is_accounted_for(
        shared_stack: Stack, session: str, channel: str) -> None:
    with RawSocket(shared_stack.bridge_address, f"/v1/ws?channel={channel}", receive_buffer=4096) as browser:
        frames: list[Frame] = []

        def read() -> Frame:
            opcode, payload = browser.frame()
            if opcode != TEXT:
                return {"type": "$"}
            frames.append(json.loads(payload))
            return frames[-1]

        def kind(name: str) -> list[Frame]:
            return [frame for frame in frames if frame["type"] == name]

        def accounted(name: str) -> int:
            return sum(1 + frame.get("conflated", 0) for frame in kind(name))

        while read()["type"] != "$live":
            pass
        events = published(session)
        with RawAgent(shared_stack.broker_target, open_frame()) as agent:  # nobody reads meanwhile
            agent.until_opened()
            for first in range(0, len(events), 200):
                agent.send(batch_frame(first + 1, *(e.SerializeToString() for e in events[first:first + 200])))
            agent.until_acked(len(events))
            last = event_pb2.Event(session_id=session, log_line={"text": "last"})
            agent.send(batch_frame(len(events) + 1, last.SerializeToString()))
            agent.until_acked(len(events) + 1)
        while read().get("data", {}).get("text") != "last":
            pass
        while accounted("typing") < ROUNDS:
            read()

    seen = next(frame["position"] for frame in frames if frame["type"] == "$live")
    shown = [frame for frame in frames if not frame["type"].startswith("$")]
    assert not any(frame["type"] == "$gap" for frame in frames)
    for frame in shown:
        if "id" not in frame:
            continue
        epoch, seq = pair(frame["id"])
        assert pair(frame.get("prev", f"{epoch}-{seq - 1}")) <= pair(seen) < (epoch, seq)
        seen = frame["id"]

    assert accounted("task_progress") == accounted("message_delta") == accounted("typing") == ROUNDS
    assert [line["data"]["text"] for line in kind("log_line")] == [*(str(i) for i in range(0, ROUNDS, 10)), "last"]
    assert "".join(delta["data"]["delta"] for delta in kind("message_delta")) == "".join(f"{i};" for i in range(ROUNDS))
    assert kind("task_progress")[-1]["data"]["steps_done"] == str(ROUNDS - 1)
    assert kind("typing")[-1]["data"]["active"] is False
    assert len(kind("task_progress")) < ROUNDS * 0.8, "it was slow, so most of them stand for others"
