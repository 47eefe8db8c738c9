"""What the record needs to know of a request, from the body that was kept of it."""

from __future__ import annotations

from proxy.types.decoded import DecodedInput
from proxy.types.request import ModelRequest, input_to_json, messages_to_json, params_to_json
from proxy.wire.chat_completions.decode import ChatCompletionsDecoder
from proxy.wire.chat_completions.tools import tool_choice_to_json, tools_to_json
from proxy.wire.envelope.request import decode_envelope_request


class EnvelopeDecoder(ChatCompletionsDecoder):
    """See `types.decoded.Decoder`. Only requests differ: answers are recorded as providers sent
    them."""

    def decode_input(self, endpoint: str, request_body: bytes) -> DecodedInput:
        return decode_input(request_body)


def decode_input(request_body: bytes) -> DecodedInput:
    """The meaning of a chat completion's body.

    Raises:
        InvalidRequest: it is none of this dialect.
    """
    request = decode_envelope_request(request_body)
    asked = ModelRequest("", request.input, tools=request.tools, tool_choice=request.tool_choice)
    system = request.input.system
    return DecodedInput(
        input=input_to_json(request.input),
        system=system.decode() if isinstance(system, bytes) else system,
        messages=messages_to_json(request.input.messages),
        params=params_to_json(request.params),
        dynamic_tools=tools_to_json(asked),
        tool_choice=tool_choice_to_json(asked),
        parallel_tool_calls=request.parallel_tool_calls,
    )
