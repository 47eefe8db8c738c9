"""What the record needs to know of a call, from the raw bytes that were kept of it."""

from __future__ import annotations

from collections.abc import Iterable

from proxy.types.decoded import Decoded, DecodedInput
from proxy.types.exchange import ModelCall
from proxy.wire.chat_completions.decode import ChatCompletionsDecoder
from proxy.wire.chat_completions.errors import find_error
from proxy.wire.chat_completions.response import decode_response
from proxy.wire.payload_parts.stream import StreamDecoder
from proxy.wire.recorded import ReadAnswer, read_blocks


class PayloadPartsDecoder:
    """See `types.decoded.Decoder`."""

    def decode_call(self, call: ModelCall) -> Decoded:
        """The meaning of a model call's answer. Raises nothing."""
        return decode_call(call.stream, call.raw_response).to_decoded(call)

    def decode_input(self, endpoint: str, request_body: bytes) -> DecodedInput:
        """The meaning of a request's body, which is a chat completion's.

        Raises:
            InvalidRequest: it is none.
        """
        return ChatCompletionsDecoder().decode_input(endpoint, request_body)


def decode_call(stream: bool, blocks: Iterable[bytes]) -> ReadAnswer:
    """Read a recorded answer, given in blocks as they came, whole or cut anywhere.

    Raises nothing: what was understood before the damage is kept.
    """
    return read_blocks(stream, blocks, _read_whole, StreamDecoder())


def _read_whole(body: bytes) -> ReadAnswer:
    error_status = find_error(body)
    return ReadAnswer(decode_response(body), error_status is None, error_status)
