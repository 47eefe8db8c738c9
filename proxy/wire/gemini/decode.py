"""What the record needs to know of a call, from the raw bytes that were kept of it."""

from __future__ import annotations

from collections.abc import Iterable

from proxy.types.decoded import Decoded, DecodedInput
from proxy.types.exchange import ModelCall
from proxy.types.request import input_to_json, messages_to_json, params_to_json
from proxy.wire.accumulate import ChunkAccumulator
from proxy.wire.chat_completions.tools import tool_choice_to_json, tools_to_json
from proxy.wire.gemini.errors import find_error
from proxy.wire.gemini.request import decode_request
from proxy.wire.gemini.response import decode_response
from proxy.wire.gemini.stream import StreamDecoder
from proxy.wire.recorded import ReadAnswer, read_blocks


class GenerateContentDecoder:
    """See `types.decoded.Decoder`."""

    def decode_call(self, call: ModelCall) -> Decoded:
        """The meaning of a model call's answer. Raises nothing."""
        return decode_call(call.stream, call.raw_response).to_decoded()

    def decode_input(self, endpoint: str, request_body: bytes) -> DecodedInput:
        """The meaning of a request's body.

        Raises:
            InvalidRequest: it is none of this protocol.
        """
        request = decode_request(request_body, model_name="", stream=False)
        assert not isinstance(request.input.system, bytes)
        return DecodedInput(
            input=input_to_json(request.input),
            system=request.input.system,
            messages=messages_to_json(request.input.messages),
            params=params_to_json(request.params),
            dynamic_tools=tools_to_json(request),
            tool_choice=tool_choice_to_json(request),
            parallel_tool_calls=request.parallel_tool_calls,
        )


def decode_call(stream: bool, blocks: Iterable[bytes]) -> ReadAnswer:
    """Read a recorded answer, given in blocks as they came, whole or cut anywhere.

    Raises nothing: what was understood before the damage is kept.
    """
    return read_blocks(stream, blocks, _read_stream if stream else _read_whole, StreamDecoder())


def _read_whole(body: bytes) -> ReadAnswer:
    if body.lstrip().startswith(b"["):
        return _read_stream(body)
    error_status = find_error(body)
    return ReadAnswer(decode_response(body), error_status is None, error_status)


def _read_stream(body: bytes) -> ReadAnswer:
    """Of a stream that is no series of events, or of one that was asked for as a whole."""
    decoder, accumulator = StreamDecoder(), ChunkAccumulator()
    for chunk in (*decoder.feed(body), *decoder.close()):
        accumulator.add(chunk)
    unread = "an event of the stream" if decoder.damaged else ""
    return ReadAnswer(accumulator.answer(), decoder.complete, decoder.error_status, unread)
