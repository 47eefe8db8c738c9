"""The provider: reads requests, finds the script that each names, and has it played.

    python -m bench.provider --port PORT --storm-port PORT [--tls-port PORT --certificate FILE]

A plain protocol on uvloop, no HTTP library: it must never be what is measured. All ports play all
scripts; the second is an origin of its own, so that its failures are nobody else's.
`GET /counts` has how often each script began; `GET /release` lets held streams go on.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import ssl
from collections.abc import Mapping
from typing import cast

import uvloop

from bench.canned import MARK, SCRIPTS, compact
from bench.upstream import Holding, Player, build_player

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_NAME = re.compile(rb"%b([a-z0-9]+)\." % MARK)
_REFUSAL = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class Theatre:
    """All players, and how often each was asked."""

    def __init__(self, players: Mapping[str, Player]) -> None:
        self._players = {name.encode(): player for name, player in players.items()}
        self._counts = dict.fromkeys(self._players, 0)

    def serve(self, transport: asyncio.Transport, request: bytes) -> None:
        name = _NAME.search(request)
        if name and name[1] in self._players:
            self._counts[name[1]] += 1
            self._players[name[1]].begin(transport)
        elif request.startswith(b"GET /counts "):
            transport.write(_json({name.decode(): n for name, n in self._counts.items()}))
        elif request.startswith(b"GET /release "):
            transport.write(_json({"released": self.release()}))
        else:
            transport.write(_REFUSAL)

    def release(self) -> bool:
        for player in self._players.values():
            if isinstance(player, Holding):
                player.release()
        return True


def _json(value: object) -> bytes:
    body = compact(value)
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Answering(asyncio.Protocol):
    """One connection: complete requests in, answers out."""

    def __init__(self, theatre: Theatre) -> None:
        self._theatre = theatre
        self._parts: list[bytes] = []
        self._have = 0
        self._want = 0
        """Bytes of the request that is arriving; 0 while its head is not complete."""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._parts.append(data)
        self._have += len(data)
        while self._have and self._have >= self._want:
            whole = b"".join(self._parts)
            if not self._want:
                self._want = request_size(whole)
            if not self._want or self._have < self._want:
                self._keep(whole)
                return
            self._theatre.serve(self._transport, whole[: self._want])
            self._keep(whole[self._want :])
            self._want = 0

    def _keep(self, rest: bytes) -> None:
        self._parts, self._have = [rest], len(rest)


def request_size(data: bytes) -> int:
    """Head and body together; 0 while the head is not complete."""
    head_end = data.find(b"\r\n\r\n")
    if head_end < 0:
        return 0
    length = _LENGTH.search(data, 0, head_end)
    return head_end + 4 + (int(length[1]) if length else 0)


async def serve(ports: list[int], tls_port: int, certificate: str) -> None:
    """Answer on 127.0.0.1 until the process is ended."""
    theatre = Theatre({name: build_player(script) for name, script in SCRIPTS.items()})
    loop = asyncio.get_running_loop()

    def build() -> Answering:
        return Answering(theatre)

    servers = [await loop.create_server(build, "127.0.0.1", port, backlog=4096) for port in ports]
    if tls_port:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        servers.append(
            await loop.create_server(build, "127.0.0.1", tls_port, ssl=context, backlog=4096)
        )
    await asyncio.gather(*(server.serve_forever() for server in servers))


def main() -> None:
    parser = argparse.ArgumentParser(description="A provider with canned answers.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--storm-port", type=int, required=True)
    parser.add_argument("--tls-port", type=int, default=0)
    parser.add_argument("--certificate", default="")
    options = parser.parse_args()
    uvloop.run(serve([options.port, options.storm_port], options.tls_port, options.certificate))


if __name__ == "__main__":
    main()
