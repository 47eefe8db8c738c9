from __future__ import annotations

import asyncio
import json
from typing import cast

import pytest

from bench.canned import SCRIPTS
from bench.provider import Answering
from bench.upstream import whole_answer
from tests.unit.bench.servers import PATH, build_theatre, provider


class Written:
    """A transport that remembers."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data


def connected() -> tuple[Answering, Written]:
    answering, written = Answering(build_theatre()), Written()
    answering.connection_made(cast(asyncio.Transport, written))
    return answering, written


REQUEST = SCRIPTS["small"].request("bench", path=PATH, host="x")


@pytest.mark.parametrize("size", [1, 7, 100, 1000, len(REQUEST) + 5, 10**6])
def test_requests_are_answered_wherever_they_are_cut(size: int) -> None:
    answering, written = connected()
    together = REQUEST * 3
    for at in range(0, len(together), size):
        answering.data_received(together[at : at + size])
    assert written.data == whole_answer() * 3


def test_what_names_no_script_is_refused() -> None:
    answering, written = connected()
    answering.data_received(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
    assert written.data.startswith(b"HTTP/1.1 404 ")


def test_it_counts_what_it_is_asked() -> None:
    answering, written = connected()
    answering.data_received(REQUEST * 2 + b"GET /counts HTTP/1.1\r\n\r\n")
    counts = json.loads(written.data.rpartition(b"\r\n\r\n")[2])
    assert counts["small"] == 2
    assert counts["large"] == 0


def test_the_failing_script_refuses_every_other_call() -> None:
    answering, written = connected()
    answering.data_received(SCRIPTS["failing"].request("bench", path=PATH, host="x") * 4)
    assert written.data.count(b"HTTP/1.1 503 ") == 2
    assert written.data.count(b"HTTP/1.1 200 ") == 2


async def test_held_streams_go_on_when_they_are_released() -> None:
    async with provider() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(SCRIPTS["held"].request("bench", path=PATH, host="x"))
        await reader.readuntil(b'"role":"assistant"')
        for _ in range(SCRIPTS["held"].holds_after - 1):
            await reader.readuntil(b" potion")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readuntil(b" potion"), 0.1)
        _, other = await asyncio.open_connection("127.0.0.1", port)
        other.write(b"GET /release HTTP/1.1\r\n\r\n")
        await reader.readuntil(b"data: [DONE]\n\n\r\n0\r\n\r\n")
        for each in (writer, other):
            each.close()
            await each.wait_closed()
