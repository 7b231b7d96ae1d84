"""Redis whose disk or memory is full. Agents wait, and nothing that they were promised is lost."""

import contextlib
import os
import pathlib
import subprocess
from collections.abc import Iterator

import pytest

from stack import FULL, wait_until
from world import PATIENCE, World

FULL_SECONDS = 15.0 if FULL else 3.0  # long: more than the time for which the broker keeps trying


@contextlib.contextmanager
def small_disk(world: World) -> Iterator[pathlib.Path]:
    folder = world.stack.folder / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder]
    mounted = subprocess.run(command, capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        for server in world.servers:
            server.kill()
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: pathlib.Path) -> pathlib.Path:
    """To the last byte; removing the file that it returns ends it."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(os.urandom(1) * size)
    return ballast


def start_and_fill(world: World, folder: pathlib.Path) -> pathlib.Path:
    """Everything at work, and Redis unable to write its file. Returns what fill() returns."""
    world.start(redis_options=["--appendonly", "yes", "--appendfsync", "everysec"], redis_folder=folder)
    world.load()
    ballast = fill(folder)
    wait_until(lambda: b"aof_last_write_status:err" in world.redis("INFO", "persistence"), "Redis cannot write",
               PATIENCE)
    return ballast


def test_disk_full(world: World) -> None:
    with small_disk(world) as folder:
        ballast = start_and_fill(world, folder)
        world.proceed(FULL_SECONDS)
        acked = [agent.acked() for agent in world.agents]
        world.proceed(0.5)
        assert [agent.acked() for agent in world.agents] == acked, "nothing is acknowledged meanwhile"
        ballast.unlink()
        world.over()
        world.finish()


def test_disk_full_and_redis_killed(world: World) -> None:
    """What was acknowledged before is in the file, since Redis stopped acknowledging at the first write that failed."""
    with small_disk(world) as folder:
        ballast = start_and_fill(world, folder)
        world.redis.kill()
        ballast.unlink()
        world.redis.start()
        world.over()
        # The last batch of commands may have been answered before the write of it failed.
        world.finish(gaps=["rollback"], log_is_whole=False)


def test_maxmemory(world: World) -> None:
    world.start(redis_options=["--maxmemory-policy", "noeviction"])
    world.load()
    world.redis("CONFIG", "SET", "maxmemory", "1")
    world.proceed(FULL_SECONDS)
    acked = [agent.acked() for agent in world.agents]
    world.proceed(0.5)
    assert [agent.acked() for agent in world.agents] == acked, "nothing is acknowledged meanwhile"
    world.redis("CONFIG", "SET", "maxmemory", "0")
    world.over()
    world.finish()
