"""SIGTERM: each process ends with 0, nothing is lost, browsers come back at the times that they were told.
And a bridge that is killed: thousands come back at once.
"""

import json
import time

from browsers import Browser
from stack import FULL, stop_gently, wait_until
from world import CHANNELS, PATIENCE, World

BROWSERS = 200 if FULL else 40
DRAIN_WINDOW_MS = 10_000  # the bridge's drain_timeout by default
SOCKETS = 5_000 if FULL else 500


def test_sigterm_broker(world: World) -> None:
    world.start()
    world.load()
    for turn in range(2):
        broker = world.brokers[turn]
        for agent in world.agents:
            agent.lead_to(world.brokers[1 - turn])
        assert stop_gently(broker, PATIENCE) == 0
        world.over()
        world.restart(broker).wait_ready()
        world.recovered()
    world.finish()


def test_sigterm_bridge(world: World) -> None:
    world.start()
    world.load(browsers=BROWSERS, agents=1, rate=100)
    terminated = time.monotonic()
    assert stop_gently(world.bridges[0], PATIENCE) == 0
    world.notes.append(f"ended after {time.monotonic() - terminated:.2f} s")
    world.over()
    world.restart(world.bridges[0])
    wait_until(world.crowd.all_live, "all have come back", PATIENCE)
    world.finish()
    ends = [(code, json.loads(reason)) for browser in world.crowd.browsers for _, code, reason in browser.ends]
    assert [code for code, _ in ends] == [3001] * (BROWSERS // 2), "those of the one bridge, once"
    delays = sorted(reason["after_ms"] for _, reason in ends)
    window = max(delays)
    world.notes.append(f"told to come back after {delays[0]} to {window} ms")
    assert all(reason["reconnect"] for _, reason in ends) and window <= DRAIN_WINDOW_MS
    # Spread over the window: in each third of it are some.
    for third in range(3):
        assert any(window * third / 3 <= delay <= window * (third + 1) / 3 for delay in delays), delays


def test_sigterm_redis(world: World) -> None:
    world.start(redis_options=["--appendonly", "yes"])
    world.load()
    world.redis.forget()
    assert stop_gently(world.redis.process, PATIENCE) == 0
    world.redis.start()
    world.over()
    world.finish()


def test_sigterm_of_all(world: World) -> None:
    world.start(redis_options=["--appendonly", "yes"])
    world.load()
    daemons = world.brokers + world.bridges
    for daemon in daemons:
        daemon.signal(15)
    for daemon in daemons:
        assert daemon.wait(PATIENCE) == 0
        world.restart(daemon)
    world.over()
    world.finish()


def test_thousands_come_back_at_once(world: World) -> None:
    """Each follows one of the channels; there is one bridge, and it is killed."""
    world.start(bridges=1)
    channels = [f"{CHANNELS[0]}_{number}" for number in range(20)]
    for number in range(SOCKETS):
        world.crowd.add(Browser(f"browser{number}", world.addresses(), [channels[number % len(channels)]]))
    world.publish(1, 20, channels)
    world.bridges[0].kill()
    world.restart(world.bridges[0])
    world.over()
    world.finish()
    assert world.bridges[0].metric("spanwire_bridge_websockets_total") >= SOCKETS
    assert world.bridges[0].code is None
