"""What the record needs to know of a call, from the raw bytes that were kept of it."""

from __future__ import annotations

from collections.abc import Iterable

from proxy.types.decoded import Decoded, DecodedInput
from proxy.types.exchange import ModelCall
from proxy.wire.chat_completions.errors import find_error
from proxy.wire.chat_completions.ordinary import read_answer
from proxy.wire.chat_completions.ordinary_request import read_request
from proxy.wire.chat_completions.ordinary_stream import read_stream
from proxy.wire.chat_completions.request import decode_request
from proxy.wire.chat_completions.response import decode_response
from proxy.wire.chat_completions.stream import StreamDecoder
from proxy.wire.recorded import ReadAnswer, describe_request, read_blocks


class ChatCompletionsDecoder:
    """See `types.decoded.Decoder`. With `think_tags`, `<think>` in a text is told apart."""

    def __init__(self, *, think_tags: bool = False) -> None:
        self._think_tags = think_tags

    def decode_call(self, call: ModelCall) -> Decoded:
        """The meaning of a model call's answer. Raises nothing."""
        body = b"".join(call.raw_response)
        if not self._think_tags:
            read_ordinary = read_answer if body.startswith(b"{") else read_stream
            ordinary = read_ordinary(body, call)
            if ordinary is not None:
                return ordinary
        read = decode_call(call.stream, [body], think_tags=self._think_tags)
        return read.to_decoded(call)

    def decode_input(self, endpoint: str, request_body: bytes) -> DecodedInput:
        """The meaning of a request's body.

        Raises:
            InvalidRequest: it is none of this protocol.
        """
        ordinary = read_request(request_body)
        if ordinary is not None:
            return ordinary
        return describe_request(decode_request(request_body, model_name="", stream=False))


def decode_call(stream: bool, blocks: Iterable[bytes], *, think_tags: bool = False) -> ReadAnswer:
    """Read a recorded answer, given in blocks as they came, whole or cut anywhere.

    Raises nothing: what was understood before the damage is kept.
    """

    def read_whole(body: bytes) -> ReadAnswer:
        error_status = find_error(body)
        answer = decode_response(body, think_tags=think_tags)
        return ReadAnswer(answer, error_status is None, error_status)

    return read_blocks(stream, blocks, read_whole, StreamDecoder(think_tags=think_tags))
