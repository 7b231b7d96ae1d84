"""Logs that an operator deletes or trims, or that expire: who has seen everything notices nothing, who was away is
told.
"""

import pytest

from browsers import Browser
from stack import wait_until
from world import CHANNELS, IDLE, PATIENCE, World


def acked_more(world: World, events: int) -> None:
    """Until each agent was told of so many more events."""
    before = [agent.acked() for agent in world.agents]
    wait_until(lambda: all(agent.acked() >= count + events for agent, count in zip(world.agents, before, strict=True)),
               "agents go on", PATIENCE)


@pytest.mark.parametrize("how", ["DEL", "UNLINK", "XTRIM MAXLEN 5", "PEXPIRE 1"])
def test_log_gone(world: World, how: str) -> None:
    world.start()
    away = world.crowd.add(Browser("away", world.addresses(1)[:1], [*CHANNELS, IDLE]))
    world.load()
    world.bridges[1].kill()
    acked_more(world, 100)
    others = [browser for browser in world.crowd.browsers if browser is not away]
    wait_until(lambda: all(browser.is_live() for browser in others), "the others are at the other bridge", PATIENCE)
    verb, *options = how.split()
    for channel in [*CHANNELS, IDLE]:
        world.redis(verb, f"webgui:log:{{{channel}}}", *options)
    acked_more(world, 100)
    world.restart(world.bridges[1])
    world.over()
    verdict = world.finish(gaps=["trimmed"], log_is_whole=False)
    gaps = [(browser.record.name, frame.channel) for browser in world.crowd.browsers
            for frame in browser.record.frames if frame.type == "$gap"]
    assert sorted(gaps) == [("away", channel) for channel in CHANNELS], "who missed something, once a channel"
    assert verdict.in_gaps > 0
