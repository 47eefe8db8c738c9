"""What the record needs to know of a call, from the raw bytes that were kept of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from proxy.types.decoded import Decoded, DecodedInput
from proxy.types.exchange import ModelCall
from proxy.wire.converse.errors import find_error
from proxy.wire.converse.request import decode_request
from proxy.wire.converse.response import decode_response
from proxy.wire.converse.stream import StreamDecoder
from proxy.wire.recorded import NO_ANSWER, ReadAnswer, describe_request, read_blocks


class ConverseDecoder:
    """See `types.decoded.Decoder`."""

    def decode_call(self, call: ModelCall) -> Decoded:
        """The meaning of a model call's answer. Raises nothing."""
        return decode_call(call.stream, call.raw_response).to_decoded(call)

    def decode_input(self, endpoint: str, request_body: bytes) -> DecodedInput:
        """The meaning of a request's body.

        Raises:
            InvalidRequest: it is none of this protocol.
        """
        return describe_request(decode_request(request_body, model_name="", stream=False))


def decode_call(stream: bool, blocks: Iterable[bytes]) -> ReadAnswer:
    """Read a recorded answer, given in blocks as they came, whole or cut anywhere.

    Raises nothing: what was understood before the damage is kept.
    """
    return read_blocks(stream, blocks, _read_whole, StreamDecoder())


def _read_whole(body: bytes) -> ReadAnswer:
    error_status = find_error(body)
    if error_status is not None:
        answer = replace(NO_ANSWER, raw_response=body.decode("utf-8", "replace"))
        return ReadAnswer(answer, False, error_status)
    return ReadAnswer(decode_response(body), True)
