"""Both transports get the same answers, good and bad, in one piece and in many."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from proxy.errors import UpstreamReset
from proxy.types.ports import Limits, Transport
from tests.unit.net.transport_answers import BODY, CHUNKED, HEAD, WHOLE, Case, Outcome, good
from tests.unit.net.transport_garbage import BEHIND, CASES, ENDLESS
from tests.unit.net.transport_servers import (
    GUARDED,
    OK,
    TRANSPORTS,
    Answer,
    open_connections,
    read_request,
    request,
    sending,
    serving,
    turns,
)

KINDS = sorted(TRANSPORTS)
BRIEF = Limits(connect=None, first_token=None, idle=None, total=0.5)
SMALL = [case for case in CASES if len(case.raw) < 2000]


@dataclass
class Player:
    """What the next request is answered with; after that every request gets `OK`."""

    pieces: Sequence[bytes] = ()
    closes: bool = False
    connections: int = 0
    begun: bool = False
    played: asyncio.Event = field(default_factory=asyncio.Event)

    def load(self, pieces: Sequence[bytes], *, closes: bool = False) -> None:
        self.pieces, self.closes, self.begun = pieces, closes, False
        self.played.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while True:
            await read_request(reader)
            if self.begun:
                writer.write(OK)
                continue
            self.begun = True
            for piece in self.pieces:
                writer.write(piece)
                await turns()
            self.played.set()
            if self.closes:
                return


@asynccontextmanager
async def playing(kind: str) -> AsyncIterator[tuple[Player, str, Transport]]:
    player = Player()
    async with serving(player.serve) as base, sending(kind) as transport:
        yield player, base, transport


async def play(
    player: Player, base: str, transport: Transport, case: Case, pieces: Sequence[bytes]
) -> Outcome:
    """What became of one answer; afterwards another call on the same transport is served."""
    player.load(pieces, closes=case.closes)
    limits = BRIEF if case.aiohttp is ENDLESS else GUARDED
    answer, behind = Answer(), Answer()
    before = player.connections
    asked = request(base, method=case.method, limits=limits, may_resend=lambda: False)
    await transport.send(asked, answer)
    assert player.connections - before <= 1
    assert answer.ended
    assert open_connections(transport) <= 1
    await player.played.wait()
    await turns(1)
    before = player.connections
    await transport.send(request(base), behind)
    assert (behind.status, behind.body, behind.error) == (200, b"ok", None), "the next call"
    error = None if answer.error is None else type(answer.error)
    return Outcome(answer.status, answer.body, error, player.connections == before)


def titled(cases: Sequence[Case]) -> list[object]:
    return [pytest.param(case, id=case.name) for case in cases]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", titled(CASES))
async def test_an_answer_in_one_piece(kind: str, case: Case) -> None:
    async with playing(kind) as (player, base, transport):
        case.check(kind, await play(player, base, transport, case, [case.raw]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", titled(SMALL))
async def test_an_answer_byte_by_byte(kind: str, case: Case) -> None:
    pieces = [case.raw[at : at + 1] for at in range(len(case.raw))]
    async with playing(kind) as (player, base, transport):
        outcome = await play(player, base, transport, case, pieces)
        if case in BEHIND:
            outcome = replace(outcome, keeps=False, error=None)
            assert outcome == case.outcome, "what comes later is no part of the answer"
        else:
            case.check(kind, outcome)


@pytest.mark.parametrize("case", titled(SMALL))
async def test_an_answer_in_two_pieces_cut_anywhere(case: Case) -> None:
    async with playing("fast") as (player, base, transport):
        for at in range(1, len(case.raw)):
            pieces = [case.raw[:at], case.raw[at:]]
            case.check("fast", await play(player, base, transport, case, pieces))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", titled(CASES))
async def test_an_answer_in_random_pieces(kind: str, case: Case) -> None:
    chance = random.Random(case.name)
    async with playing(kind) as (player, base, transport):
        for _ in range(5):
            cuts = sorted({0, *(chance.randrange(len(case.raw) + 1) for _ in range(6))})
            ends = [*cuts[1:], len(case.raw)]
            pieces = [case.raw[start:end] for start, end in zip(cuts, ends, strict=True)]
            outcome = await play(player, base, transport, case, pieces)
            if case not in BEHIND:
                case.check(kind, outcome)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", titled(WHOLE))
async def test_an_answer_that_is_cut_anywhere_is_never_taken_for_a_whole_one(
    kind: str, case: Case
) -> None:
    body_at = case.raw.index(b"\r\n\r\n") + 4
    step = 1 if kind == "fast" else 5
    async with playing(kind) as (player, base, transport):
        for at in range(0, len(case.raw), step):
            shown = await play(player, base, transport, replace(case, closes=True), [case.raw[:at]])
            if case.closes and at >= body_at:
                assert shown == Outcome(200, case.raw[body_at:at])
            else:
                assert shown.error is UpstreamReset
                assert case.outcome.body.startswith(shown.body)
                assert not shown.keeps


@pytest.mark.parametrize("kind", KINDS)
async def test_headers_come_as_they_were_sent(kind: str) -> None:
    sent = [
        (b"X-Case", b"One"),
        (b"x-case", b"two"),
        (b"Set-Cookie", b"a=b"),
        (b"Set-Cookie", b"c=d"),
        (b"X-Empty", b""),
        (b"X-Spaced", b"a  b\tc"),
        (b"X-Colons", b"a: b: c"),
        (b"X-Utf8", "ä€😀".encode()),
        (b"X-Latin", b"\xe4"),
        (b"X-Last", b""),
    ]
    lines = b"".join(b"%b: \t%b \r\n" % pair for pair in sent)
    case = Case("", HEAD + lines + BODY, good())
    async with playing(kind) as (player, base, transport):
        for pieces in ([case.raw], [case.raw[at : at + 1] for at in range(len(case.raw))]):
            answer = Answer()
            player.load(pieces)
            await transport.send(request(base), answer)
            told = [(name.encode(), value.encode("utf-8", "surrogateescape"))
                    for name, value in answer.headers]  # fmt: skip
            assert told == [*sent, (b"Content-Length", b"2")]


async def test_trailers_are_not_taken_for_headers_of_the_next_answer() -> None:
    trailed = Case("", CHUNKED + b"2\r\nok\r\n0\r\nX-Evil: 1\r\n\r\n", good())
    async with playing("fast") as (player, base, transport):
        for pieces in ([trailed.raw], [trailed.raw[:-2], trailed.raw[-2:]]):
            player.load(pieces)
            first, second = Answer(), Answer()
            await transport.send(request(base), first)
            await transport.send(request(base), second)
            assert player.connections == 1
            assert list(first.headers) == [("Transfer-Encoding", "chunked")]
            assert list(second.headers) == [("Content-Length", "2")]


@pytest.mark.parametrize("kind", KINDS)
async def test_bytes_that_come_while_nobody_asks_cost_the_connection(kind: str) -> None:
    connections = 0
    spoken = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await read_request(reader)
        writer.write(OK)
        if connections == 1:
            await turns(10)
            writer.write(HEAD + b"Content-Length: 4\r\n\r\nevil")
            await turns(10)
            spoken.set()
        await reader.read()

    async with serving(serve) as base, sending(kind) as transport:
        first, second = Answer(), Answer()
        await transport.send(request(base), first)
        await spoken.wait()
        await transport.send(request(base), second)
    assert (first.body, second.body) == (b"ok", b"ok")
    assert connections == 2
