"""What the record needs to know of a call, from the raw bytes that were kept of it."""

from __future__ import annotations

from collections.abc import Iterable

from proxy.types.decoded import Decoded, DecodedInput
from proxy.types.exchange import ModelCall
from proxy.types.request import input_to_json, messages_to_json, params_to_json
from proxy.wire.members import object_members
from proxy.wire.recorded import ReadAnswer, read_blocks
from proxy.wire.responses.errors import find_error
from proxy.wire.responses.request import decode_input, decode_params
from proxy.wire.responses.response import decode_response
from proxy.wire.responses.stream import StreamDecoder
from proxy.wire.responses.tools import tool_choice_to_json, tools_to_json
from proxy.wire.values import raw_flag


class ResponsesDecoder:
    """See `types.decoded.Decoder`."""

    def decode_call(self, call: ModelCall) -> Decoded:
        """The meaning of a model call's answer. Raises nothing."""
        return decode_call(call.stream, call.raw_response).to_decoded(call)

    def decode_input(self, endpoint: str, request_body: bytes) -> DecodedInput:
        """The meaning of a request's body.

        Raises:
            InvalidRequest: it is none of this protocol.
        """
        members = object_members(request_body)
        value = decode_input(members)
        assert not isinstance(value.system, bytes)
        return DecodedInput(
            input=input_to_json(value),
            system=value.system,
            messages=messages_to_json(value.messages),
            params=params_to_json(decode_params(members)),
            dynamic_tools=tools_to_json(members),
            tool_choice=tool_choice_to_json(members),
            parallel_tool_calls=raw_flag(members.get("parallel_tool_calls")),
        )


def decode_call(stream: bool, blocks: Iterable[bytes]) -> ReadAnswer:
    """Read a recorded answer, given in blocks as they came, whole or cut anywhere.

    Raises nothing: what was understood before the damage is kept.
    """
    return read_blocks(stream, blocks, _read_whole, StreamDecoder())


def _read_whole(body: bytes) -> ReadAnswer:
    """A response that is still queued or in progress has no finish reason and is not complete."""
    answer, status = decode_response(body), find_error(body)
    complete = status is None and answer.finish_reason is not None
    return ReadAnswer(answer, complete, status)
