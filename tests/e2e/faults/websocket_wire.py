"""WebSocket frames as bytes, as much of it as a recording browser and a tampering proxy need. The bridge sends neither
fragments nor extensions.
"""

import struct
from collections.abc import Iterator

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
HEAD_END = b"\r\n\r\n"


def request(target: str) -> bytes:
    return (f"GET {target} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n").encode()


def masked(opcode: int, payload: bytes) -> bytes:
    """A client's frame, masked with zeros."""
    size = len(payload)
    head = bytes([0x80 | opcode])
    if size < 126:
        head += bytes([0x80 | size])
    else:
        head += bytes([0x80 | 126]) + struct.pack(">H", size)
    return head + b"\0\0\0\0" + payload


class Splitter:
    """Cuts a server's bytes, after its HTTP head, into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.head = b""  # once it is there

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
        """(opcode, payload, the whole frame) of each that is complete."""
        buffer = self._buffer
        buffer += data
        if not self.head:
            end = buffer.find(HEAD_END)
            if end < 0:
                return
            self.head = bytes(buffer[: end + len(HEAD_END)])
            del buffer[: end + len(HEAD_END)]
        taken = 0
        while len(buffer) - taken >= 2:
            size, start = buffer[taken + 1] & 0x7F, taken + 2
            if size >= 126:
                width = 2 if size == 126 else 8
                if len(buffer) < start + width:
                    break
                size = int.from_bytes(buffer[start : start + width], "big")
                start += width
            if len(buffer) < start + size:
                break
            yield buffer[taken] & 0x0F, bytes(buffer[start : start + size]), bytes(buffer[taken : start + size])
            taken = start + size
        del buffer[:taken]
