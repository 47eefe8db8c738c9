"""Making vectors at a provider that speaks OpenAI's protocol, from neutral values and back."""

from __future__ import annotations

from proxy.errors import UpstreamErrorInBody
from proxy.providers.base import Attempt, RelayProvider
from proxy.types.embeddings import EmbeddingsAnswer, EmbeddingsRequest
from proxy.types.ports import Headers, OutgoingRequest
from proxy.wire.chat_completions.errors import find_error
from proxy.wire.embeddings import request as embeddings_request
from proxy.wire.embeddings import response as embeddings_response

EMBEDDINGS_PATH = "embeddings"
JSON_TYPE = ("Content-Type", "application/json")
_ONLY_TYPE = (JSON_TYPE,)


def encode_embeddings(
    provider: RelayProvider, request: EmbeddingsRequest, attempt: Attempt
) -> OutgoingRequest:
    """The HTTP request for vectors; its body is bytes."""
    return provider.encode_relay(
        EMBEDDINGS_PATH,
        embeddings_request.encode_request(request),
        with_type(attempt.headers),
        attempt.secret,
        attempt.limits,
        attempt.may_resend,
    )


def decode_embeddings(body: bytes) -> EmbeddingsAnswer:
    """The vectors in a body of status 200.

    Raises:
        UpstreamErrorInBody: it is an error all the same.
        UpstreamGarbage: it is no JSON, or has no vectors.
    """
    check_answer(body)
    return embeddings_response.decode_response(body)


def check_answer(body: bytes) -> None:
    """Raise UpstreamErrorInBody where an error stands in a body of status 200."""
    status = find_error(body)
    if status is not None:
        raise UpstreamErrorInBody(status, (JSON_TYPE,), body)


def with_type(headers: Headers) -> Headers:
    """The headers, saying that the body is JSON unless they say otherwise."""
    if not headers:
        return _ONLY_TYPE
    if any(name.lower() == "content-type" for name, _ in headers):
        return headers
    return (JSON_TYPE, *headers)
