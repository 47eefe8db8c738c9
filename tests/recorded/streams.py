"""Streams fed to a decoder in pieces, and what comes out in a form that can be compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from proxy.providers.base import HttpProvider
from proxy.types.response import Answer, Chunk
from proxy.wire.accumulate import ChunkAccumulator
from tests.recorded.exchanges import rows_to_play
from tests.recorded.judges.base import Judge, Row

NOWHERE = "http://127.0.0.1:1"
Plain = tuple[Chunk, str]
"""A chunk, and its error in words (errors are equal to nothing)."""


def stream_rows(judge: Judge, each: int) -> list[Row]:
    """Recorded streams and our own that answered 200."""
    return [
        row
        for row in rows_to_play(judge.apis, each)
        if row["stream"] and row["response"]["status"] == 200 and judge.serves(row) is None
    ]


def provider_of(judge: Judge, row: Row) -> HttpProvider:
    """A provider for reading only."""
    return judge.provider(row, NOWHERE)


def plain(chunk: Chunk) -> Plain:
    return replace(chunk, error=None), "" if chunk.error is None else str(chunk.error)


def chunks_of(provider: HttpProvider, pieces: Iterable[bytes]) -> list[Plain]:
    """All chunks of a stream that comes in these pieces; the last item tells how it ended."""
    decoder = provider.open_chat_stream()
    chunks = [plain(chunk) for piece in pieces for chunk in decoder.feed(piece)]
    chunks += map(plain, decoder.close())
    end = f"complete={decoder.complete} error={decoder.error_status} damaged={decoder.damaged}"
    return [*chunks, (Chunk(), end)]


def answer_of(chunks: Iterable[Plain]) -> Answer:
    """The same put together."""
    accumulator = ChunkAccumulator()
    for chunk, _ in chunks:
        accumulator.add(chunk)
    return accumulator.answer()
