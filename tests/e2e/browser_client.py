"""A browser without a browser: a WebSocket to a bridge that writes down every frame. Synchronous."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import websockets

from stack import WAIT_SECONDS

Frame = dict[str, Any]


class Client:
    def __init__(self, address: str, *channels: str, subprotocol: str = "") -> None:
        """address: host:port of a bridge. Subscribes to the channels from now on, and waits until they are live."""
        self._loop = asyncio.new_event_loop()
        query = "&".join(f"channel={quote(channel)}" for channel in channels)
        url = f"ws://{address}/v1/ws" + (f"?{query}" if query else "")
        self._subprotocols = [subprotocol] if subprotocol else None
        self.frames: list[Frame] = []  # parsed; a binary one is {"type": "", "binary": …}
        self.raws: list[str | bytes] = []  # as they came
        self._seen = 0  # frames that until() has looked at
        self._socket = self._loop.run_until_complete(self._connect(url))
        for channel in channels:
            self.until(self._is_live(channel), rewind=True)

    @staticmethod
    def _is_live(channel: str) -> Callable[[Frame], bool]:
        return lambda frame: frame["type"] == "$live" and frame.get("data", frame)["channel"] == channel

    async def _connect(self, url: str) -> Any:
        return await websockets.connect(
            url, subprotocols=self._subprotocols, max_size=None, max_queue=None, ping_interval=None,
            compression=None, open_timeout=WAIT_SECONDS)

    def send(self, command: Frame | str | bytes) -> None:
        """A command as an object, or a frame as str or bytes."""
        frame = json.dumps(command) if isinstance(command, dict) else command
        self._loop.run_until_complete(self._socket.send(frame))

    def until(self, condition: Callable[[Frame], bool], seconds: float = WAIT_SECONDS, rewind: bool = False) -> Frame:
        """The first frame for which the condition holds, among those that no earlier until() passed."""
        deadline = time.monotonic() + seconds
        if rewind:
            self._seen = 0
        while True:
            while self._seen < len(self.frames):
                frame = self.frames[self._seen]
                self._seen += 1
                if condition(frame):
                    return frame
            self._receive(deadline)

    def until_type(self, kind: str, seconds: float = WAIT_SECONDS) -> Frame:
        return self.until(lambda frame: frame["type"] == kind, seconds)

    def until_text(self, text: str, seconds: float = WAIT_SECONDS) -> Frame:
        """The log line with this text."""
        return self.until(lambda frame: frame.get("data", {}).get("text") == text, seconds)

    def _receive(self, deadline: float) -> None:
        left = max(0.001, deadline - time.monotonic())
        try:
            raw = self._loop.run_until_complete(asyncio.wait_for(self._socket.recv(), left))
        except TimeoutError:
            raise AssertionError(f"not in time; the last frames are {self.raws[-5:]}") from None
        self.raws.append(raw)
        self.frames.append(json.loads(raw) if isinstance(raw, str) else {"type": "", "binary": raw})

    def events(self) -> list[Frame]:
        return [frame for frame in self.frames if not frame["type"].startswith("$")]

    def texts(self) -> list[str]:
        """The texts of all log lines, in order."""
        return [frame["data"]["text"] for frame in self.events() if frame["type"] == "log_line"]

    def types(self) -> list[str]:
        return [frame["type"] for frame in self.frames]

    def close_code(self, seconds: float = WAIT_SECONDS) -> int:
        """Reads on until the bridge closes the connection; the close code."""
        deadline = time.monotonic() + seconds
        try:
            while True:
                self._receive(deadline)
        except websockets.ConnectionClosed as closed:
            return closed.code

    def close(self) -> None:
        self._loop.run_until_complete(self._socket.close())
        self._loop.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
