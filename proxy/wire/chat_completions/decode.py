"""What the record needs to know of an answer, from the raw bytes that were kept of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from proxy.errors import UpstreamGarbage
from proxy.types.response import Answer
from proxy.wire.accumulate import ChunkAccumulator
from proxy.wire.chat_completions.errors import find_error
from proxy.wire.chat_completions.response import decode_response
from proxy.wire.chat_completions.stream import StreamDecoder

NO_ANSWER = Answer(id="", blocks=())


@dataclass(frozen=True, slots=True)
class DecodedCall:
    """An answer as far as it could be read."""

    answer: Answer
    complete: bool
    """Whether the bytes hold the answer's end: of a stream, `[DONE]` or a finish reason."""
    error_status: int | None = None
    """Of an error inside the answer, the status that it stands for."""

    @property
    def usage_found(self) -> bool:
        return self.answer.usage.known

    @property
    def response_id(self) -> str:
        """The provider's id of the answer, such as `chatcmpl-…`; empty when it gave none."""
        return self.answer.id


def decode_call(stream: bool, blocks: Iterable[bytes]) -> DecodedCall:
    """Read a recorded answer, given in blocks as they came, whole or cut anywhere.

    A stream that was answered with a plain JSON body is read as one, and the other way round.

    Raises nothing: what was understood before the damage is kept.
    """
    body = b"".join(blocks)
    if body.lstrip()[:1] in (b"{", b"["):
        return _decode_whole(body)
    return _decode_stream(body) if stream or b"data:" in body else DecodedCall(NO_ANSWER, False)


def _decode_whole(body: bytes) -> DecodedCall:
    raw = body.decode("utf-8", "replace")
    try:
        answer = decode_response(body)
    except UpstreamGarbage:
        return DecodedCall(replace(NO_ANSWER, raw_response=raw), False)
    error = find_error(body)
    return DecodedCall(answer, error is None, error)


def _decode_stream(body: bytes) -> DecodedCall:
    decoder = StreamDecoder()
    accumulator = ChunkAccumulator()
    for chunk in (*decoder.feed(body), *decoder.close()):
        accumulator.add(chunk)
    return DecodedCall(accumulator.answer(), decoder.complete, decoder.error_status)
