"""What chunks make up is the same when texts come without chunks around them."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from proxy.types.content import Text
from proxy.types.response import Chunk, TextDelta, ThoughtDelta
from proxy.wire.accumulate import ChunkAccumulator


def told(accumulator: ChunkAccumulator) -> object:
    return accumulator.answer(), list(accumulator.raw_chunks)


def event(text: str) -> bytes:
    return f"data: [{text}]\n\n".encode()


def chunk(text: str) -> Chunk:
    return Chunk((TextDelta("0", text),), raw=f"[{text}]")


TEXTS = st.lists(st.sampled_from(["a", "\u00e9", " ", "data: "]), min_size=1, max_size=3)
OTHERS = st.sampled_from(
    [
        chunk("x"),
        chunk(""),
        Chunk((ThoughtDelta("0", "hm"),), raw="{}"),
        Chunk((TextDelta("1", "y"),)),
        Chunk(response_id="c", created=3, finish_reason="stop", raw="last"),
    ]
)


@given(st.lists(TEXTS | OTHERS, max_size=8), st.sets(st.integers(0, 8)))
def test_texts_are_added_like_their_chunks(
    pieces: Sequence[list[str] | Chunk], looks: set[int]
) -> None:
    texts, chunks = ChunkAccumulator(), ChunkAccumulator()
    for place, piece in enumerate(pieces):
        if isinstance(piece, Chunk):
            texts.add(piece)
            chunks.add(piece)
        else:
            texts.add_texts("0", piece, b"".join(map(event, piece)))
            for each in piece:
                chunks.add(chunk(each))
        if place in looks:
            assert told(texts) == told(chunks)
    assert told(texts) == told(chunks)


def test_an_answer_grows_after_it_was_asked_for() -> None:
    accumulator = ChunkAccumulator()
    accumulator.add_texts("0", ["a"], event("a"))
    assert accumulator.answer().blocks == (Text("a"),)
    accumulator.add_texts("0", ["b", "c"], event("b") + event("c"))
    assert accumulator.answer().blocks == (Text("abc"),)
    assert accumulator.answer().raw_response == "[a]\n[b]\n[c]"
