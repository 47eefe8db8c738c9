"""What the record needs to know of a call, from the raw bytes that were kept of it."""

from __future__ import annotations

from collections.abc import Iterable

from proxy.types.decoded import Decoded, DecodedInput
from proxy.types.exchange import ModelCall
from proxy.wire.gemini.errors import find_error
from proxy.wire.gemini.request import decode_request
from proxy.wire.gemini.response import decode_response
from proxy.wire.gemini.stream import StreamDecoder
from proxy.wire.recorded import ReadAnswer, describe_request, read_blocks, read_stream


class GenerateContentDecoder:
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
    return read_blocks(stream, blocks, _read_events if stream else _read_whole, StreamDecoder())


def _read_whole(body: bytes) -> ReadAnswer:
    if body.lstrip().startswith(b"["):
        return _read_events(body)
    error_status = find_error(body)
    return ReadAnswer(decode_response(body), error_status is None, error_status)


def _read_events(body: bytes) -> ReadAnswer:
    """Of a stream that is no series of events, or of one that was asked for as a whole."""
    return read_stream(body, StreamDecoder())
