"""Damaged answers: no foreign exception, no hang, bounded memory, and nothing lost from before.

About 1,500 a protocol; with PROVE=1, 100,000 in two processes, with figures.
"""

from __future__ import annotations

import json
import struct
import tracemalloc
from binascii import crc32
from concurrent.futures import ProcessPoolExecutor
from functools import reduce
from multiprocessing import get_context
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.errors import UpstreamErrorInBody, UpstreamGarbage
from proxy.wire.sse import DEFAULT_MAX_EVENT_BYTES
from tests.exchanges.eventstream import encode_event
from tests.exchanges.written import written_rows
from tests.recorded.damage import HALF, ODD_VALUES
from tests.recorded.enduring import GROWTH_BYTES, Endurance, endure, endure_each
from tests.recorded.exchanges import PROVE, SEED, rows_to_play
from tests.recorded.judges import WIRES, load_judge
from tests.recorded.judges.base import Judge, response_body
from tests.recorded.streams import chunks_of, provider_of

CASES = 100_000 if PROVE else 1_500
PROCESSES = 2
EACH = 6
BLOCK = 256 * 1024
ENDLESS_BYTES = 40 * 1024 * 1024
HELD_BYTES = 4 * DEFAULT_MAX_EVENT_BYTES
"""An event may be held whole, once as bytes and once as what was read of it."""
EXAMPLES = 2_000 if PROVE else 60


@pytest.mark.parametrize("wire", WIRES)
def test_damaged_answers_are_read_as_far_as_they_go(wire: str) -> None:
    total = endured(wire) if PROVE else endure(wire, SEED, CASES, EACH)
    print(f"\n{wire}: {total}")
    assert total.cases == CASES
    assert not total.flaws, "\n".join(total.flaws)
    assert total.grown < GROWTH_BYTES


def endured(wire: str) -> Endurance:
    """The long form, in processes."""
    share = CASES // PROCESSES
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        parts = [pool.submit(endure, wire, SEED + n, share, EACH) for n in range(PROCESSES)]
        return reduce(Endurance.added, (part.result() for part in parts))


@pytest.mark.parametrize("wire", WIRES)
def test_no_value_of_an_answer_is_taken_for_granted(wire: str) -> None:
    judge = load_judge(wire)
    rows = [row for row in written_rows() if row["api"] in judge.apis]
    for odd in ODD_VALUES if PROVE else (HALF, None, 2**64, [None]):
        total = endure_each(judge, rows, odd)
        assert total.cases
        assert not total.flaws, "\n".join(total.flaws)


def endless(kind: str) -> tuple[bytes, bytes]:
    """(beginning, what follows again and again) of an event that never ends."""
    if kind == "a line":
        return b"data: {", b"x" * BLOCK
    if kind == "lines":
        return b"", (b"data: " + b"x" * 1000 + b"\n") * (BLOCK // 1000)
    if kind == "a frame":
        prelude = struct.pack(">II", 2**31 - 1, 0)
        return prelude + struct.pack(">I", crc32(prelude)), b"\0" * BLOCK
    return b"[{", b'"x":"' + b"y" * BLOCK + b'",'


@pytest.mark.parametrize("kind", ["a line", "lines", "a frame", "a list"])
@pytest.mark.parametrize("wire", WIRES)
def test_an_event_that_never_ends_takes_bounded_memory(wire: str, kind: str) -> None:
    judge = load_judge(wire)
    row = next(row for row in rows_to_play(judge.apis, EACH) if judge.serves(row) is None)
    decoder = provider_of(judge, row).open_chat_stream()
    beginning, more = endless(kind)
    tracemalloc.start()
    try:
        decoder.feed(beginning)
        for _ in range(ENDLESS_BYTES // len(more)):
            decoder.feed(more)
        decoder.close()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < HELD_BYTES, f"{peak / 2**20:.0f} MiB"


def words_of(judge: Judge) -> list[str]:
    """Names and short texts that occur in a protocol's answers: what invented ones are made of."""
    found: set[str] = set()
    for row in rows_to_play(judge.apis, EACH):
        for piece in response_body(row).split(b'"')[1:400:2]:
            if 0 < len(piece) < 32 and piece.isascii():
                found.add(piece.decode())
    return sorted(found)[:400]


def invented(words: list[str]) -> st.SearchStrategy[Any]:
    """JSON values of a protocol's own words in any arrangement."""
    word = st.sampled_from(words)
    leaf = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), word, st.text())
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(word, inner, max_size=6)
        ),
        max_leaves=25,
    )


@pytest.mark.parametrize("wire", WIRES)
def test_answers_that_nobody_would_send_are_read_without_a_foreign_exception(wire: str) -> None:
    judge = load_judge(wire)
    row = next(row for row in rows_to_play(judge.apis, EACH) if judge.serves(row) is None)
    provider = provider_of(judge, row)
    words = words_of(judge)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.lists(st.sampled_from(words), min_size=4, max_size=4),
        st.lists(invented(words), min_size=1, max_size=4),
    )
    def read(kinds: list[str], values: list[Any]) -> None:
        texts = [json.dumps(value).encode() for value in values]
        try:
            provider.decode_chat(texts[0])
        except (UpstreamGarbage, UpstreamErrorInBody):
            pass
        chunks_of(provider, [b"data: %b\n\n" % text for text in texts])
        chunks_of(provider, map(encode_event, kinds, values))
        for status in (400, 429, 500):
            assert provider.read_error(status, (), texts[0]).kind

    read()
