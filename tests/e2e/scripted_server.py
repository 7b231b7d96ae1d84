"""A server that misbehaves on purpose: it serves the console's files and lets a test play the bridge's part on /v1/ws.

For what a healthy bridge never does on demand: close codes, gaps, holes, silence.
"""

import asyncio
import http
import json
import pathlib
import threading

import websockets

CLIENTS = pathlib.Path(__file__).resolve().parents[2] / "clients"
CONSOLE = CLIENTS / "console"
CLIENT = CLIENTS / "js" / "src"
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript",
         ".svg": "image/svg+xml"}
HELLO = {"type": "$hello", "connection": "scripted", "user": "", "ping_ms": 25000,
         "limits": {"frame_bytes": 65536, "subscriptions": 128}}


class Peer:
    """One connection as the script sees it."""

    def __init__(self, socket, number):
        self._socket = socket
        self.number = number  # 1 for the server's first connection

    async def send(self, frame):
        await self._socket.send(json.dumps(frame))

    async def command(self):
        return json.loads(await self._socket.recv())

    async def accept_subscription(self, position):
        """Greets, takes one subscription, answers that nothing was missed; returns the command."""
        await self.send(HELLO)
        command = await self.command()
        channel = command["channel"]
        await self.send({"type": "$subscribed", "id": command["id"], "channel": channel,
                         "position": command.get("after", position)})
        await self.send({"type": "$live", "channel": channel, "position": command.get("after", position)})
        return command

    async def event(self, position, **fields):
        await self.send({"type": "notification", "timestamp": "2024-01-01T12:00:00Z", "session_id": "",
                         "data": {"title": position}, "channel": "webgui:global", "id": position, **fields})

    async def close(self, code, reason):
        await self._socket.close(code, json.dumps(reason))

    async def wait_closed(self):
        await self._socket.wait_closed()


class ScriptedServer:
    """`script(peer)` is a coroutine that runs for every connection."""

    def __init__(self, script):
        self._script = script
        self._connections = 0
        self.failures = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._run(self._listen())
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/"

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    async def _listen(self):
        return await websockets.serve(self._serve, "127.0.0.1", 0, process_request=self._serve_file,
                                      subprotocols=["spanwire.v1"], ping_interval=None)

    async def _serve(self, socket, _path):
        self._connections += 1
        try:
            await self._script(Peer(socket, self._connections))
        except websockets.ConnectionClosed:
            pass
        except Exception as error:  # pylint: disable=broad-except  # the test reports it
            self.failures.append(repr(error))

    @staticmethod
    async def _serve_file(path, _headers):
        path = path.split("?")[0]
        if path == "/v1/ws":
            return None
        file = CONSOLE / ("index.html" if path == "/" else path[1:])
        if path.startswith("/spanwire/"):
            file = CLIENT / path.removeprefix("/spanwire/")
        if CLIENTS not in file.resolve().parents or not file.is_file():
            return http.HTTPStatus.NOT_FOUND, [], b""
        return http.HTTPStatus.OK, [("Content-Type", TYPES[file.suffix])], file.read_bytes()

    @property
    def connections(self):
        return self._connections

    async def _stop(self):
        self._server.close()
        await self._server.wait_closed()

    def close(self):
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
