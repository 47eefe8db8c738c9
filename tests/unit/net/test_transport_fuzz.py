"""Answers with random damage, fed to a connection in random pieces, with a sink that pauses at
random: each call ends, by what the port promises, and however the bytes were cut."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field

import pytest

from proxy.errors import UpstreamError, UpstreamGarbage, UpstreamReset
from proxy.net.fast_transport.connection import Connection, Failure, Waiter
from proxy.net.fast_transport.head import Origin
from proxy.net.watchdog import Watchdog
from proxy.types.ports import Limits, Passage
from tests.unit.net.transport_garbage import CASES
from tests.unit.net.transport_servers import Answer

ROUNDS = 300
SEEDS = range(8)
TOKENS = (
    *(bytes([each]) for each in b"\r\n\0 \t:;09f-\xff"),
    b"\r\n",
    b"\r\n\r\n",
    b"0\r\n\r\n",
    b"2\r\nok\r\n",
    b"Content-Length: 2\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"Keep-Alive: timeout=5\r\n",
    b"Upgrade: x\r\nConnection: upgrade\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 101 X\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n",
    b"x" * 70_000,
)
HINT = b"DONE"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Wire(asyncio.Transport):
    """A transport without a network."""

    def __init__(self) -> None:
        super().__init__()
        self.reading, self.closed = True, False

    def write(self, data: bytes | bytearray | memoryview) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def abort(self) -> None:
        self.closed = True


@dataclass
class Home:
    """A pool."""

    kept: list[Connection] = field(default_factory=list)

    def put(self, connection: Connection, now: float) -> None:
        self.kept.append(connection)

    def discard(self, connection: Connection) -> None: ...


class Moody(Answer):
    """A sink that wants some blocks awaited."""

    def __init__(self, chance: random.Random | None) -> None:
        super().__init__()
        self.chance = chance

    def on_block(self, block: bytes) -> Awaitable[None] | None:
        super().on_block(block)
        if self.chance is None or self.chance.random() < 0.7:
            return None
        return asyncio.sleep(0)


class Passing(Moody):
    """A sink that lets much of a stream go past it."""

    def __init__(self, chance: random.Random | None) -> None:
        super().__init__(chance)
        self.passage: Passage | None = None
        self.passed = 0

    def on_block(self, block: bytes) -> Awaitable[None] | None:
        room = 200 if self.chance is None else self.chance.randrange(400)
        self.passage = Passage(HINT, room, lambda now: None, self.keep, self.write)
        return super().on_block(block)

    def keep(self, block: bytes) -> None:
        assert block.endswith(b"\n")
        assert HINT not in block
        self.passed += 1

    def write(self, block: bytes, chunk: bytes) -> Awaitable[None] | None:
        size, line, rest = chunk.partition(b"\r\n")
        assert int(size, 16) == len(block) > 0
        assert line + rest == b"\r\n" + block + b"\r\n"
        return super().on_block(block)


async def outcome(
    raw: bytes,
    cuts: Sequence[int],
    closes: bool,
    chance: random.Random | None,
    answer: Moody | None = None,
) -> tuple[int, bytes, type[BaseException] | None, bool]:
    """Status, body, error and whether the connection is kept."""
    loop, home, wire = asyncio.get_running_loop(), Home(), Wire()
    connection = Connection(loop, home, Origin(False, "h", 80), lambda size: None, {})
    connection.connection_made(wire)
    flight = Watchdog().watch(Limits(None, None, None, None))
    answer = answer or Moody(chance)
    waiter = connection.ask(b"", b"", answer, flight, bare=False)
    for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        if wire.closed:
            break
        if not wire.reading:
            waiter = await settle(connection, waiter)
        if end > start and not wire.closed:
            connection.data_received(raw[start:end])
    waiter = await settle(connection, waiter)
    kept = bool(home.kept)
    if not waiter.done():
        if closes or chance is not None:
            connection.eof_received()
        connection.connection_lost(None if closes else ConnectionResetError())
        waiter = await settle(connection, waiter)
    assert waiter.done()
    told = waiter.result()
    assert told is None or isinstance(told, Failure)
    return answer.status, answer.body, None if told is None else type(told.error), kept


async def settle(connection: Connection, waiter: Waiter) -> Waiter:
    """Await what the sink wants awaited, as a sender does."""
    while waiter.done():
        told = waiter.result()
        if told is None or isinstance(told, Failure):
            break
        await told
        waiter = connection.resume()
    return waiter


def damaged(raw: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(raw) + 1)
        match chance.randrange(5):
            case 0:
                raw = raw[:at] + raw[at + 1 :]
            case 1:
                raw = raw[:at] + bytes([chance.randrange(256)]) + raw[at + 1 :]
            case 2:
                raw = raw[:at] + chance.choice(TOKENS) + raw[at:]
            case 3:
                raw = raw[:at]
            case _:
                raw = raw[:at] + raw[chance.randrange(len(raw) + 1) :]
    return raw


@pytest.mark.parametrize("seed", SEEDS)
async def test_no_damage_hangs_or_surprises_and_no_cut_changes_the_outcome(seed: int) -> None:
    chance = random.Random(seed)
    texts = [case.raw for case in CASES if len(case.raw) < 2000]
    for _ in range(ROUNDS):
        raw, closes = damaged(chance.choice(texts), chance), chance.random() < 0.5
        whole = await outcome(raw, [], True, None)
        assert whole[2] is None or issubclass(whole[2], UpstreamError)
        cuts = sorted(chance.randrange(len(raw) + 1) for _ in range(chance.randrange(8)))
        cut = await outcome(raw, cuts, closes, chance)
        assert cut[2] in (None, UpstreamGarbage, UpstreamReset)
        if closes and len(raw) < 60_000:
            assert cut[:3] == whole[:3], (raw, cuts)


def a_stream(chance: random.Random) -> tuple[bytes, bytes, list[int]]:
    """A chunked answer, its body, and where its chunks begin; many a block looks like a chunk."""
    raw, body, ends = CHUNKED, b"", list[int]()
    for _ in range(chance.randrange(1, 30)):
        ends.append(len(raw))
        line = b"data: %d\n" % chance.randrange(10**9)
        like_chunks = (b"%x\r\n%b\r\n" % (len(line), line), b"0\r\n\r\n", b"5\r\n", b"\n\r\n")
        others = (b"\r\n", HINT + b"\n", b"no end", b"x" * 5000 + b"\n")
        block = chance.choice((line, line * 9, line + b"\n", *like_chunks, *others))
        size = chance.choice([b"%x", b"%x", b"%x", b"%X", b"0%x", b"%x;a=b", b"%x;a"]) % len(block)
        raw += size + b"\r\n" + block + b"\r\n"
        body += block
    return raw + b"0\r\n\r\n", body, ends


@pytest.mark.parametrize("seed", SEEDS)
async def test_what_goes_past_a_sink_is_what_it_would_have_been_told(seed: int) -> None:
    chance, passed = random.Random(seed), 0
    for _ in range(ROUNDS):
        raw, body, ends = a_stream(chance)
        cuts = ends if chance.random() < 0.6 else chance.sample(range(len(raw)), min(9, len(raw)))
        mood = chance if chance.random() < 0.5 else None
        answer = Passing(mood)
        whole = await outcome(raw, sorted(cuts), False, mood, answer)
        assert whole == (200, body, None, True), (raw, cuts)
        passed += answer.passed
        spoilt = CHUNKED + damaged(raw.removeprefix(CHUNKED), chance)
        cuts = sorted({*(end for end in ends if end < len(spoilt)), chance.randrange(len(spoilt))})
        told = await outcome(spoilt, cuts, True, None)
        assert await outcome(spoilt, cuts, True, None, Passing(None)) == told, (spoilt, cuts)
    assert passed > ROUNDS


async def test_half_a_size_in_the_read_before_makes_no_chunk_of_the_next() -> None:
    first, block = b"data: 1\n", b"data: 123\n\r\ndata: 1234567\n"
    assert len(block) == 0x1A
    raw = CHUNKED + b"8\r\n" + first + b"\r\n1a\r\n" + block + b"\r\n0\r\n\r\n"
    cut = raw.index(b"a\r\n")
    cuts = [len(CHUNKED), cut, raw.index(b"\n\r\n", cut) + 3]
    assert raw[cut : cuts[2]] == b"a\r\ndata: 123\n\r\n", "what follows looks like a chunk"
    told = await outcome(raw, cuts, False, None, Passing(None))
    assert told == (200, first + block, None, True)
