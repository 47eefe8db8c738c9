"""Which transport sends a request. They are told apart by a server that folds a header, which only
the complete one takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from proxy.errors import UpstreamGarbage
from proxy.net.transports import Transports
from proxy.net.watchdog import Watchdog
from tests.unit.net.transport_servers import Answer, read_request, request, serving

FOLDED = b"HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Blocks:
    """A body that is not held in memory."""

    length: int | None = 3
    repeatable: bool = True
    spent: bool = False

    async def blocks(self) -> AsyncIterator[bytes]:
        yield b"abc"


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await read_request(reader)
        writer.write(FOLDED)


@pytest.mark.parametrize(
    ("transport", "upload", "fast"),
    [("fast", False, True), ("aiohttp", False, False), ("fast", True, False)],
)
async def test_a_request_goes_by_the_transport_that_it_names_and_an_upload_by_the_complete_one(
    transport: str, upload: bool, fast: bool
) -> None:
    sizes: list[int] = []
    async with serving(serve) as base:
        transports = Transports(Watchdog(), sizes.append)
        for _ in range(2):
            answer = Answer()
            asked = replace(request(base, b"abc"), transport=transport)
            await transports.send(replace(asked, body=Blocks()) if upload else asked, answer)
            if fast:
                assert isinstance(answer.error, UpstreamGarbage)
            else:
                assert (answer.body, answer.error) == (b"ok", None)
        assert sizes == [] if fast else sizes == [2, 2]
        await transports.close()
