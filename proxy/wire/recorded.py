"""Reading a recorded answer, whole or in events, cut anywhere: what all protocols do alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from proxy.errors import UpstreamGarbage
from proxy.types.content import ToolCall, blocks_to_json, output_to_json
from proxy.types.decoded import Decoded, DecodedInput
from proxy.types.exchange import ModelCall
from proxy.types.request import ModelRequest, input_to_json, messages_to_json, params_to_json
from proxy.types.response import Answer
from proxy.wire.accumulate import ChunkAccumulator
from proxy.wire.chat_completions.tools import tool_choice_to_json, tools_to_json
from proxy.wire.events import StreamReader

NO_ANSWER = Answer(id="", blocks=())


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """An answer as far as it could be read."""

    answer: Answer
    complete: bool
    """Whether the bytes hold the answer's end, and it is no error."""
    error_status: int | None = None
    """Of an error that the provider put into the answer, the status that it stands for."""
    unread: str = ""
    """What could not be read; empty when all could, or when the bytes just end too early."""
    events: Sequence[str] = ()
    """The provider's own texts of a stream's chunks."""

    def to_decoded(self, call: ModelCall | None = None) -> Decoded:
        """What the writer asks for: of a call, with its author's name on what is only for that."""
        answer = self.answer
        if call is not None and call.provider_type:
            answer = answer.signed_by(call.provider_type, call.model_name, call.provider_name)
        called = any(isinstance(block, ToolCall) for block in answer.blocks)
        return Decoded(
            output=blocks_to_json(answer.blocks),
            input_tokens=answer.usage.input_tokens,
            output_tokens=answer.usage.output_tokens,
            cache_read=answer.usage.cache_read,
            cache_write=answer.usage.cache_write,
            finish_reason=answer.finish_reason,
            response_id=answer.id,
            usage_found=answer.usage.known,
            complete=self.complete,
            error=self.unread,
            inference_output=output_to_json(answer.blocks) if called else b"",
            events=self.events,
            reasoning=answer.usage.reasoning,
        )


def read_blocks(
    stream: bool,
    blocks: Iterable[bytes],
    read_whole: Callable[[bytes], ReadAnswer],
    decoder: StreamReader,
) -> ReadAnswer:
    """Read an answer given in blocks as they came.

    A stream that was answered with a plain JSON body is read as one, and the other way round.
    `read_whole` may raise `UpstreamGarbage`; this raises nothing, and keeps what was understood
    before the damage.
    """
    body = b"".join(blocks)
    if body.lstrip()[:1] in (b"{", b"["):
        try:
            return read_whole(body)
        except UpstreamGarbage as error:
            return ReadAnswer(NO_ANSWER, False, unread=str(error))
    if stream or b"data:" in body:
        return read_stream(body, decoder)
    return ReadAnswer(NO_ANSWER, False, unread="no JSON" if body else "")


def read_stream(body: bytes, decoder: StreamReader) -> ReadAnswer:
    """Read a stream's body to its end, wherever it ends."""
    accumulator = ChunkAccumulator()
    for chunk in (*decoder.feed(body), *decoder.close()):
        accumulator.add(chunk)
    unread = "an event of the stream" if decoder.damaged else ""
    return ReadAnswer(
        accumulator.answer(),
        decoder.complete,
        decoder.error_status,
        unread,
        accumulator.raw_chunks,
    )


def describe_request(request: ModelRequest) -> DecodedInput:
    """What is recorded of a request."""
    system = request.input.system
    return DecodedInput(
        input=input_to_json(request.input),
        system=system.decode() if isinstance(system, bytes) else system,
        messages=messages_to_json(request.input.messages),
        params=params_to_json(request.params),
        dynamic_tools=tools_to_json(request),
        tool_choice=tool_choice_to_json(request),
        parallel_tool_calls=request.parallel_tool_calls,
    )
