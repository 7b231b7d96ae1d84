"""Clocks that jump by an hour, of Redis or of the daemons, forward or back: nothing depends on it but expiry.
"""

import pathlib

import pytest

from stack import wait_until
from world import CHANNELS, PATIENCE, World

LIBRARIES = [pathlib.Path(f"/usr/lib/{machine}/faketime/libfaketimeMT.so.1")
             for machine in ("x86_64-linux-gnu", "aarch64-linux-gnu")]
JUMPS = {"plus an hour": "+3600", "minus an hour": "-3600"}


class Clock:
    """What processes with its environment take for the time. Only their idea of the date jumps; they wait as before."""

    def __init__(self, world: World) -> None:
        library = next((path for path in LIBRARIES if path.exists()), None)
        if library is None:
            pytest.skip("libfaketime is not installed")
        self._file = world.stack.folder / "clock"
        self.jump("+0")
        # Redis' jemalloc asks for the time before the library is ready, so here it does with the C library's malloc.
        preload = f"{library}:{library.parent.parent / 'libc.so.6'}"
        self.env = {"LD_PRELOAD": preload, "FAKETIME_TIMESTAMP_FILE": str(self._file), "FAKETIME_NO_CACHE": "1",
                    "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}

    def jump(self, offset: str) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(f"{offset}\n")
        new.replace(self._file)


def redis_seconds(world: World) -> int:
    return int(world.redis("TIME")[0])


@pytest.mark.parametrize("jump", JUMPS)
def test_clock_of_redis(world: World, jump: str) -> None:
    clock = Clock(world)
    world.start(redis_env=clock.env)
    world.load()
    before = redis_seconds(world)
    clock.jump(JUMPS[jump])
    assert abs(redis_seconds(world) - before - int(JUMPS[jump])) < 60, "the clock has jumped"
    world.bridges[0].kill()  # so that browsers resume
    world.restart(world.bridges[0])
    world.over()
    # An hour later the logs have expired: what a browser missed just then cannot be had.
    expired = jump == "plus an hour"
    world.finish(gaps=["trimmed"] if expired else [], log_is_whole=not expired)


@pytest.mark.parametrize("jump", JUMPS)
def test_clock_of_brokers_and_bridges(world: World, jump: str) -> None:
    clock = Clock(world)
    world.start(env=clock.env)
    world.load()
    clock.jump(JUMPS[jump])
    world.over()
    world.finish()


def test_clock_that_goes_back_while_the_broker_restarts(world: World) -> None:
    """New epochs are begun at a time that is before the old ones."""
    clock = Clock(world)
    world.start(redis_env=clock.env)
    world.load()
    clock.jump("-3600")
    for broker in list(world.brokers):
        broker.kill()
        world.restart(broker)
    world.over()
    world.finish()


def test_flushall_while_epochs_are_ahead_of_the_clock(world: World) -> None:
    clock = Clock(world)
    world.start(redis_env=clock.env)
    world.load()
    clock.jump("-3600")
    world.redis("FLUSHALL")
    world.over()
    wait_until(lambda: len(world.first_gaps(0)) == len(world.crowd.browsers) * (len(CHANNELS) + 1),
               "every browser is told on every channel", PATIENCE)
    world.finish(gaps=["lost"], log_is_whole=False)
