"""A stream gives the same chunks, however its bytes are cut.

Streams of up to 4 KB are cut at every byte, longer ones at random places; a sample by default, all
of them with PROVE=1.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.fake_upstream import split
from tests.recorded.exchanges import PROVE, SEED, named
from tests.recorded.judges import WIRES, load_judge
from tests.recorded.judges.base import Row, response_body
from tests.recorded.streams import chunks_of, provider_of, stream_rows

EVERY_BYTE_UP_TO = 4096
EACH = 100 if PROVE else 3
"""Streams of a provider's API, where not all are taken."""
PLACES = 60 if PROVE else 12
"""Random cuts in two of a longer stream, and as many times in several pieces."""
BYTES = 10**12 if PROVE else 6_000_000
"""How much is fed to decoders of one protocol for cuts at every byte; beyond it, the longer of the
short streams get random cuts only."""


def cuttings(row: Row, body: bytes, every_byte: bool) -> Iterator[list[bytes]]:
    """Ways to cut a stream: into two, into several, into single bytes."""
    source = random.Random(f"{SEED} {row['id']}")
    places = range(1, len(body)) if every_byte else sorted(_places(source, body, PLACES))
    for place in places:
        yield [body[:place], body[place:]]
    for _ in range(PLACES):
        yield split(body, _places(source, body, 5))
    yield [body[place : place + 1] for place in range(len(body))]


def _places(source: random.Random, body: bytes, count: int) -> list[int]:
    return [source.randrange(1, max(2, len(body))) for _ in range(count)]


@pytest.mark.parametrize("wire", WIRES)
def test_a_stream_cut_anywhere_gives_the_same_chunks(wire: str) -> None:
    judge = load_judge(wire)
    fed, cut, whole = 0, 0, 0
    for row in sorted(stream_rows(judge, EACH), key=lambda row: len(response_body(row))):
        body = response_body(row)
        provider = provider_of(judge, row)
        expected = chunks_of(provider, [body])
        every_byte = len(body) <= EVERY_BYTE_UP_TO and fed + len(body) ** 2 < BYTES
        whole += every_byte
        for pieces in cuttings(row, body, every_byte):
            fed += len(body)
            cut += 1
            given = chunks_of(provider, pieces)
            assert given == expected, (named(row), [len(piece) for piece in pieces][:8])
    print(f"\n{wire}: {cut} cuttings, of {whole} streams at every byte; {fed / 1e6:.0f} MB")
