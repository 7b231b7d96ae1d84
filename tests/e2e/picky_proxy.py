"""A proxy between browsers and a bridge that lets some requests through and some not, as those in the world do."""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterable

REFUSAL = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class PickyProxy:
    """Paths that begin as one of `refused` get a 403. Those of `held` are asked for, but nothing of the answer comes,
    as behind a proxy that waits for its end."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._refused: tuple[str, ...] = ()
        self._held: tuple[str, ...] = ()
        self._lock = threading.Lock()
        self._open: dict[socket.socket, str] = {}  # a browser's end → its path
        self.asked: list[str] = []  # paths, in order
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    proxy._serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 100

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def let_through_all_but(self, refused: Iterable[str], held: Iterable[str] = ()) -> None:
        """From now on, and what is under way and would not be let through is broken."""
        with self._lock:
            self._refused, self._held = tuple(refused), tuple(held)
            ends = [end for end, path in self._open.items() if path.startswith(self._refused + self._held)]
        for end in ends:
            _break(end)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        with self._lock:
            ends = list(self._open)
        for end in ends:
            _break(end)

    def _serve(self, browser: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            data = browser.recv(65536)
            if not data:
                return
            head += data
        path = head.split(b" ", 2)[1].decode()
        with self._lock:
            refused, held = path.startswith(self._refused), path.startswith(self._held)
            self._open[browser] = path
            self.asked.append(path)
        try:
            if refused:
                browser.sendall(REFUSAL)
                return
            host, _, port = self._upstream.rpartition(":")
            with socket.create_connection((host, int(port))) as bridge:
                # One request a connection, so that each has its path looked at.
                bridge.sendall(head.replace(b"Connection: keep-alive", b"Connection: close"))
                back = threading.Thread(target=_pump, args=(bridge, None if held else browser), daemon=True)
                back.start()
                _pump(browser, bridge)
                back.join()
        finally:
            with self._lock:
                del self._open[browser]


def _pump(source: socket.socket, sink: socket.socket | None) -> None:
    """Until either end is done; then the other one is told."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            if sink:
                sink.sendall(data)
    for end in (source, sink):
        if end:
            _break(end)


def _break(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
