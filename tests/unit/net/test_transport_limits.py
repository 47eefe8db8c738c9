"""Time limits on both transports: which passes, and what it is called."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace

import pytest

from proxy.errors import UpstreamConnectError, UpstreamTimeout
from proxy.types.ports import Limits
from tests.unit.net.transport_servers import (
    TRANSPORTS,
    UNLIMITED,
    Answer,
    Serve,
    Slow,
    open_connections,
    read_request,
    request,
    sending,
    serving,
)

pytestmark = pytest.mark.parametrize("kind", sorted(TRANSPORTS))
SHORT = 0.15
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def saying(*words: bytes, pause: float = 0.0) -> Serve:
    """A server that says this, pausing before each, and then nothing for ever."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        for word in words:
            await asyncio.sleep(pause)
            writer.write(word)
        await reader.read()

    return serve


class Deaf(Answer):
    """A sink for which nothing is a first token."""

    def on_block(self, block: bytes) -> Awaitable[None] | None:
        super().on_block(block)
        self.started = False
        return None


class Final(Answer):
    """A sink for which the first block is the final event."""

    def on_block(self, block: bytes) -> Awaitable[None] | None:
        super().on_block(block)
        self.finished = True
        return None


async def failure(kind: str, serve: Serve, limits: Limits, answer: Answer) -> tuple[str, float]:
    """Name and seconds of the limit that ended a call; its connection is closed."""
    async with serving(serve) as base, sending(kind) as transport:
        await transport.send(request(base, limits=limits), answer)
        await asyncio.sleep(0)
        assert open_connections(transport) == 0
    assert isinstance(answer.error, UpstreamTimeout)
    return answer.error.limit, answer.error.seconds


@pytest.mark.parametrize("words", [[], [b"HTTP/1.1 200"], [HEAD], [HEAD, b"1\r\na\r\n"]])
async def test_a_first_token_that_does_not_come(kind: str, words: list[bytes]) -> None:
    limits = replace(UNLIMITED, first_token=SHORT)
    assert await failure(kind, saying(*words), limits, Deaf()) == ("first_token", SHORT)


@pytest.mark.parametrize("words", [[], [HEAD], [HEAD, b"1\r\na\r\n"], [HEAD, b"1\r\na\r\n1\r\n"]])
async def test_silence_between_two_blocks(kind: str, words: list[bytes]) -> None:
    limits = replace(UNLIMITED, idle=SHORT)
    assert await failure(kind, saying(*words), limits, Answer()) == ("idle", SHORT)


async def test_a_call_that_takes_too_long_though_it_goes_on(kind: str) -> None:
    limits = Limits(connect=None, first_token=SHORT * 2, idle=SHORT * 2, total=SHORT * 3)
    serve = saying(HEAD, *[b"1\r\na\r\n"] * 99, pause=SHORT / 5)
    answer = Answer()
    assert await failure(kind, serve, limits, answer) == ("total", SHORT * 3)
    assert answer.body.startswith(b"aaa")


async def test_bytes_that_are_none_of_a_body_are_no_progress(kind: str) -> None:
    limits = replace(UNLIMITED, idle=SHORT)
    serve = saying(HEAD, b"2;", *[b"a"] * 99, pause=SHORT / 5)
    assert await failure(kind, serve, limits, Answer()) == ("idle", SHORT)


async def test_waiting_for_a_slow_client_is_not_silence_but_counts_in_all(kind: str) -> None:
    limits = Limits(connect=None, first_token=SHORT, idle=SHORT, total=SHORT * 4)
    answer = Slow(asyncio.Event())
    assert await failure(kind, saying(HEAD + b"1\r\na\r\n"), limits, answer) == ("total", SHORT * 4)


async def test_the_clock_goes_on_when_the_slow_client_has_taken_all(kind: str) -> None:
    limits = replace(UNLIMITED, idle=SHORT)
    answer = Slow(asyncio.Event())
    asyncio.get_running_loop().call_later(SHORT * 3, answer.room.set)
    assert await failure(kind, saying(HEAD + b"1\r\na\r\n"), limits, answer) == ("idle", SHORT)


async def test_an_end_that_does_not_follow_the_final_event_is_done_without(kind: str) -> None:
    answer = Final()
    serve = saying(HEAD + b"1\r\na\r\n")
    async with serving(serve) as base, sending(kind) as transport:
        await transport.send(request(base), answer)
        await asyncio.sleep(0)
        assert open_connections(transport) == 0
    assert (answer.body, answer.ended, answer.error) == (b"a", True, None)


async def test_an_end_that_follows_the_final_event_keeps_the_connection(kind: str) -> None:
    answer = Final()
    serve = saying(HEAD + b"1\r\na\r\n", b"0\r\n\r\n", pause=0.02)
    async with serving(serve) as base, sending(kind) as transport:
        await transport.send(request(base), answer)
        assert open_connections(transport) == 1
    assert (answer.body, answer.error) == (b"a", None)


async def test_a_handshake_that_nobody_answers(kind: str) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    answer = Answer()
    async with serving(silent) as base, sending(kind) as transport:
        secure = base.replace("http:", "https:")
        await transport.send(request(secure, limits=replace(UNLIMITED, connect=SHORT)), answer)
        assert open_connections(transport) == 0
    assert isinstance(answer.error, UpstreamTimeout)
    assert (answer.error.limit, answer.error.seconds) == ("connect", SHORT)


@pytest.mark.parametrize("limit", ["total", "first_token", "idle"])
async def test_other_limits_hold_while_connecting(kind: str, limit: str) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    answer = Answer()
    limits = replace(replace(UNLIMITED, connect=60.0), **{limit: SHORT})
    async with serving(silent) as base, sending(kind) as transport:
        await transport.send(request(base.replace("http:", "https:"), limits=limits), answer)
    assert isinstance(answer.error, UpstreamTimeout)
    assert (answer.error.limit, answer.error.seconds) == (limit, SHORT)


async def test_a_handshake_that_is_answered_in_plain(kind: str) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    answer = Answer()
    async with serving(plain) as base, sending(kind) as transport:
        await transport.send(request(base.replace("http:", "https:")), answer)
    assert isinstance(answer.error, UpstreamConnectError)


async def test_a_limit_that_passes_leaves_the_caller_uncancelled(kind: str) -> None:
    async def later() -> AsyncIterator[int]:
        await asyncio.sleep(0)
        yield 1

    async with serving(saying()) as base, sending(kind) as transport:
        await transport.send(request(base, limits=replace(UNLIMITED, idle=0.02)), Answer())
        task = asyncio.current_task()
        assert task is not None
        assert not task.cancelling()
        assert [number async for number in later()] == [1]
