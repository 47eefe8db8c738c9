"""What the record needs to know of a call, from the raw bytes that were kept of it."""

from __future__ import annotations

import orjson

from proxy.errors import UpstreamGarbage
from proxy.types.content import Text
from proxy.types.decoded import Decoded, DecodedInput
from proxy.types.exchange import ModelCall
from proxy.types.request import Input, Message, input_to_json, messages_to_json
from proxy.wire.embeddings.request import decode_request, inputs_of
from proxy.wire.embeddings.response import decode_response
from proxy.wire.lenient import whole_text
from proxy.wire.members import value_of

NO_OUTPUT = b"[]"


class EmbeddingsDecoder:
    """See `types.decoded.Decoder`. A call becomes no inference; vectors stand in the raw bytes."""

    def decode_call(self, call: ModelCall) -> Decoded:
        """The tokens of a call, and whether its answer is whole. Raises nothing."""
        body = b"".join(call.raw_response)
        try:
            answer = decode_response(body)
        except UpstreamGarbage as error:
            why = str(error) if body else ""
            return Decoded(NO_OUTPUT, complete=False, error=why, is_inference=False)
        return Decoded(
            NO_OUTPUT,
            input_tokens=answer.usage.input_tokens,
            output_tokens=answer.usage.output_tokens,
            cache_read=answer.usage.cache_read,
            response_id=answer.id,
            usage_found=answer.usage.known,
            is_inference=False,
        )

    def decode_input(self, endpoint: str, request_body: bytes) -> DecodedInput:
        """The inputs as one message of the user: a text block for each, tokens as their JSON.

        Raises:
            InvalidRequest: it is none of this protocol.
        """
        request = decode_request(request_body, model_name="")
        texts = (Text(_shown(raw)) for raw in inputs_of(request.input))
        message = Message("user", tuple(texts))
        value = Input((message,))
        return DecodedInput(input_to_json(value), None, messages_to_json(value.messages))


def _shown(raw: bytes) -> str:
    value = value_of(raw)
    return whole_text(value) if isinstance(value, str) else orjson.dumps(value).decode()
