"""A browser that reads at 1 KB/s while events come much faster: it is refilled from the log when it reads again, or
told what the log has no more, and nobody else notices.
"""

import itertools

import pytest

from browsers import Browser
from stack import FULL
from world import AROUND, CHANNELS, IDLE, PATIENCE, World

RATE = 5_000 if FULL else 1_000  # events a second
SLOW_SECONDS = 30.0 if FULL else 9.0
BYTES_PER_SECOND = 1024.0
# Of each event: all together is more than the kernel's and the bridge's buffers, 1/8 and 1 MiB, and a ring.
PAD = 200 if FULL else 1_000
SMALL_LOG = {"SPANWIRE_LOG_MAX_EVENTS": "200"}


@pytest.mark.parametrize("log", ["large log", "small log"])
def test_slow_reader(world: World, log: str) -> None:
    world.start(brokers=1, bridges=1, env=SMALL_LOG if log == "small log" else None)
    slow = world.crowd.add(Browser("slow", world.addresses(), [*CHANNELS, IDLE], narrow=True))
    world.load(browsers=2, rate=RATE // 2, pad=PAD)
    world.crowd.set_speed(slow, BYTES_PER_SECOND)
    reads = world.bridges[0].metric("spanwire_bridge_log_reads_total")
    peak = world.bridges[0].resident_bytes("VmHWM")
    began = len(slow.record.frames)
    world.proceed(SLOW_SECONDS)
    assert len(slow.record.frames) - began < SLOW_SECONDS * RATE / 4, "it was slow"
    world.crowd.set_speed(slow, None)
    world.over()
    # In the long form it has 150,000 events to read, while as many come again every 30 s.
    world.recovered(5 * PATIENCE)
    # The largest log there may be holds a minute of the long form's events.
    whole = log == "large log" and not FULL
    verdict = world.finish(gaps=[] if log == "large log" else ["slow"], log_is_whole=whole)
    assert world.bridges[0].metric("spanwire_bridge_log_reads_total") > reads, "it was refilled from the log"
    assert (verdict.gaps["slow"] > 0) == (log == "small log")
    assert world.ends() == {}, "nobody was disconnected"
    grown = world.bridges[0].resident_bytes("VmHWM") - peak
    assert grown < 64 << 20, "what waits for a slow browser is bounded"
    others = [browser for browser in world.crowd.browsers if browser is not slow]
    silence = max(after.at - before.at for browser in others
                  for before, after in itertools.pairwise(browser.record.frames))
    world.notes.append(f"longest silence for others {silence:.2f} s, bridge grew by {grown >> 20} MiB")
    assert silence < AROUND + PATIENCE / 12
