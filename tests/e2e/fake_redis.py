"""A Redis that says what version it is and otherwise "OK": for what no installed Redis can show."""

import pathlib
import socketserver
import threading


class _Handler(socketserver.StreamRequestHandler):
    server: "FakeRedis"

    def handle(self) -> None:
        while True:
            line = self.rfile.readline()
            if not line.startswith(b"*"):
                return
            words = []
            for _ in range(int(line[1:])):
                size = int(self.rfile.readline()[1:])
                words.append(self.rfile.read(size + 2)[:-2])
            self.wfile.write(self._answer(words[0].upper()))

    def _answer(self, command: bytes) -> bytes:
        if command == b"INFO":
            text = f"# Server\r\nredis_version:{self.server.version}\r\n".encode()
            return b"$%d\r\n%s\r\n" % (len(text), text)
        return b"+OK\r\n"


class FakeRedis(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path: pathlib.Path, version: str) -> None:
        self.version = version
        super().__init__(str(path), _Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
