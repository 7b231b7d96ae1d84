"""One producer on three channels, while its broker is killed every two seconds and it is itself restarted twice."""

import statistics
import threading
import time

from stack import BIN, FULL, wait_until

RATE = 2_000
SECONDS = 60 if FULL else 12
KILL_EVERY_SECONDS = 2.0
CHANNELS = [f"webgui:session:crash_{number}" for number in range(3)]
UNBOUNDED = {"SPANWIRE_LOG_MAX_EVENTS": "100000", "SPANWIRE_LOG_MAX_BYTES": "1GiB"}  # the test reads the whole log


class BrokerKiller(threading.Thread):
    """Kills the broker and starts it again at once, until stopped."""

    def __init__(self, stack):
        super().__init__(daemon=True)
        self.ready_seconds = []
        self._stack = stack
        self._stopped = threading.Event()

    def run(self):
        while not self._stopped.wait(KILL_EVERY_SECONDS):
            self._stack.broker.kill()
            began = time.monotonic()
            self._stack.start_broker(UNBOUNDED)
            self.ready_seconds.append(time.monotonic() - began)

    def stop(self):
        self._stopped.set()
        self.join()


def start_agent(stack, label, events):
    return stack.run(f"agent-{label}", [
        BIN / "load-agent", "--target", stack.broker_target, "--channels", ",".join(CHANNELS), "--rate", RATE,
        "--events", events, "--label", label, "--producer", "crash-producer"])


def acked(agent):
    """The highest sequence of which the agent was told that it is committed."""
    lines = [line for line in agent.text().splitlines() if line.startswith("acked ")]
    return int(lines[-1].split()[1]) if lines else 0


def read_log(stack, channel):
    """[(position, p, text)] of the whole log."""
    from spanwire.v1 import event_pb2

    rows = []
    for position, fields in stack.redis("XRANGE", f"webgui:log:{{{channel}}}", "-", "+"):
        entry = dict(zip(fields[::2], fields[1::2]))
        event = event_pb2.Event.FromString(entry[b"e"])
        rows.append((position.decode(), entry.get(b"p", b"").decode(), event.log_line.text))
    return rows


def test_every_acknowledged_event_is_there_once_and_in_order(bare_stack):
    stack = bare_stack
    stack.start_redis()
    stack.start_broker(UNBOUNDED)
    killer = BrokerKiller(stack)
    killer.start()

    endless = RATE * 3600
    third = SECONDS / 3
    first = start_agent(stack, "1", endless)
    time.sleep(third)
    wait_until(lambda: acked(first) > 0, "the first instance has acknowledged events")
    first.kill()
    second = start_agent(stack, "2", endless)
    time.sleep(third)
    wait_until(lambda: acked(second) > 0, "the second instance has acknowledged events")
    # The third takes over while the second is alive, and fences it.
    third_events = int(RATE * third) // 3 * 3
    last = start_agent(stack, "3", third_events)
    assert second.wait(60) == 1
    assert "stopped ABORTED" in second.text()
    assert last.wait(third * 4 + 60) == 0, last.text()[-500:]
    killer.stop()

    agents = {"1": first, "2": second, "3": last}
    assert acked(last) == third_events
    print(f"broker killed {len(killer.ready_seconds)} times, ready after {killer.ready_seconds}; "
          f"acked {[acked(agent) for agent in agents.values()]}")
    assert len(killer.ready_seconds) >= SECONDS / KILL_EVERY_SECONDS / 2
    assert statistics.median(killer.ready_seconds) < 1.0
    for index, channel in enumerate(CHANNELS):
        check_channel(read_log(stack, channel), index, agents)


def check_channel(rows, index, agents):
    # The log is one chain of positions.
    for (before, _, _), (position, p, _) in zip(rows, rows[1:]):
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
