"""Bodies that are sent block by block, to servers that answer when and how they like."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import uvloop

from proxy.errors import InvalidRequest, UpstreamError, UpstreamReset, UpstreamTimeout
from proxy.net.aiohttp_transport import AiohttpTransport
from proxy.net.watchdog import Watchdog
from proxy.types.ports import Body, Headers, Limits, OutgoingRequest
from tests.unit.net.transport_servers import Serve, serving

UNLIMITED = Limits(None, None, None, None)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TOO_LARGE = b"HTTP/1.1 413 Too Large\r\nContent-Length: 9\r\n\r\ntoo large"


@dataclass
class Blocks:
    """A body made of what a test says."""

    make: Callable[[], AsyncIterator[bytes]]
    length: int | None = None
    repeatable: bool = True
    spent: bool = False
    asked: int = 0
    taken: int = 0
    closed: int = 0

    async def blocks(self) -> AsyncIterator[bytes]:
        self.asked += 1
        self.spent = not self.repeatable
        try:
            async for block in self.make():
                self.taken += len(block)
                yield block
        finally:
            self.closed += 1


def fixed(*blocks: bytes) -> Callable[[], AsyncIterator[bytes]]:
    async def make() -> AsyncIterator[bytes]:
        for block in blocks:
            yield block

    return make


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield b"x" * 65536


@dataclass
class Answer:
    """A sink that keeps everything."""

    started: bool = False
    finished: bool = False
    status: int = 0
    headers: Headers = ()
    body: bytes = b""
    ended: bool = False
    error: UpstreamError | None = None
    on_first: Callable[[], None] = field(default=lambda: None)

    def on_head(self, status: int, headers: Headers) -> None:
        self.status, self.headers = status, headers
        self.on_first()

    def on_block(self, block: bytes) -> None:
        self.body += block
        self.started = True

    def on_end(self, error: UpstreamError | None) -> None:
        self.ended, self.error = True, error


@asynccontextmanager
async def sending() -> AsyncIterator[AiohttpTransport]:
    transport = AiohttpTransport(Watchdog(0.01), lambda size: None)
    try:
        yield transport
    finally:
        await transport.close()


def request(
    base: str,
    body: bytes | Body,
    *,
    method: str = "POST",
    limits: Limits = UNLIMITED,
    may_resend: bool = True,
) -> OutgoingRequest:
    return OutgoingRequest(
        method, base + "/v1/files", base, [("X-A", "b")], body, limits, lambda: may_resend
    )


async def head_of(reader: asyncio.StreamReader) -> bytes:
    return (await reader.readuntil(b"\r\n\r\n")).lower()


async def everything(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the sender closes or breaks off."""
    got = b""
    try:
        while block := await reader.read(65536):
            got += block
    except ConnectionError:
        pass
    return got


async def test_a_body_of_known_length_goes_out_with_its_length() -> None:
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.extend([await head_of(reader), await reader.readexactly(5)])
        writer.write(OK)

    async with serving(serve) as base, sending() as transport:
        answer, body = Answer(), Blocks(fixed(b"ab", b"", b"cde"), length=5)
        await transport.send(request(base, body), answer)
    assert b"content-length: 5\r\n" in seen[0]
    assert b"transfer-encoding" not in seen[0]
    assert b"content-type" not in seen[0]
    assert seen[1] == b"abcde"
    assert (answer.status, answer.body, answer.error) == (200, b"ok", None)
    assert body.closed == 1


async def test_a_body_of_unknown_length_goes_out_in_chunks() -> None:
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.extend([await head_of(reader), await reader.readuntil(b"\r\n0\r\n\r\n")])
        writer.write(OK)

    async with serving(serve) as base, sending() as transport:
        answer = Answer()
        await transport.send(request(base, Blocks(fixed(b"ab", b"cde"))), answer)
    assert b"transfer-encoding: chunked\r\n" in seen[0]
    assert b"content-length" not in seen[0]
    assert seen[1] == b"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"
    assert answer.body == b"ok"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_no_body_is_said_as_the_method_wants_it(method: str) -> None:
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await head_of(reader))
        writer.write(OK)

    async with serving(serve) as base, sending() as transport:
        await transport.send(request(base, b"", method=method), Answer())
    assert (b"content-length: 0\r\n" in seen[0]) is (method == "POST")


