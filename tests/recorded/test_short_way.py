"""Recorded streams are sent and kept alike by the short way for texts and by the complete one."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.fake_upstream import split
from tests.neutral_streams import envelope, native, play
from tests.recorded.exchanges import PROVE, SEED, named
from tests.recorded.judges import load_judge
from tests.recorded.judges.base import Row, response_body
from tests.recorded.streams import NOWHERE, stream_rows

EACH = 100_000 if PROVE else 10


def cuttings(row: Row, body: bytes) -> Iterator[list[bytes]]:
    """An event a block; several a block; cut at random."""
    source = random.Random(f"{SEED} {row['id']}")
    ends = [at + 2 for at in range(len(body) - 1) if body[at : at + 2] == b"\n\n"]
    yield split(body, ends)
    yield split(body, source.sample(ends, len(ends) // 3))
    yield split(body, [source.randrange(1, max(2, len(body))) for _ in range(5)])


@pytest.mark.parametrize("outlet", [envelope, native])
def test_recorded_streams_are_told_alike_both_ways(outlet: object) -> None:
    judge = load_judge("chat_completions")
    blocks = short = 0
    for row in stream_rows(judge, EACH):
        provider = judge.provider(row, NOWHERE)
        for pieces in cuttings(row, response_body(row)):
            told = play(pieces, outlet(), provider.open_chat_stream())
            complete = play(pieces, outlet(), provider.open_chat_stream(), complete=True)
            assert told == complete, named(row)
            blocks += len(pieces)
            short += len(pieces) - told.fed
    print(f"{short} of {blocks} blocks were nothing but text")
    assert short
