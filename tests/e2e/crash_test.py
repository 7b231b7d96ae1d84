"""One producer on three channels, while its broker is killed every two seconds and it is itself restarted twice.

SPANWIRE_FULL=1 ./dev test e2e (or pytest tests/e2e/crash_test.py): 60 s instead of 12.
"""

import itertools
import statistics
import threading
import time

from stack import BIN, FULL, Process, Stack, wait_until

RATE = 2_000
SECONDS = 60 if FULL else 12
THIRD_EVENTS = RATE * SECONDS // 3 // 3 * 3  # of the last instance, the same number on each channel
KILL_EVERY_SECONDS = 2.0
CHANNELS = [f"webgui:session:crash_{number}" for number in range(3)]
UNBOUNDED = {"SPANWIRE_LOG_MAX_EVENTS": "100000", "SPANWIRE_LOG_MAX_BYTES": "1GiB"}  # the test reads the whole log


class BrokerKiller(threading.Thread):
    """Kills the broker and starts it again at once, until stopped."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(daemon=True)
        self.ready_seconds: list[float] = []
        self._stack = stack
        self._stopped = threading.Event()

    def run(self) -> None:
        next_kill = time.monotonic() + KILL_EVERY_SECONDS
        while not self._stopped.wait(max(0.0, next_kill - time.monotonic())):
            next_kill += KILL_EVERY_SECONDS
            self._stack.broker.kill()
            began = time.monotonic()
            self._stack.start_broker(UNBOUNDED)
            self.ready_seconds.append(time.monotonic() - began)

    def __enter__(self) -> "BrokerKiller":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self.join()


def start_agent(stack: Stack, label: str, events: int) -> Process:
    return stack.run(f"agent-{label}", [
        BIN / "load-agent", "--target", stack.broker_target, "--channels", ",".join(CHANNELS), "--rate", RATE,
        "--events", events, "--label", label, "--producer", "crash-producer"])


def acked(agent: Process) -> int:
    """The highest sequence of which the agent was told that it is committed."""
    lines = [line for line in agent.text().splitlines() if line.startswith("acked ")]
    return int(lines[-1].split()[1]) if lines else 0


def read_log(stack: Stack, channel: str) -> list[tuple[str, str, str]]:
    """[(position, p, text)] of the whole log."""
    from spanwire.v1 import event_pb2

    rows = []
    for position, fields in stack.redis("XRANGE", f"webgui:log:{{{channel}}}", "-", "+"):
        entry = dict(zip(fields[::2], fields[1::2], strict=True))
        event = event_pb2.Event.FromString(entry[b"e"])
        rows.append((position.decode(), entry.get(b"p", b"").decode(), event.log_line.text))
    return rows


def run_agents(stack: Stack) -> tuple[Process, Process, Process]:
    """Three instances of one producer: the first is killed, the second is alive when the third takes over."""
    endless = RATE * 3600
    first = start_agent(stack, "1", endless)
    time.sleep(SECONDS / 3)
    wait_until(lambda: acked(first) > 0, "the first instance has acknowledged events")
    first.kill()
    second = start_agent(stack, "2", endless)
    time.sleep(SECONDS / 3)
    wait_until(lambda: acked(second) > 0, "the second instance has acknowledged events")
    # The third takes over while the second is alive, and fences it.
    last = start_agent(stack, "3", THIRD_EVENTS)
    assert second.wait(60) == 1
    assert "ABORTED: fenced: a newer instance" in second.text()
    assert last.wait(SECONDS * 2 + 60) == 0, last.text()[-500:]
    return first, second, last


def test_every_acknowledged_event_is_there_once_and_in_order(bare_stack: Stack) -> None:
    stack = bare_stack
    stack.start_redis()
    stack.start_broker(UNBOUNDED)
    began = time.monotonic()
    with BrokerKiller(stack) as killer:
        first, second, last = run_agents(stack)
    took = time.monotonic() - began

    agents = {"1": first, "2": second, "3": last}
    assert acked(last) == THIRD_EVENTS
    print(f"broker killed {len(killer.ready_seconds)} times, ready after {killer.ready_seconds}; "
          f"acked {[acked(agent) for agent in agents.values()]}")
    assert len(killer.ready_seconds) >= took / KILL_EVERY_SECONDS - 2, "the broker was to be killed all the time"
    assert statistics.median(killer.ready_seconds) < 1.0
    if FULL:  # on a machine with nothing else to do
        assert max(killer.ready_seconds) < 1.0
        assert sum(acked(agent) for agent in agents.values()) > RATE * took * 0.8, "slower than was promised"
    for index, channel in enumerate(CHANNELS):
        check_channel(read_log(stack, channel), index, agents)


def check_channel(rows: list[tuple[str, str, str]], index: int, agents: dict[str, Process]) -> None:
    # The log is one chain of positions.
    for (before, _, _), (position, p, _) in itertools.pairwise(rows):
        epoch, seq = map(int, position.split("-"))
        assert (p or f"{epoch}-{seq - 1}") == before
    # Each instance's lines are there from the first on, each once, in order, and none after those of a newer instance.
    counts = {label: 0 for label in agents}
    newest = "1"
    for _, _, text in rows:
        label, number = text.split()
        assert label >= newest, f"an event of instance {label} after one of instance {newest}"
        newest = label
        assert int(number) == counts[label] + 1, f"instance {label}: {number} after {counts[label]}"
        counts[label] += 1
    # And none that was acknowledged is missing. Sequence s went to channel (s - 1) modulo 3.
    for label, agent in agents.items():
        expected = (acked(agent) - index + len(CHANNELS) - 1) // len(CHANNELS)
        assert counts[label] >= expected, f"instance {label}: {expected} were acknowledged"
        assert counts[label] > 0
