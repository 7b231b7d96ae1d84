"""Redis that is killed and comes back, with its data or without; and one that forgets everything while it runs."""

import time

import pytest

from stack import FULL, wait_until
from world import CHANNELS, IDLE, PATIENCE, World

TOLD_SECONDS = 2.0 if FULL else 10.0  # the promise; and what a loaded machine may take
AWAY_SECONDS = 5.0 if FULL else 1.0


def everybody_is_told(world: World, since: float) -> None:
    """Every browser, on every channel, the idle one included."""
    expected = len(world.crowd.browsers) * (len(CHANNELS) + 1)
    wait_until(lambda: len(world.first_gaps(since)) == expected, "every browser is told on every channel", PATIENCE)
    told = max(world.first_gaps(since))
    world.notes.append(f"told within {told:.2f} s")
    assert told < TOLD_SECONDS


@pytest.mark.parametrize("fsync", ["everysec", "always"])
@pytest.mark.parametrize("away", [0.0, AWAY_SECONDS], ids=["at once", "later"])
def test_redis_killed_and_back_with_its_aof(world: World, away: float, fsync: str) -> None:
    world.start(redis_options=["--appendonly", "yes", "--appendfsync", fsync])
    world.load()
    world.redis.kill()
    world.proceed(away)
    world.redis.start()
    world.over()
    world.finish()


def test_redis_killed_and_back_without_its_data(world: World) -> None:
    world.start()
    world.load()
    killed = time.monotonic()
    world.redis.kill()
    world.redis.start()
    world.over()
    everybody_is_told(world, killed)
    verdict = world.finish(gaps=["lost"], log_is_whole=False)
    assert verdict.copies > 0, "the brokers have appended again what they remember, and browsers have dropped it"


def test_flushall(world: World) -> None:
    world.start()
    world.load()
    flushed = time.monotonic()
    world.redis("FLUSHALL")
    world.over()
    everybody_is_told(world, flushed)
    verdict = world.finish(gaps=["lost"], log_is_whole=False)
    assert verdict.gaps["lost"] == len(world.crowd.browsers) * (len(CHANNELS) + 1), "each is told once"
    assert IDLE in {frame.channel for frame in world.crowd.browsers[0].record.frames if frame.type == "$gap"}
