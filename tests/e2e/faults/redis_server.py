"""A private Redis, on a unix socket and, for replicas, on a port."""

import pathlib
import random
import socket
from collections.abc import Mapping
from typing import Any, Self

from history import Position, Row, position
from resp import Redis, RedisError
from stack import Process, Stack, wait_until


def quiet_port() -> int:
    """A free port below those that the kernel gives out, so that it stays free while its server is down."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class RedisServer:
    def __init__(self, stack: Stack, name: str = "redis", *options: object, folder: pathlib.Path | None = None,
                 env: Mapping[str, str] | None = None) -> None:
        self.path = stack.folder / f"{name}.sock"
        self.port = quiet_port()
        self._stack = stack
        self._name = name
        self._env = env
        data = folder or stack.folder / f"{name}-data"
        data.mkdir(exist_ok=True)
        self._command = ["redis-server", "--bind", "127.0.0.1", "--port", self.port, "--unixsocket", self.path,
                         "--dir", data, "--save", "", "--appendonly", "no", "--enable-debug-command", "local",
                         "--repl-diskless-sync-delay", "0", *options]
        self._client: Redis | None = None
        self.process: Process

    def start(self) -> Self:
        self.process = self._stack.run(self._name, self._command, self._env)
        wait_until(self.answers, f"{self._name} answers")
        return self

    def answers(self) -> bool:
        try:
            client = Redis(self.path)
            client("PING")
            client.close()
            return True
        except (OSError, RedisError):  # not there yet, or loading its data
            return False

    def kill(self) -> None:
        self.forget()
        self.process.kill()

    def forget(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def __call__(self, *words: object) -> Any:
        """A command's reply, on a connection of the test's own."""
        if self._client is None:
            self._client = Redis(self.path)
        return self._client(*words)

    def tail(self, channel: str) -> Position | None:
        value = self("GET", f"webgui:tail:{{{channel}}}")
        return None if value is None else position(value.decode())

    def log(self, channel: str) -> list[Row]:
        from spanwire.v1 import event_pb2

        rows: list[Row] = []
        for here, fields in self("XRANGE", f"webgui:log:{{{channel}}}", "-", "+"):
            entry = dict(zip(fields[::2], fields[1::2], strict=True))
            text = event_pb2.Event.FromString(entry[b"e"]).log_line.text
            rows.append((position(here.decode()), position(entry[b"p"].decode()) if b"p" in entry else None, text))
        return rows
