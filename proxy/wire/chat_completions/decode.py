"""What the record needs to know of a call, from the raw bytes that were kept of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from proxy.errors import UpstreamGarbage
from proxy.types.content import ToolCall, blocks_to_json, output_to_json
from proxy.types.decoded import Decoded, DecodedInput
from proxy.types.exchange import ModelCall
from proxy.types.request import input_to_json, messages_to_json, params_to_json
from proxy.types.response import Answer
from proxy.wire.accumulate import ChunkAccumulator
from proxy.wire.chat_completions.errors import find_error
from proxy.wire.chat_completions.request import decode_request
from proxy.wire.chat_completions.response import decode_response
from proxy.wire.chat_completions.stream import StreamDecoder
from proxy.wire.chat_completions.tools import tool_choice_to_json, tools_to_json

NO_ANSWER = Answer(id="", blocks=())


@dataclass(frozen=True, slots=True)
class DecodedCall:
    """An answer as far as it could be read."""

    answer: Answer
    complete: bool
    """Whether the bytes hold the answer's end: of a stream, `[DONE]` or a finish reason."""
    error_status: int | None = None
    """Of an error that the provider put into the answer, the status that it stands for."""
    unread: str = ""
    """What could not be read; empty when all could, or when the bytes just end too early."""

    @property
    def usage_found(self) -> bool:
        """Whether the provider said anything of tokens."""
        return self.answer.usage.known

    @property
    def response_id(self) -> str:
        """The provider's id of the answer, such as `chatcmpl-…`; empty when it gave none."""
        return self.answer.id


class ChatCompletionsDecoder:
    """See `types.decoded.Decoder`."""

    def decode_call(self, call: ModelCall) -> Decoded:
        """The meaning of a model call's answer. Raises nothing."""
        decoded = decode_call(call.stream, call.raw_response)
        answer = decoded.answer
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
            complete=decoded.complete,
            error=decoded.unread,
            inference_output=output_to_json(answer.blocks) if called else b"",
        )

    def decode_input(self, endpoint: str, request_body: bytes) -> DecodedInput:
        """The meaning of a request's body.

        Raises:
            InvalidRequest: it is none of this protocol.
        """
        request = decode_request(request_body, model_name="", stream=False)
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


def decode_call(stream: bool, blocks: Iterable[bytes]) -> DecodedCall:
    """Read a recorded answer, given in blocks as they came, whole or cut anywhere.

    A stream that was answered with a plain JSON body is read as one, and the other way round.
    Raises nothing: what was understood before the damage is kept.
    """
    body = b"".join(blocks)
    if body.lstrip()[:1] in (b"{", b"["):
        return _decode_whole(body)
    if stream or b"data:" in body:
        return _decode_stream(body)
    return DecodedCall(NO_ANSWER, False, unread="no JSON" if body else "")


def _decode_whole(body: bytes) -> DecodedCall:
    try:
        answer = decode_response(body)
    except UpstreamGarbage as error:
        return DecodedCall(NO_ANSWER, False, unread=str(error))
    error_status = find_error(body)
    return DecodedCall(answer, error_status is None, error_status)


def _decode_stream(body: bytes) -> DecodedCall:
    decoder = StreamDecoder()
    accumulator = ChunkAccumulator()
    for chunk in (*decoder.feed(body), *decoder.close()):
        accumulator.add(chunk)
    unread = "an event of the stream" if decoder.damaged else ""
    return DecodedCall(accumulator.answer(), decoder.complete, decoder.error_status, unread)
