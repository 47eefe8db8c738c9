"""Servers for the load generators to ask, in the test's own process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bench.canned import SCRIPTS
from bench.loads.target import Target
from bench.provider import Answering, Theatre
from bench.upstream import Player, build_player

PATH = "/v1/chat/completions"


def build_theatre(**players: Player) -> Theatre:
    return Theatre({name: build_player(script) for name, script in SCRIPTS.items()} | players)


@asynccontextmanager
async def served(build: Callable[[], asyncio.Protocol]) -> AsyncIterator[int]:
    """The port. All connections are gone when it is left."""
    transports: list[asyncio.BaseTransport] = []

    def watched() -> asyncio.Protocol:
        protocol = build()
        begin = protocol.connection_made

        def connection_made(transport: asyncio.BaseTransport) -> None:
            transports.append(transport)
            begin(transport)

        setattr(protocol, "connection_made", connection_made)  # noqa: B010
        return protocol

    server = await asyncio.get_running_loop().create_server(watched, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
    for transport in transports:
        transport.close()
    while any(getattr(transport, "_sock", None) for transport in transports):
        await asyncio.sleep(0.005)


@asynccontextmanager
async def provider(theatre: Theatre | None = None) -> AsyncIterator[int]:
    shared = theatre or build_theatre()
    async with served(lambda: Answering(shared)) as port:
        yield port


def target(port: int, script: str = "small") -> Target:
    return Target(port, PATH, "bench", "bytes", script)
