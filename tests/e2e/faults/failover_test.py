"""The master is given up and its replica promoted, with all that was acknowledged or without the newest of it."""

import time

import pytest

from browser_client import Client
from redis_server import RedisServer
from stack import FULL, wait_until
from world import CHANNELS, PATIENCE, World

TAIL_SECONDS = 3.0 if FULL else 1.0


class Pair:
    """A master and its replica, and a proxy through which brokers and bridges find the master."""

    def __init__(self, world: World) -> None:
        self.master = world.redis = world.server("redis0")
        self.replica = world.server("redis1")
        self.link = world.proxy("", f"127.0.0.1:{self.master.port}")
        self.front = world.proxy("front", self.master.path)
        self.replica("REPLICAOF", *self.link.listen.split(":"))
        wait_until(lambda: b"master_link_status:up" in self.replica("INFO", "replication"), "the replica follows")
        world.start_daemons(2, 2, lambda _: self.front.listen)

    def wait_in_step(self) -> None:
        """Nothing is written any more, and the replica has all of it."""
        self.master("CLIENT", "PAUSE", 20_000, "WRITE")
        wait_until(lambda: self.offset(self.master) == self.offset(self.replica), "the replica is in step", PATIENCE)

    @staticmethod
    def offset(server: RedisServer) -> int:
        info = dict(line.split(b":", 1) for line in server("INFO", "replication").splitlines() if b":" in line)
        return int(info[b"master_repl_offset"])

    def promote(self, world: World, cut: bool) -> None:
        self.replica("REPLICAOF", "NO", "ONE")
        self.front.lead_to(str(self.replica.path), cut)
        self.link.close()
        self.master("REPLICAOF", "127.0.0.1", self.replica.port)
        world.redis = self.replica


def assert_nothing_acknowledged_is_missing(world: World) -> None:
    """Somebody who comes now gets all of it, what was appended again among it, each in the order of its agent."""
    for channel in CHANNELS:
        with Client(world.addresses()[0]) as client:
            client.send({"cmd": "subscribe", "id": 1, "channel": channel, "from": "start"})
            client.until_type("$live", PATIENCE)
            texts = client.texts()
            assert any("was" in event for event in client.events()), f"copies on {channel}"
        for agent in (agent.record for agent in world.agents):
            numbers = [int(text.split()[1]) for text in texts if text.split()[0] == agent.label]
            acked = agent.count(channel, agent.acked)
            assert numbers[:acked] == list(range(1, acked + 1)), f"{agent.label} on {channel}"


@pytest.mark.parametrize("cut", [True, False], ids=["cut", "demoted"])
def test_replica_promoted_with_everything(world: World, cut: bool) -> None:
    """demoted: connections to the old master stay, and find out by themselves that it is none any more."""
    pair = Pair(world)
    world.load()
    pair.wait_in_step()
    pair.promote(world, cut)
    pair.master("CLIENT", "UNPAUSE")
    world.over()
    world.finish()


@pytest.mark.parametrize("cut", [True, False], ids=["cut", "demoted"])
def test_replica_promoted_without_the_newest(world: World, cut: bool) -> None:
    pair = Pair(world)
    world.load()
    pair.link.stall()
    world.proceed(TAIL_SECONDS)
    promoted = time.monotonic()
    pair.promote(world, cut)
    world.over()
    verdict = world.finish(gaps=["rollback"], log_is_whole=False)
    assert verdict.gaps["rollback"] >= 3 * len(world.crowd.browsers), "everybody is told on every channel"
    world.notes.append(f"told within {max(world.first_gaps(promoted)):.2f} s")
    assert verdict.copies > 0, "what was taken is appended again, and dropped by those who saw it"
    assert_nothing_acknowledged_is_missing(world)
    world.notes.append(f"{verdict.copies} copies dropped")
