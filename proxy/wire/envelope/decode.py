"""What the record needs to know of a request, from the body that was kept of it."""

from __future__ import annotations

from proxy.types.decoded import DecodedInput
from proxy.types.request import ModelRequest
from proxy.wire.chat_completions.decode import ChatCompletionsDecoder
from proxy.wire.envelope.ordinary import read_request
from proxy.wire.envelope.request import decode_envelope_request
from proxy.wire.recorded import describe_request


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
    ordinary = read_request(request_body)
    if ordinary is not None:
        return ordinary
    request = decode_envelope_request(request_body)
    return describe_request(
        ModelRequest(
            "",
            request.input,
            params=request.params,
            tools=request.additional_tools,
            tool_choice=request.tool_choice,
            parallel_tool_calls=request.parallel_tool_calls,
        )
    )
