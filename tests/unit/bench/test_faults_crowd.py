"""The crowd of the fault suite: what came to its end is in its books, what did not has failed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest

from bench.faults.calls import STREAM, WHOLE
from bench.faults.connection import Connection
from bench.faults.crowd import Crowd
from bench.faults.ledger import Interval, Ledger, percentile

HEAD = "HTTP/1.1 {status} X\r\nx-tensorzero-inference-id: {identity}\r\n"
Answer = Callable[[asyncio.StreamWriter, bool, UUID], Awaitable[None]]


@asynccontextmanager
async def server(answer: Answer) -> AsyncIterator[int]:
    """Reads requests and has them answered; its port."""
    given: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        given.add(writer)
        while not writer.is_closing():
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                body = await reader.readexactly(length)
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            await answer(writer, b'"stream":true' in body, uuid4())
        writer.transport.abort()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield listening.sockets[0].getsockname()[1]
    listening.close()
    for writer in given:
        writer.transport.abort()
    await asyncio.sleep(0)


def whole(status: int, identity: UUID, body: bytes) -> bytes:
    head = HEAD.format(status=status, identity=identity)
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def stream(identity: UUID, body: bytes) -> bytes:
    head = HEAD.format(status=200, identity=identity) + "transfer-encoding: chunked\r\n\r\n"
    return head.encode() + b"%x\r\n%b\r\n" % (len(body), body)


async def play(answer: Answer, calls: int = 20) -> Ledger:
    async with server(answer) as port:
        crowd = Crowd(port, "m")
        crowd.start(1)
        for _ in range(calls):
            crowd.ask(0.0)
        while len(crowd.ledger.times) + len(crowd.ledger.failures) < calls / 2:
            await asyncio.sleep(0.01)
        await crowd.stop()
        return crowd.ledger


async def test_right_answers_are_served_whole_and_streamed() -> None:
    told: list[UUID] = []

    async def right(writer: asyncio.StreamWriter, streams: bool, identity: UUID) -> None:
        told.append(identity)
        if streams:
            writer.write(stream(identity, STREAM.answer_body()) + b"0\r\n\r\n")
        else:
            writer.write(whole(200, identity, WHOLE.answer_body()))

    ledger = await play(right)
    assert sorted(ledger.served) == sorted(ledger.answered) == sorted(told)
    assert ledger.failures == [] and ledger.calls() == len(told)


@pytest.mark.parametrize(
    ("kind", "promises"), [("HTTP 503", True), ("wrong body", True), ("cut off", False)]
)
async def test_an_error_with_an_id_promises_a_record_a_cut_answer_does_not(
    kind: str, promises: bool
) -> None:
    async def wrong(writer: asyncio.StreamWriter, streams: bool, identity: UUID) -> None:
        if kind == "cut off":
            writer.write(stream(identity, b"data: {}\n\n"))
            await writer.drain()
            writer.transport.abort()
        else:
            writer.write(whole(503 if kind == "HTTP 503" else 200, identity, b"{}"))

    ledger = await play(wrong)
    expected = {kind, "wrong stream"} if kind == "wrong body" else {kind}
    assert set(ledger.kinds()) <= expected and kind in ledger.kinds()
    assert ledger.served == []
    assert len(ledger.answered) == (len(ledger.failures) if promises else 0)


async def test_nobody_listening_is_a_failure_of_each_call() -> None:
    async with server(lambda *_: asyncio.sleep(0)) as port:
        pass
    crowd = Crowd(port, "m")
    crowd.start(1)
    for _ in range(5):
        crowd.ask(0.0)
    await asyncio.sleep(0.05)
    await crowd.stop()
    assert set(crowd.ledger.kinds()) == {"no connection"} and crowd.ledger.calls() >= 5


async def test_a_connection_that_is_lost_before_the_call_is_sent_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Lost(Connection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            self.close()

    monkeypatch.setattr("bench.faults.crowd.Connection", Lost)
    async with asyncio.timeout(30):
        ledger = await play(lambda *_: asyncio.sleep(0))
    assert set(ledger.kinds()) == {"cut off"}
    assert len(ledger.failures) == ledger.calls() >= 20


def test_calls_are_counted_by_when_they_were_due() -> None:
    ledger = Ledger(sent=[1.0, 2.0, 3.5], times=[(1.0, 0.1), (2.0, 0.3)])
    assert ledger.calls(Interval(2.0, 3.5)) == 1
    assert ledger.p99_ms(Interval(0.0, 1.5)) == 100.0
    assert ledger.p99_ms(Interval(5.0, 6.0)) is None
    assert percentile([], 99) is None
