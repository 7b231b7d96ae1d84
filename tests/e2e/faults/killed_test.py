"""Brokers and bridges that are killed and started again, one, all, and again and again; processes that stand still."""

import signal
import time

import pytest

from stack import FULL, Daemon, wait_until
from world import PATIENCE, World

STOP_SECONDS = 10 if FULL else 6  # more than the time that a command to Redis may take
KILLS, KILL_PAUSE = (12, 5.0) if FULL else (3, 2.5)
UNREADY_SECONDS = 2.5 if FULL else 10.0  # two intervals of the probe and the asking; and what a loaded machine may take


def kill(world: World, *daemons: Daemon) -> None:
    """And starts them again at once. The agents of a broker move to the other one."""
    for daemon in daemons:
        daemon.kill()
    if set(daemons) & set(world.brokers) and len(world.brokers) > 1:
        for number, agent in enumerate(world.agents):
            agent.lead_to(world.brokers[(number + world.restarts) % len(world.brokers)])
    for daemon in daemons:
        world.restart(daemon)
    world.over()


@pytest.mark.parametrize("what", ["broker", "bridge", "both", "all four"])
def test_kill_9(world: World, what: str) -> None:
    world.start()
    world.load()
    victims = {"broker": world.brokers[:1], "bridge": world.bridges[:1],
               "both": [world.brokers[0], world.bridges[0]], "all four": world.brokers + world.bridges}[what]
    kill(world, *victims)
    world.finish()


def test_kill_9_again_and_again(world: World) -> None:
    world.start()
    world.load()
    for turn in range(KILLS):
        began = time.monotonic()
        kill(world, world.brokers[turn % 2], world.bridges[turn % 2])
        world.recovered()
        world.proceed(max(0.0, began + KILL_PAUSE - time.monotonic()))
    world.notes.append(f"{KILLS} kills of both")
    world.finish()


def seconds_until_all_are(world: World, ready: bool) -> float:
    began = time.monotonic()
    wait_until(lambda: all(daemon.ready() == ready for daemon in world.brokers + world.bridges),
               f"ready: {ready}", PATIENCE)
    return time.monotonic() - began


@pytest.mark.parametrize("what", ["broker", "bridge"])
def test_sigstop(world: World, what: str) -> None:
    world.start()
    world.load()
    process = {"broker": world.brokers[0], "bridge": world.bridges[0]}[what]
    process.signal(signal.SIGSTOP)
    try:
        world.proceed(STOP_SECONDS)
    finally:
        process.signal(signal.SIGCONT)
    world.over()
    world.finish()


def test_sigstop_redis(world: World) -> None:
    """Brokers and bridges find out that it delivers nothing, and say so."""
    world.start()
    world.load()
    world.redis.process.signal(signal.SIGSTOP)
    try:
        unready = seconds_until_all_are(world, ready=False)
        world.proceed(max(0.0, STOP_SECONDS - unready))
    finally:
        world.redis.process.signal(signal.SIGCONT)
    world.over()
    ready = seconds_until_all_are(world, ready=True)
    world.notes.append(f"not ready after {unready:.2f} s, ready again after {ready:.2f} s")
    assert unready < UNREADY_SECONDS
    world.finish()
