"""Streams of a provider played through a sink into a lane's words, block by block."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from unittest.mock import patch
from uuid import UUID

import orjson

from proxy.errors import UpstreamError
from proxy.http.native.outlet import NativeOutlet
from proxy.http.openai.outlets import ChatOutlet
from proxy.services.infer_call import InferProgress, Outlet, Served
from proxy.services.infer_sink import ChunkOutlet, InferSink
from proxy.services.leg import Leg
from proxy.services.recording_tap import RecordingTap
from proxy.services.relay_outlet import RelayOutlet
from proxy.services.tasks import Reader
from proxy.types.ports import Headers
from proxy.types.response import Answer
from proxy.wire.chat_completions.stream import StreamDecoder
from proxy.wire.envelope.request import decode_envelope_request
from proxy.wire.events import StreamReader
from proxy.wire.native.request import decode_inference_request
from proxy.wire.sse import SSEParser

ID = UUID(int=7)
SSE = (("Content-Type", "text/event-stream"),)
MESSAGES = [{"role": "user", "content": "x"}]


@dataclass
class Played:
    """What came of a stream."""

    writes: list[list[bytes]] = field(default_factory=list)
    """To the client, of each block; of the end in one more."""
    gaps: list[float] = field(default_factory=list)
    answer: Answer | None = None
    raw_chunks: tuple[str, ...] = ()
    error: str = ""
    finished: bool = False
    recorded: bytes = b""
    fed: int = field(default=0, compare=False)
    """Blocks that took the complete way."""

    @property
    def sent(self) -> bytes:
        return b"".join(itertools.chain(*self.writes))


class _Client:
    def __init__(self) -> None:
        self.got: list[bytes] = []

    def start(self, status: int, theirs: Headers, ours: Headers, *, length: int | None) -> None: ...

    def write(self, block: bytes) -> Awaitable[None] | None:
        self.got.append(block)
        return None

    def write_chunk(self, block: bytes, chunk: bytes) -> Awaitable[None] | None:
        return self.write(block)

    def finish(self, held: bytes) -> None: ...

    def abort(self) -> None: ...

    def taken(self) -> list[bytes]:
        got, self.got = self.got, []
        return got


def served(kind: str = "chat", *, tool_as_text: bool = False) -> Served:
    return Served(ID, ID, "f%s", kind, "v%b", "m", "p", "t", ID, tool_as_text=tool_as_text)


def envelope(by: Served | None = None, **members: object) -> Outlet:
    body = {"model": "tensorzero::function_name::f", "messages": MESSAGES, "stream": True}
    outlet = ChatOutlet(decode_envelope_request(orjson.dumps(body | members)), lambda: 99.5)
    outlet.begin(by or served())
    return outlet


def native(by: Served | None = None, **members: object) -> Outlet:
    body = {"function_name": "f", "input": {"messages": MESSAGES}, "stream": True}
    outlet = NativeOutlet(decode_inference_request(orjson.dumps(body | members)))
    outlet.begin(by or served())
    return outlet


def relay(by: Served | None = None) -> Outlet:
    outlet = RelayOutlet("asked", stream=True, include_usage=True, clock=lambda: 99.5)
    outlet.begin(by or served())
    return outlet


def play(
    blocks: Sequence[bytes],
    outlet: Outlet,
    reader: StreamReader | None = None,
    *,
    complete: bool = False,
    answer_limit: int = 2**30,
) -> Played:
    """Feed a sink; with `complete`, without any short way."""
    reader = reader or StreamDecoder(tell_damage=True)

    async def run() -> Played:
        return _play(blocks, outlet, reader, answer_limit)

    if complete:
        with (
            patch.object(type(reader), "texts", StreamReader.texts),
            patch.object(SSEParser, "whole", return_value=None),
            patch("proxy.wire.chat_completions.stream.decode_common_chunk", return_value=None),
        ):
            return asyncio.run(run())
    return asyncio.run(run())


def _play(
    blocks: Sequence[bytes], outlet: Outlet, reader: StreamReader, answer_limit: int
) -> Played:
    nothing = cast(Any, None)
    client, leg, played = _Client(), Leg("v", nothing, nothing, nothing), Played()
    leg.tap = RecordingTap(2**30)
    chunks = ChunkOutlet(
        InferProgress(nothing, nothing),
        leg,
        outlet,
        cast(Any, client),
        now=lambda: float(len(played.writes)),
        on_first=lambda: None,
        on_gap=played.gaps.append,
        headers=lambda: (),
    )
    kind = Reader("chat_completions", nothing, reader)
    sink = InferSink(leg, chunks, kind, 2**10, answer_limit, "sk-a-long-key", lambda: 0.0)
    error = None
    sink.on_head(200, SSE)
    with patch.object(reader, "feed", wraps=reader.feed) as feed:
        for block in blocks:
            try:
                sink.on_block(block)
            except UpstreamError as raised:
                error = raised
            played.writes.append(client.taken())
            if error is not None:
                break
    sink.on_end(error)
    played.writes.append(client.taken())
    chunks.close()
    played.answer = leg.accumulator.answer()
    played.raw_chunks = tuple(leg.accumulator.raw_chunks)
    played.error, played.finished = str(sink.error), sink.finished
    played.recorded = b"".join(leg.tap.blocks)
    played.fed = feed.call_count
    return played
