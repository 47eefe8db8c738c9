"""The provider: canned answers from a server that can be told to be ill.

    python -m bench.faults.provider --port PORT

Beside chat completions it answers `GET /asked` (how many calls came in so far) and takes
`POST /ill` and `POST /well`. While it is ill every second call fails: in turn by 503, by 429, and
by no answer at all.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from typing import cast

import uvloop

from bench.canned import MARK
from bench.faults.calls import LARGE, STREAM, WHOLE
from bench.upstream import build_player

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_NAME = re.compile(rb"%b([a-z]+)\." % MARK)
_PATH = b"POST /v1/"
_STATUSES = (b"503 Service Unavailable", b"429 Too Many Requests", None)
_REFUSAL = b'{"error":{"message":"not now","type":"server_error"}}'


def plain_answer(status: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % (status, len(body)) + body


class Health:
    """What all connections share."""

    def __init__(self) -> None:
        self.asked = 0
        self.ill = False
        scripts = (WHOLE, STREAM, LARGE)
        self.players = {script.name.encode(): build_player(script) for script in scripts}

    def failure(self) -> tuple[bool, bytes | None]:
        """Whether this call fails, and the status that says so; None: it hangs."""
        turn = self.asked % 6
        if not self.ill or turn % 2:
            return False, None
        return True, _STATUSES[turn // 2]


class Answering(asyncio.Protocol):
    """One connection: complete requests in, canned answers out."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._received = bytearray()
        self._needed = 0
        """Bytes of the request that is arriving; 0 while its head is not complete."""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class

    def data_received(self, data: bytes) -> None:
        self._received += data
        while len(self._received) >= self._needed:
            head_end = self._received.find(b"\r\n\r\n")
            if head_end < 0:
                return
            length = _LENGTH.search(self._received, 0, head_end)
            self._needed = head_end + 4 + (int(length[1]) if length else 0)
            if len(self._received) < self._needed:
                return
            request = bytes(self._received[: self._needed])
            del self._received[: self._needed]
            self._needed = 0
            self._serve(request)

    def _serve(self, request: bytes) -> None:
        assert self._transport is not None
        if not request.startswith(_PATH):
            self._transport.write(plain_answer(b"200 OK", self._told(request)))
            return
        self._health.asked += 1
        fails, status = self._health.failure()
        name = _NAME.search(request)
        player = self._health.players.get(name[1]) if name else None
        if not fails and player is not None:
            player.begin(self._transport)
        elif status is not None or player is None:
            self._transport.write(plain_answer(status or b"404 Not Found", _REFUSAL))

    def _told(self, request: bytes) -> bytes:
        """Do as the bench says; how many calls came in so far."""
        if request.startswith(b"POST /"):
            self._health.ill = request.startswith(b"POST /ill ")
        return str(self._health.asked).encode()


async def serve(port: int) -> None:
    """Answer on 127.0.0.1 until the process is ended."""
    loop = asyncio.get_running_loop()
    health = Health()
    server = await loop.create_server(lambda: Answering(health), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description="A provider that can be ill.")
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
