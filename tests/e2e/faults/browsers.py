"""Browsers that write down every frame, and come back by themselves, resuming where they were."""

import asyncio
import contextlib
import json
import random
import socket
import time
from collections.abc import Sequence
from typing import Any

import history
from background import Background
from websocket_wire import CLOSE, PING, PONG, TEXT, Splitter, masked, request

CONNECT_SECONDS = 20.0
FIRST_DELAY, LAST_DELAY = 0.05, 1.0


def make_frame(at: float, raw: bytes) -> history.Frame:
    frame: dict[str, Any] = json.loads(raw)
    kind = frame["type"]
    if kind.startswith("$"):
        reason = frame.get("reason", "") or f"{frame.get('code', '')} {frame.get('message', '')}".strip()
        return history.Frame(at, kind, frame.get("channel", ""), after=frame.get("after", ""),
                             position=frame.get("position", ""), reason=reason)
    return history.Frame(at, kind, frame.get("channel", ""), frame.get("id", ""), frame.get("prev", ""),
                         frame["data"].get("text", ""), frame.get("was", ""))


class Connection(asyncio.Protocol):
    """One WebSocket of a browser."""

    def __init__(self, browser: "Browser") -> None:
        self._browser = browser
        self._splitter = Splitter()
        self._transport: asyncio.Transport
        self.ended: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()
        self._close = (1006, "")

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(request("/v1/ws"))

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        upgraded = bool(self._splitter.head)
        for opcode, payload, _ in self._splitter.feed(data):
            if opcode == TEXT:
                self._browser.take(make_frame(now, payload))
            elif opcode == PING:
                self._transport.write(masked(PONG, payload))
            elif opcode == CLOSE:
                self._close = (int.from_bytes(payload[:2], "big"), payload[2:].decode())
                self._transport.write(masked(CLOSE, payload[:2]))
                self._transport.close()
        if not upgraded and self._splitter.head:
            if not self._splitter.head.startswith(b"HTTP/1.1 101 "):
                self._transport.close()
                return
            for command in self._browser.subscribe_commands():
                self._transport.write(masked(TEXT, json.dumps(command).encode()))
        self._slow_down(len(data))

    def _slow_down(self, size: int) -> None:
        if self._browser.bytes_per_second is None or self._transport.is_closing():
            return
        self._transport.pause_reading()
        asyncio.get_running_loop().call_later(size / self._browser.bytes_per_second, self.speed_up)

    def speed_up(self) -> None:
        if not self._transport.is_closing() and not self._transport.is_reading():
            self._transport.resume_reading()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(self._close)

    def abort(self) -> None:
        self._transport.abort()


class Browser:
    def __init__(self, name: str, addresses: Sequence[str], channels: Sequence[str],
                 narrow: bool = False) -> None:
        """addresses: bridges; it starts at the first and goes to the next one whenever it has to come back.
        narrow: what has arrived and is not read yet is little."""
        self.record = history.Browser(name, list(channels))
        self.bytes_per_second: float | None = None  # all it can
        self.last: dict[str, str] = {}  # last seen, by channel
        self.live: set[str] = set()  # channels, in this connection
        self.newest: dict[tuple[str, str], int] = {}  # by channel and label
        self.ends: list[tuple[float, int, str]] = []  # (when, code, reason) of each connection
        self._narrow = narrow
        self._addresses = list(addresses)
        self._turn = 0
        self._attempts = 0
        self.connection: Connection | None = None

    def take(self, frame: history.Frame) -> None:
        self.record.frames.append(frame)
        if frame.id:
            self.last[frame.channel] = frame.id
            label, _, number = frame.text.partition(" ")
            if number.isdigit():
                self.newest[frame.channel, label] = int(number)
        elif frame.position:
            self.last[frame.channel] = frame.position
            if frame.type == "$live":
                self._attempts = 0
                self.live.add(frame.channel)

    def subscribe_commands(self) -> list[dict[str, Any]]:
        commands = []
        for number, channel in enumerate(self.record.channels):
            after = {"after": self.last[channel]} if channel in self.last else {}
            commands.append({"cmd": "subscribe", "id": number, "channel": channel, **after})
        return commands

    def is_live(self) -> bool:
        return len(self.live) == len(self.record.channels)

    async def follow(self) -> None:
        while True:
            code, reason = 1006, ""
            with contextlib.suppress(OSError, TimeoutError):
                self.connection = await asyncio.wait_for(self._connect(), CONNECT_SECONDS)
                self.record.frames.append(history.Frame(time.monotonic(), "#connected"))
                code, reason = await self.connection.ended
                self.ends.append((time.monotonic(), code, reason))
            self.connection = None
            self.live.clear()
            self._turn += 1
            await asyncio.sleep(self._delay(reason))

    async def _connect(self) -> Connection:
        host, _, port = self._addresses[self._turn % len(self._addresses)].rpartition(":")
        plain = socket.socket()
        plain.setblocking(False)
        if self._narrow:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_connect(plain, (host, int(port)))
        except BaseException:
            plain.close()
            raise
        _, connection = await loop.create_connection(lambda: Connection(self), sock=plain)
        return connection

    def _delay(self, reason: str) -> float:
        with contextlib.suppress(ValueError):
            if after_ms := json.loads(reason).get("after_ms"):
                return after_ms / 1000
        self._attempts += 1
        return random.uniform(FIRST_DELAY / 2, min(LAST_DELAY, FIRST_DELAY * 2**min(self._attempts, 10)))


class Crowd:
    """All browsers of a scenario."""

    def __init__(self, background: Background) -> None:
        self._background = background
        self._tasks: list[asyncio.Task[None]] = []
        self.browsers: list[Browser] = []

    def add(self, browser: Browser) -> Browser:
        self.browsers.append(browser)
        self._background.call(
            lambda: self._tasks.append(self._background.loop.create_task(browser.follow())))
        return browser

    def all_live(self) -> bool:
        return all(browser.is_live() for browser in self.browsers)

    def set_speed(self, browser: Browser, bytes_per_second: float | None) -> None:
        """How fast it reads from now on; None: as fast as it can."""
        def change() -> None:
            browser.bytes_per_second = bytes_per_second
            if browser.connection is not None:
                browser.connection.speed_up()
        self._background.call(change)

    def stop(self) -> None:
        async def end() -> None:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for browser in self.browsers:
                if browser.connection is not None:
                    browser.connection.abort()
        self._background.run(end())
