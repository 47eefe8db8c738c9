"""Calls on both transports: their ends, good and bad, and what is left of their connections."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import Awaitable

import pytest
import uvloop

from proxy.errors import UpstreamError, UpstreamGarbage, UpstreamReset
from proxy.types.ports import Headers
from tests.unit.net.transport_servers import (
    OK,
    TRANSPORTS,
    Answer,
    Slow,
    left,
    open_connections,
    read_request,
    request,
    sending,
    serving,
    turns,
)

KINDS = sorted(TRANSPORTS)
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LARGE = pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")
"""aiohttp says so of each; it is split there before it is written."""
pytestmark = pytest.mark.parametrize("kind", KINDS)


async def serve_ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await read_request(reader)
        writer.write(OK)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        body = (await read_request(reader)).partition(b"\r\n\r\n")[2]
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()


class Failing(Answer):
    """A sink that raises at one place."""

    def __init__(self, place: str, error: BaseException) -> None:
        super().__init__()
        self.place, self.failure = place, error

    def on_head(self, status: int, headers: Headers) -> None:
        super().on_head(status, headers)
        self._fail("head")

    def on_block(self, block: bytes) -> Awaitable[None] | None:
        super().on_block(block)
        self._fail("block")
        return self._wait() if self.place == "wait" else None

    def on_end(self, error: UpstreamError | None) -> None:
        super().on_end(error)
        self._fail("end")

    async def _wait(self) -> None:
        await asyncio.sleep(0)
        raise self.failure

    def _fail(self, place: str) -> None:
        if place == self.place:
            raise self.failure


class Endless:
    """A server whose stream goes on until its reader hangs up."""

    def __init__(self) -> None:
        self.begun, self.left = asyncio.Event(), asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(STREAM + b"2\r\nok\r\n")
        self.begun.set()
        await left(reader)
        self.left.set()


@pytest.mark.parametrize("place", ["head", "block", "wait"])
async def test_an_upstream_error_of_the_sink_ends_the_call(kind: str, place: str) -> None:
    server, error = Endless(), UpstreamGarbage("enough")
    async with serving(server.serve) as base, sending(kind) as transport:
        answer = Failing(place, error)
        await transport.send(request(base), answer)
        assert answer.error is error
        await server.left.wait()
        assert open_connections(transport) == 0


@pytest.mark.parametrize("place", ["head", "block", "wait"])
@pytest.mark.parametrize("error", [ValueError("mine"), asyncio.CancelledError()])
async def test_any_other_error_of_the_sink_goes_to_the_caller(
    kind: str, place: str, error: BaseException
) -> None:
    server = Endless()
    async with serving(server.serve) as base, sending(kind) as transport:
        answer = Failing(place, error)
        with pytest.raises(type(error)):
            await transport.send(request(base), answer)
        assert not answer.ended
        await server.left.wait()
        assert open_connections(transport) == 0


async def test_an_error_at_the_end_leaves_the_connection_alone(kind: str) -> None:
    async with serving(serve_ok) as base, sending(kind) as transport:
        with pytest.raises(ValueError, match="mine"):
            await transport.send(request(base), Failing("end", ValueError("mine")))
        assert open_connections(transport) == 1
        answer = Answer()
        await transport.send(request(base), answer)
        assert answer.body == b"ok"


@pytest.mark.parametrize("moment", ["head", "body", "pause"])
async def test_a_caller_that_leaves_closes_the_connection(kind: str, moment: str) -> None:
    asked, gone = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        if moment != "head":
            writer.write(STREAM + b"2\r\nok\r\n")
        asked.set()
        await left(reader)
        gone.set()

    async with serving(serve) as base, sending(kind) as transport:
        answer = Slow(asyncio.Event()) if moment == "pause" else Answer()
        call = asyncio.create_task(transport.send(request(base), answer))
        await asked.wait()
        await turns(10)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await gone.wait()
        assert open_connections(transport) == 0
        assert not answer.ended


async def test_a_caller_that_leaves_while_connecting_leaves_nothing(kind: str) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(silent) as base, sending(kind) as transport:
        secure = base.replace("http:", "https:")  # waits for a handshake
        call = asyncio.create_task(transport.send(request(secure), Answer()))
        await turns(20)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert open_connections(transport) == 0


@pytest.mark.parametrize("loop", sorted(LOOPS))
def test_callers_that_leave_at_any_moment_leak_nothing_and_mix_up_nothing(
    kind: str, loop: str
) -> None:
    chance = random.Random(7)
    served = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        served += 1
        try:
            while True:
                body = (await read_request(reader)).partition(b"\r\n\r\n")[2]
                writer.write(STREAM)
                for at in range(0, len(body), 3):
                    piece = body[at : at + 3]
                    writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                    await turns(chance.randrange(3))
                writer.write(b"0\r\n\r\n")
        finally:
            served -= 1

    async def run() -> None:
        async with serving(serve) as base, sending(kind) as transport:

            async def call(number: int) -> None:
                body = b"%09d" % number
                answer = Slow(asyncio.Event()) if chance.random() < 0.2 else Answer()
                if isinstance(answer, Slow):
                    asyncio.get_running_loop().call_soon(answer.room.set)
                task = asyncio.create_task(transport.send(request(base, body), answer))
                if chance.random() < 0.5:
                    await turns(chance.randrange(25))
                    task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                assert body.startswith(answer.body)
                if not task.cancelled():
                    assert (answer.body, answer.error) == (body, None)

            for _ in range(20):
                await asyncio.gather(*(call(number) for number in range(10)))
            await turns(10)
            assert open_connections(transport) <= 10
            async with asyncio.timeout(10):
                while served != open_connections(transport):
                    await asyncio.sleep(0.01)

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(run())


async def test_many_calls_at_once_each_get_their_own_answer(kind: str) -> None:
    async with serving(echo, backlog=1024) as base, sending(kind) as transport:
        for _ in range(2):
            answers = [Answer() for _ in range(300)]
            await asyncio.gather(
                *(
                    transport.send(request(base, b"%d" % number), answer)
                    for number, answer in enumerate(answers)
                )
            )
            assert [answer.body for answer in answers] == [b"%d" % n for n in range(300)]
        assert open_connections(transport) == 300


@LARGE
@pytest.mark.parametrize("loop", sorted(LOOPS))
def test_a_large_body_goes_out_and_comes_back_whole(kind: str, loop: str) -> None:
    body = random.Random(1).randbytes(6_000_000)
    sizes: list[int] = []

    async def run() -> None:
        async with serving(echo, limit=2**24) as base, sending(kind, sizes.append) as transport:
            for _ in range(2):
                answer = Answer()
                await transport.send(request(base, body), answer)
                assert answer.body == body
            assert open_connections(transport) == 1

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(run())
    assert sum(sizes) == 2 * len(body)


@pytest.mark.parametrize("loop", sorted(LOOPS))
def test_a_slow_sink_pauses_the_server_and_loses_nothing(kind: str, loop: str) -> None:
    sent = 0
    piece = random.Random(2).randbytes(65536)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_request(reader)
        writer.write(STREAM)
        for _ in range(256):
            writer.write(b"10000\r\n" + piece + b"\r\n")
            await writer.drain()
            sent += len(piece)
        writer.write(b"0\r\n\r\n")
        await reader.read()

    async def run() -> None:
        async with serving(serve) as base, sending(kind) as transport:
            answer = Slow(asyncio.Event())
            call = asyncio.create_task(transport.send(request(base), answer))
            await answer.taken.wait()
            before = -1
            while sent != before:
                before = sent
                await asyncio.sleep(0.1)
            assert len(answer.blocks) == 1
            assert len(answer.body) <= 2**18
            assert sent < 8 * 2**20, "what the kernel's buffers hold"
            answer.room.set()
            await call
            assert answer.error is None
            assert answer.body == piece * 256
            assert open_connections(transport) == 1

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(run())


@pytest.mark.parametrize(
    ("rest", "error"), [(b"0\r\n\r\n", None), (b"0\r\n", UpstreamReset), (b"x", UpstreamGarbage)]
)
async def test_what_comes_during_a_pause_is_told_after_it(
    kind: str, rest: bytes, error: type[UpstreamError] | None
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(STREAM + b"1\r\na\r\n")
        await answer.taken.wait()
        writer.write(b"1\r\nb\r\n" + rest)
        await turns(5)
        writer.close()

    answer = Slow(asyncio.Event())
    async with serving(serve) as base, sending(kind) as transport:
        call = asyncio.create_task(transport.send(request(base), answer))
        await answer.taken.wait()
        await asyncio.sleep(0.05)
        assert answer.body == b"a"
        assert not answer.ended
        answer.room.set()
        await call
    assert answer.error is None if error is None else isinstance(answer.error, error)
    assert answer.body == b"ab" or (kind == "aiohttp" and error is not None)


async def test_the_last_block_is_awaited_before_the_end(kind: str) -> None:
    answer = Slow(asyncio.Event())
    async with serving(serve_ok) as base, sending(kind) as transport:
        call = asyncio.create_task(transport.send(request(base), answer))
        await answer.taken.wait()
        await asyncio.sleep(0.05)
        assert not answer.ended
        answer.room.set()
        await call
        assert answer.ended
        again = Answer()
        await transport.send(request(base), again)
        assert again.body == b"ok"
        assert open_connections(transport) == 1


@LARGE
async def test_an_answer_before_the_request_is_sent_whole_is_good_and_the_connection_is_not(
    kind: str,
) -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await asyncio.sleep(60)

    async with serving(serve) as base, sending(kind) as transport:
        for _ in range(2):
            answer = Answer()
            await transport.send(request(base, bytes(50_000_000)), answer)
            assert (answer.body, answer.error) == (b"ok", None)
            assert open_connections(transport) == 0
    assert connections == 2


async def test_calls_under_way_end_when_the_transport_is_closed(kind: str) -> None:
    server = Endless()
    async with serving(server.serve) as base, sending(kind) as transport:
        answer = Answer()
        call = asyncio.create_task(transport.send(request(base), answer))
        await server.begun.wait()
        await turns(5)
        await transport.close()
        await call
        assert isinstance(answer.error, UpstreamReset)
        await server.left.wait()


async def test_a_body_without_a_length_that_is_reset_is_not_whole(kind: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nok")
        await turns(5)
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    async with serving(serve) as base, sending(kind) as transport:
        answer = Answer()
        await transport.send(request(base), answer)
    assert answer.body == b"ok"
    assert kind == "aiohttp" or isinstance(answer.error, UpstreamReset)


async def test_what_came_in_one_read_is_one_block(kind: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(STREAM + b"1\r\na\r\n1\r\nb\r\n")
        await turns(5)
        writer.write(b"1\r\nc\r\n")
        await turns(5)
        writer.write(b"1\r\nd\r\n1\r\ne\r\n0\r\n\r\n")
        await reader.read()

    async with serving(serve) as base, sending(kind) as transport:
        answer = Answer()
        await transport.send(request(base), answer)
    assert answer.blocks == [b"ab", b"c", b"de"]


@pytest.mark.parametrize("loop", sorted(LOOPS))
def test_nothing_is_left_open_by_a_connection_that_cannot_be_made(kind: str, loop: str) -> None:
    async def run() -> None:
        async with serving(serve_ok) as base:
            pass  # nobody listens there any more
        async with sending(kind) as transport:
            answer = Answer()
            await transport.send(request(base), answer)
            assert answer.error is not None
            assert answer.error.kind == "connect"
            assert base.rpartition(":")[2] not in str(answer.error), "addresses may be private"
            assert open_connections(transport) == 0

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(run())


@pytest.mark.parametrize("ends", ["whole", "cut", "garbled", "left", "refused by the sink"])
async def test_all_that_was_told_of_a_body_is_counted_however_it_ends(kind: str, ends: str) -> None:
    told: list[int] = []
    refused = 30

    class Counting(Answer):
        def on_block(self, block: bytes) -> Awaitable[None] | None:
            super().on_block(block)
            if ends == "refused by the sink" and len(self.blocks) == refused:
                raise UpstreamGarbage("enough")
            return None

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(STREAM)
        for number in range(40):
            writer.write(b"%x\r\n%b\r\n" % (number + 1, b"x" * (number + 1)))
            await turns()
        if ends == "left":
            call.cancel()
        elif ends != "cut":
            writer.write(b"0\r\n\r\n" if ends == "whole" else b"!")
            await reader.read()

    answer = Counting()
    async with serving(serve) as base, sending(kind, told.append) as transport:
        call = asyncio.create_task(transport.send(request(base), answer))
        await asyncio.wait([call])
    assert sum(told) == len(answer.body)
    if ends == "refused by the sink":
        assert len(answer.blocks) == refused
    elif kind == "fast" or ends == "whole":
        assert len(answer.body) == sum(range(41))


async def test_a_long_stream_is_counted_while_it_runs(kind: str) -> None:
    told: list[int] = []
    block = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(STREAM)
        while True:
            writer.write(block)
            await writer.drain()
            await turns()

    answer = Answer()
    async with serving(serve) as base, sending(kind, told.append) as transport:
        call = asyncio.create_task(transport.send(request(base), answer))
        while len(answer.body) < 2**20:
            await asyncio.sleep(0.001)
        assert len(answer.body) - sum(told) < 2**18
        call.cancel()
        await asyncio.wait([call])
    assert sum(told) == len(answer.body)


async def test_framing_between_blocks_is_no_block_and_on_the_fast_one_has_a_bound(
    kind: str,
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(STREAM)
        for _ in range(4):
            for piece in (b"1", b"\r\n", b"a", b"\r\n", b"2\r\nbc\r\n"):
                writer.write(piece)
                await turns()
        if kind == "fast":
            writer.write(b"1;" + b"e" * 70_000)
            await reader.read()

    answer = Answer()
    async with serving(serve) as base, sending(kind) as transport:
        await transport.send(request(base), answer)
    assert answer.blocks == [b"a", b"bc"] * 4
    assert isinstance(answer.error, UpstreamGarbage if kind == "fast" else UpstreamReset)


async def test_a_stream_is_paused_in_its_middle(kind: str) -> None:
    class Tired(Answer):
        """Wants every fifth block awaited."""

        def on_block(self, block: bytes) -> Awaitable[None] | None:
            super().on_block(block)
            return asyncio.sleep(0.001) if len(self.blocks) % 5 == 0 else None

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(STREAM)
        for number in range(100):
            writer.write(b"2\r\n%02d\r\n" % number)
            await turns(1)
        writer.write(b"0\r\n\r\n")
        await reader.read()

    answer, told = Tired(), []  # type: ignore[var-annotated]
    async with serving(serve) as base, sending(kind, told.append) as transport:
        await transport.send(request(base), answer)
        assert open_connections(transport) == 1
    assert answer.error is None
    assert answer.body == b"".join(b"%02d" % number for number in range(100))
    assert sum(told) == 200
