"""One attempt at a provider that answers in neutral values, its answer put into OpenAI's words.

The provider's chunks are encoded and fed into the same sink that a transport would feed, so that
peek, holding back and recording are the same for both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping
from dataclasses import dataclass, field, replace

from proxy.net.watchdog import Flight
from proxy.providers.base import EmbeddingProvider, NeutralProvider
from proxy.types.ports import Sink
from proxy.types.response import Answer, Chunk
from proxy.wire.accumulate import ChunkAccumulator
from proxy.wire.chat_completions.request import decode_request
from proxy.wire.chat_completions.response import encode_response
from proxy.wire.chat_completions.stream import StreamEncoder
from proxy.wire.embeddings.request import decode_request as decode_embeddings
from proxy.wire.embeddings.response import encode_response as encode_embeddings

JSON = (("Content-Type", "application/json"),)
EVENT_STREAM = (("Content-Type", "text/event-stream; charset=utf-8"),)


@dataclass(slots=True)
class NeutralOutcome:
    """What the provider said, for the record; kept up to the point where it stopped."""

    accumulator: ChunkAccumulator = field(default_factory=ChunkAccumulator)
    answer: Answer | None = None

    def result(self) -> Answer:
        return self.answer or self.accumulator.answer()


async def answer_neutrally(
    provider: NeutralProvider,
    body: bytes,
    *,
    identifier: str,
    model: str,
    stream: bool,
    include_usage: bool,
    credentials: Mapping[str, str],
    flight: Flight,
    sink: Sink,
) -> NeutralOutcome:
    """Ask, and feed the sink to its end. The answer bears our `identifier`, by which feedback finds
    it.

    Raises:
        UpstreamError: the attempt failed, or broke off after the sink had begun to pass it on.
        InvalidRequest: the body cannot be put into neutral form.
    """
    outcome = NeutralOutcome()
    request = decode_request(
        body, model_name=provider.model_name, stream=stream, credentials=credentials
    )
    with flight:
        if stream:
            encoder = StreamEncoder(model, include_usage=include_usage)
            await _stream(provider.stream(request), encoder, identifier, outcome, flight, sink)
        else:
            outcome.answer = await provider.infer(request)
            sink.on_head(200, JSON)
            named = replace(outcome.answer, id=identifier)
            await _wait(sink.on_block(encode_response(named, model)))
    sink.on_end(None)
    return outcome


async def _stream(
    chunks: AsyncIterator[Chunk],
    encoder: StreamEncoder,
    identifier: str,
    outcome: NeutralOutcome,
    flight: Flight,
    sink: Sink,
) -> None:
    opened = False
    async for chunk in chunks:
        if chunk.error is not None:
            raise chunk.error
        if not opened:
            sink.on_head(200, EVENT_STREAM)
            opened = True
        outcome.accumulator.add(chunk)
        flight.progress()
        block = encoder.encode(replace(chunk, response_id=identifier))
        if block:
            await _wait(sink.on_block(block), flight)
        if sink.started:
            flight.token()
    if not opened:
        sink.on_head(200, EVENT_STREAM)
    await _wait(sink.on_block(encoder.close()), flight)


async def _wait(pause: Awaitable[None] | None, flight: Flight | None = None) -> None:
    if pause is None:
        return
    if flight is not None:
        flight.pause()
    await pause
    if flight is not None:
        flight.progress()


async def answer_embeddings(
    provider: EmbeddingProvider,
    body: bytes,
    *,
    model: str,
    credentials: Mapping[str, str],
    flight: Flight,
    sink: Sink,
) -> None:
    """As `answer_neutrally`, for vectors."""
    request = decode_embeddings(body, model_name=provider.model_name, credentials=credentials)
    with flight:
        answer = await provider.embed(request)
        sink.on_head(200, JSON)
        await _wait(sink.on_block(encode_embeddings(answer, model)))
    sink.on_end(None)
