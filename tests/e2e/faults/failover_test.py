"""The master is given up and its replica promoted, with all that was acknowledged or without the newest of it."""

import time

import pytest

from redis_server import RedisServer
from stack import FULL, wait_until
from world import PATIENCE, World

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