async def refuse_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Closing with unread bytes resets the connection, right behind the answer."""
    await head_of(reader)
    writer.write(TOO_LARGE)
    writer.close()


async def refuse_and_wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head_of(reader)
    writer.write(TOO_LARGE)
    await asyncio.sleep(60)


async def refuse_and_drain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head_of(reader)
    writer.write(TOO_LARGE)
    await everything(reader)


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("serve", [refuse_and_close, refuse_and_wait, refuse_and_drain])
@pytest.mark.parametrize("length", [None, 2**40])
def test_an_answer_before_the_end_of_the_upload_is_relayed(
    loop: Callable[[], asyncio.AbstractEventLoop], serve: Serve, length: int | None
) -> None:
    async def run() -> None:
        async with serving(serve) as base, sending() as transport:
            for _ in range(20):
                answer, body = Answer(), Blocks(endless, length=length, repeatable=False)
                await transport.send(request(base, body), answer)
                assert (answer.status, answer.body, answer.error) == (413, b"too large", None)
                assert body.closed == 1

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(run())


async def test_a_connection_that_breaks_during_the_upload_is_the_providers_failure() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.transport.abort()

    async with serving(serve) as base, sending() as transport:
        answer, body = Answer(), Blocks(endless)
        await transport.send(request(base, body), answer)
    assert isinstance(answer.error, UpstreamReset)
    assert body.closed == 1


@pytest.mark.parametrize("length", [None, 100])
async def test_a_body_that_breaks_off_never_looks_whole(length: int | None) -> None:
    got: list[bytes] = []
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        got.append(await everything(reader))
        done.set()

    async def make() -> AsyncIterator[bytes]:
        yield b"ab"
        raise ConnectionResetError("the client left")

    async with serving(serve) as base, sending() as transport:
        answer = Answer()
        with pytest.raises(ConnectionResetError, match="the client left"):
            await transport.send(request(base, Blocks(make, length=length)), answer)
        await done.wait()
    assert not answer.ended
    assert got[0] in (b"", b"ab", b"2\r\nab\r\n")


@pytest.mark.parametrize("blocks", [(b"ab",), (b"abc", b"def")])
async def test_a_body_of_another_length_than_it_said_is_broken_off(blocks: list[bytes]) -> None:
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        await everything(reader)
        done.set()

    async with serving(serve) as base, sending() as transport:
        with pytest.raises(InvalidRequest, match="not as long"):
            await transport.send(request(base, Blocks(fixed(*blocks), length=5)), Answer())
        await done.wait()


async def test_a_body_that_fails_while_the_answer_comes_ends_the_answer() -> None:
    answered = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")
        await everything(reader)

    async def make() -> AsyncIterator[bytes]:
        yield b"ab"
        await answered.wait()
        raise InvalidRequest("damaged")

    async with serving(serve) as base, sending() as transport:
        answer = Answer(on_first=answered.set)
        with pytest.raises(InvalidRequest, match="damaged"):
            await transport.send(request(base, Blocks(make)), answer)
    assert answer.status == 200
    assert not answer.ended


async def test_a_client_that_leaves_during_the_upload_cancels_it() -> None:
    reached, broken = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        reached.set()
        await everything(reader)
        broken.set()

    async with serving(serve) as base, sending() as transport:
        body = Blocks(endless)
        call = asyncio.create_task(transport.send(request(base, body), Answer()))
        await reached.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert body.closed == 1
        await broken.wait()


def closing_once() -> tuple[Serve, list[bytes]]:
    """A server whose first connection dies as its second request comes."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = not seen
        for number in range(10):
            await head_of(reader)
            if first and number:
                return
            seen.append(await reader.readexactly(5))
            writer.write(OK)

    return serve, seen


async def test_a_repeatable_body_is_sent_again_when_its_connection_was_stale() -> None:
    serve, seen = closing_once()
    async with serving(serve) as base, sending() as transport:
        body, answers = Blocks(fixed(b"ab", b"cde"), length=5), [Answer(), Answer()]
        for answer in answers:
            await transport.send(request(base, body), answer)
    assert [answer.body for answer in answers] == [b"ok", b"ok"]
    assert seen == [b"abcde", b"abcde"]
    assert body.asked == body.closed == 3


async def test_nothing_is_sent_again_that_the_budget_does_not_allow() -> None:
    serve, _ = closing_once()
    async with serving(serve) as base, sending() as transport:
        body, answer = Blocks(fixed(b"abcde"), length=5), Answer()
        await transport.send(request(base, body), Answer())
        await transport.send(request(base, body, may_resend=False), answer)
    assert isinstance(answer.error, UpstreamReset)


async def test_a_body_that_cannot_be_repeated_meets_no_stale_connection() -> None:
    serve, seen = closing_once()
    async with serving(serve) as base, sending() as transport:
        await transport.send(request(base, b"abcde"), Answer())
        answer = Answer()
        body = Blocks(fixed(b"vwxyz"), length=5, repeatable=False)
        await transport.send(request(base, body, method="PUT"), answer)
    assert answer.body == b"ok"
    assert seen == [b"abcde", b"vwxyz"]
    assert body.asked == 1


async def test_a_slow_client_does_not_use_up_the_providers_time() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        await reader.readexactly(3)
        writer.write(OK)

    async def make() -> AsyncIterator[bytes]:
        for _ in range(3):
            await asyncio.sleep(0.5)
            yield b"a"

    limits = Limits(connect=None, first_token=0.3, idle=0.3, total=None)
    async with serving(serve) as base, sending() as transport:
        answer = Answer()
        await transport.send(request(base, Blocks(make, length=3), limits=limits), answer)
    assert (answer.body, answer.error) == (b"ok", None)


@pytest.mark.parametrize("limits", [Limits(None, 0.3, None, None), Limits(None, None, 0.3, None)])
async def test_a_provider_that_takes_no_more_of_the_body_is_late(limits: Limits) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async with serving(serve) as base, sending() as transport:
        answer, body = Answer(), Blocks(endless)
        await transport.send(request(base, body, limits=limits), answer)
    assert isinstance(answer.error, UpstreamTimeout)
    assert body.closed == 1
    assert body.taken < 32 * 2**20, "what the kernel holds, and no more"


async def test_a_provider_that_does_not_answer_the_whole_body_is_late() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await everything(reader)

    limits = Limits(None, 0.2, None, None)
    async with serving(serve) as base, sending() as transport:
        answer = Answer()
        await transport.send(request(base, Blocks(fixed(b"a"), length=1), limits=limits), answer)
    assert isinstance(answer.error, UpstreamTimeout)
    assert answer.error.limit == "first_token"
