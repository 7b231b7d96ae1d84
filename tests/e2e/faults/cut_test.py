"""Connections to Redis that are cut, stand still, or carry nothing for a while."""

import time

import pytest

from stack import FULL
from world import World

CUT_SECONDS = 30.0 if FULL else 4.0
CUT_EVERY = 0.2
STALL_SECONDS = 15.0 if FULL else 6.5  # more than a command to Redis may take


@pytest.mark.parametrize("kind", ["pubsub", "normal"])
def test_client_kill(world: World, kind: str) -> None:
    world.start()
    world.load()
    began, cut, times = time.monotonic(), 0, 0
    while time.monotonic() < began + CUT_SECONDS:
        cut += world.redis("CLIENT", "KILL", "TYPE", kind)
        times += 1
        world.proceed(max(0.0, began + times * CUT_EVERY - time.monotonic()))
    world.over()
    world.notes.append(f"{cut} connections cut at {times} times")
    assert cut >= times / 2
    world.finish()


def test_debug_sleep(world: World) -> None:
    world.start()
    world.load()
    world.redis("DEBUG", "SLEEP", 3)
    world.over()
    world.finish()


@pytest.mark.parametrize("whose", ["brokers", "bridges", "all"])
def test_partition(world: World, whose: str) -> None:
    world.redis = world.server("redis")
    proxies = {"broker": world.proxy("brokers", world.redis.path), "bridge": world.proxy("bridges", world.redis.path)}
    world.start_daemons(2, 2, lambda name: proxies[name[:-1]].listen)
    world.load()
    stalled = [proxy for kind, proxy in proxies.items() if whose in (f"{kind}s", "all")]
    for proxy in stalled:
        proxy.stall()
    world.proceed(STALL_SECONDS)
    for proxy in stalled:
        proxy.flow()
    world.over()
    world.finish()


def test_partition_of_one_broker_whose_agents_move_on(world: World) -> None:
    """What it had sent to Redis arrives after the agents have sent it once more through the other broker."""
    world.redis = world.server("redis")
    proxy = world.proxy("partitioned", world.redis.path)
    world.start_daemons(2, 2, lambda name: proxy.listen if name == "broker0" else world.redis.path)
    world.load()
    proxy.stall()
    for agent in world.agents:
        agent.lead_to(world.brokers[1])
    world.over()
    world.recovered()  # while the first broker is still cut off
    proxy.flow()
    world.proceed(1.0)
    world.finish()
