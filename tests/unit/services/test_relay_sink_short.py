"""Blocks that go the short way leave the same behind as those that go the complete one."""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Awaitable, Sequence

import pytest

from proxy.services.endpoints import CHAT_COMPLETIONS, RESPONSES, Endpoint
from proxy.services.recording_tap import RecordingTap
from proxy.services.relay_sink import BATCH_BYTES, BATCH_TIMES, RelaySink
from tests.fake_openai import response_events
from tests.fake_upstream import events

SSE = (("Content-Type", "text/event-stream"),)


class Taker:
    """A client that keeps each write by itself, and asks for a rest when it is told to."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.pause: Awaitable[None] | None = None

    def start(self, *given: object, **named: object) -> None: ...

    def write(self, block: bytes) -> Awaitable[None] | None:
        self.writes.append(block)
        return self.pause

    def write_chunk(self, block: bytes, chunk: bytes) -> Awaitable[None] | None:
        return self.write(block)

    def finish(self, held: bytes) -> None: ...

    def abort(self) -> None: ...


class Relayed:
    """A sink with a clock that goes on by one at each look, and what it tells."""

    def __init__(self, limit: int = 2**20, endpoint: Endpoint = CHAT_COMPLETIONS) -> None:
        self.taker = Taker()
        self.told: list[list[float]] = []
        self.clock = itertools.count()
        self.sink = RelaySink(
            self.taker,
            endpoint=endpoint,
            stream=True,
            peek_limit=2**18,
            tap=RecordingTap(limit),
            now=lambda: float(next(self.clock)),
            on_start=lambda sink, length: None,
            on_gaps=lambda times: self.told.append(list(times)),
        )
        self.sink.on_head(200, SSE)

    def feed(self, blocks: Sequence[bytes]) -> None:
        for block in blocks:
            self.sink.on_block(block)

    def gaps(self) -> list[float]:
        steps: list[float] = []
        for times in self.told:
            steps += [later - earlier for earlier, later in itertools.pairwise(times)]
        return steps


def expected_tap(blocks: Sequence[bytes], limit: int) -> RecordingTap:
    tap = RecordingTap(limit)
    for block in blocks:
        tap.add(block)
    return tap


def many(count: int = 200) -> list[bytes]:
    return events([f"word {number}" for number in range(count)])


@pytest.mark.parametrize("seed", range(20))
def test_the_record_is_the_same_however_the_blocks_are_cut_and_the_limit_falls(seed: int) -> None:
    chance = random.Random(seed)
    body = b"".join(many(chance.randrange(2, 200)))
    limit = chance.choice([0, 1, len(body) // 3, len(body) - 1, len(body), len(body) + 1, 2**20])
    ends = [at + 2 for at in range(len(body)) if body.startswith(b"\n\n", at)]
    cuts = ends if seed % 2 else sorted({*ends, *chance.sample(range(1, len(body)), 5)})
    blocks = [body[start:end] for start, end in itertools.pairwise([0, *cuts])]
    relayed = Relayed(limit)
    relayed.feed(blocks)
    relayed.sink.on_end(None)
    relayed.sink.settle()
    tap, wanted = relayed.sink.tap, expected_tap(blocks, limit)
    assert tap.total == wanted.total == len(body)
    assert b"".join(tap.blocks) == b"".join(wanted.blocks) == body[:limit]
    assert (
        tap.sha256()
        == wanted.sha256()
        == (hashlib.sha256(body).digest() if len(body) > limit else b"")
    )
    assert b"".join(relayed.taker.writes) + relayed.sink.body() == body


def test_every_limit_inside_a_batch_is_kept_to_the_byte() -> None:
    blocks = many(20)
    body = b"".join(blocks)
    for limit in range(len(body) - 500, len(body) + 2):
        relayed = Relayed(limit)
        relayed.feed(blocks)
        relayed.sink.settle()
        assert b"".join(relayed.sink.tap.blocks) == body[:limit]
        assert relayed.sink.tap.total == len(body)
        assert relayed.sink.tap.sha256() == expected_tap(blocks, limit).sha256()


def test_blocks_larger_than_a_batch_are_recorded_and_counted() -> None:
    large = b"data: " + b"x" * 3 * BATCH_BYTES + b"\n\n"
    blocks = [*many(3)[:2], large, large, *many(2)[:1]]
    relayed = Relayed(len(large) * 2)
    relayed.feed(blocks)
    relayed.sink.settle()
    body = b"".join(blocks)
    assert b"".join(relayed.sink.tap.blocks) == body[: len(large) * 2]
    assert relayed.sink.tap.total == len(body)


@pytest.mark.parametrize("endpoint", [CHAT_COMPLETIONS, RESPONSES], ids=lambda one: one.wire)
def test_each_gap_is_told_once_and_soon(endpoint: Endpoint) -> None:
    blocks = many(300)
    if endpoint is RESPONSES:
        (_, first), (_, delta), _ = response_events()
        blocks = [first, *[delta] * 300]
    relayed = Relayed(endpoint=endpoint)
    for number, block in enumerate(blocks):
        relayed.sink.on_block(block)
        assert number - len(relayed.gaps()) <= BATCH_TIMES + 1, "a scrape sees them soon"
    relayed.sink.settle()
    relayed.sink.settle()
    # One look at the clock when the sink is made, one at the first block.
    assert relayed.gaps() == [1.0] * (len(blocks) - 1)
    assert relayed.sink.last_at == relayed.sink.first_at + len(blocks) - 1  # type: ignore[operator]


def test_a_stream_that_is_cut_has_told_and_recorded_all_that_came() -> None:
    blocks = many(10)[:7]
    relayed = Relayed()
    relayed.feed(blocks)
    relayed.sink.settle()
    assert len(relayed.gaps()) == 6
    assert relayed.sink.tap.total == len(b"".join(blocks))
    assert relayed.taker.writes == blocks


def test_each_block_is_one_write_and_its_pause_is_handed_on() -> None:
    relayed = Relayed()
    blocks = many(6)
    relayed.feed(blocks[:2])

    async def rest() -> None: ...

    relayed.taker.pause = pause = rest()
    assert relayed.sink.on_block(blocks[2] + blocks[3]) is pause
    pause.close()
    assert relayed.taker.writes == [blocks[0], blocks[1], blocks[2] + blocks[3]]


@pytest.mark.parametrize(
    "odd",
    [
        b'data: {"choices":[],"x":"[DONE]"}\n\n',
        b'data: {"choices":[]}\n\ndata: {"cho',
        b'data: {"choices":[]}\r\n\r',
        b": nothing",
        b"\n",
        b"",
    ],
)
def test_an_odd_block_is_passed_on_and_the_end_behind_it_is_held(odd: bytes) -> None:
    blocks = [*many(5)[:4], odd]
    end = b'ices":[]}\n\n' if odd.endswith(b'"cho') else b"\n\n"
    blocks += [end, *many(3)[:2]]
    body = b"".join(blocks)
    last = b"data: [DONE]\n\n"
    for cut in range(1, len(last)):
        relayed = Relayed()
        relayed.feed([*blocks, last[:cut], last[cut:]])
        relayed.sink.on_end(None)
        relayed.sink.settle()
        assert relayed.sink.finished
        assert relayed.sink.tap.total == len(body + last)
        assert b"\n" + last.strip() not in b"".join(relayed.taker.writes)
        assert b"".join(relayed.taker.writes) + relayed.sink.body() == body + last
