"""A proxy of byte streams that may stall, cut, change what passes, or lead elsewhere. Addresses: /path or host:port."""

import asyncio
import contextlib
from collections.abc import Callable

from background import Background

Change = Callable[[bytes], bytes]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def dial(address: str) -> Streams:
    if address.startswith("/"):
        return await asyncio.open_unix_connection(address)
    host, _, port = address.rpartition(":")
    return await asyncio.open_connection(host, int(port))


class Proxy:
    def __init__(self, background: Background, listen: str, upstream: str,
                 change: Callable[[], Change] | None = None) -> None:
        """change: makes, for each connection, what is done to the bytes from upstream."""
        self._background = background
        self.listen = listen
        self._upstream = upstream
        self._change = change or (lambda: lambda data: data)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._open: set[asyncio.StreamWriter] = set()
        self._server = background.run(self._start())

    async def _start(self) -> asyncio.AbstractServer:
        if self.listen.startswith("/"):
            return await asyncio.start_unix_server(self._serve, self.listen, backlog=1000)
        host, _, port = self.listen.rpartition(":")
        return await asyncio.start_server(self._serve, host, int(port), backlog=1000)

    def stall(self) -> None:
        """Nothing passes, in either direction; nobody is told. New connections are accepted and stall as well."""
        self._background.call(self._flowing.clear)

    def flow(self) -> None:
        """What was held back passes, also what came from ends that have given up since."""
        self._background.call(self._flowing.set)

    def cut(self) -> None:
        """Ends all connections; what is under way is gone."""
        self._background.call(self._abort)

    def lead_to(self, upstream: str, cut: bool = True) -> None:
        """New connections go there."""
        def lead() -> None:
            self._upstream = upstream
            if cut:
                self._abort()
        self._background.call(lead)

    def close(self) -> None:
        def end() -> None:
            self._server.close()
            self._abort()
        self._background.call(end)

    def _abort(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await dial(self._upstream)
        except OSError:
            writer.close()
            return
        ends = {writer, up_writer}
        self._open |= ends
        try:
            await asyncio.gather(self._pump(reader, up_writer, lambda data: data),
                                 self._pump(up_reader, writer, self._change()))
        finally:
            self._open -= ends
            for end in ends:
                end.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, change: Change) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._flowing.wait()
                writer.write(change(data))
                await writer.drain()
            await self._flowing.wait()
            if writer.can_write_eof():
                writer.write_eof()
