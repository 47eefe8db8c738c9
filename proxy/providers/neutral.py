"""Asking a provider that speaks a protocol over HTTP with a neutral request.

Stateless, like the providers themselves: one function makes the request, others read the answer.
"""

from __future__ import annotations

from collections.abc import Callable

from proxy.errors import UpstreamErrorInBody, UpstreamGarbage
from proxy.providers.base import RelayProvider
from proxy.types.embeddings import EmbeddingsAnswer, EmbeddingsRequest
from proxy.types.ports import Headers, Limits, OutgoingRequest
from proxy.types.request import ModelRequest
from proxy.types.response import Answer
from proxy.wire.chat_completions.encode import Addressee, encode_request
from proxy.wire.chat_completions.response import decode_response, find_error, first_choice
from proxy.wire.chat_completions.stream import StreamDecoder
from proxy.wire.embeddings import request as embeddings_request
from proxy.wire.embeddings import response as embeddings_response
from proxy.wire.lenient import lenient_object

CHAT_PATH = "chat/completions"
EMBEDDINGS_PATH = "embeddings"
JSON_TYPE = ("Content-Type", "application/json")


def encode_chat(
    provider: RelayProvider,
    request: ModelRequest,
    secret: str | None,
    limits: Limits,
    may_resend: Callable[[], bool],
    headers: Headers = (),
    *,
    model_name: str | None = None,
    provider_name: str | None = None,
) -> OutgoingRequest:
    """The HTTP request of a chat completion; its body is bytes.

    The two names are those of the configuration, for blocks that are meant for one model or one
    provider only. `may_resend` see `OutgoingRequest`.

    Raises:
        InvalidRequest: a block stands where it cannot.
        UpstreamUnsupported: the protocol has no form for one of the blocks.
    """
    body = encode_request(
        request,
        include_usage=provider.usage == "ask",
        renames=provider.renames,
        body_defaults=provider.body_defaults,
        reasoning_key=provider.reasoning_key,
        allow_lists=provider.allow_lists,
        addressee=Addressee(model_name, provider_name, provider.type),
    )
    return provider.encode_relay(CHAT_PATH, body, _with_type(headers), secret, limits, may_resend)


def decode_chat(body: bytes) -> Answer:
    """The whole answer in a body of status 200.

    Raises:
        UpstreamErrorInBody: it is an error all the same.
        UpstreamGarbage: it is no JSON, or has no choice.
    """
    _check(body)
    answer = decode_response(body)
    if not answer.blocks and not first_choice(lenient_object(body)):
        raise UpstreamGarbage("the answer has no choice")
    return answer


def open_chat_stream() -> StreamDecoder:
    """A decoder for one streamed answer."""
    return StreamDecoder()


def encode_embeddings(
    provider: RelayProvider,
    request: EmbeddingsRequest,
    secret: str | None,
    limits: Limits,
    may_resend: Callable[[], bool],
    headers: Headers = (),
) -> OutgoingRequest:
    """The HTTP request for vectors; its body is bytes."""
    body = embeddings_request.encode_request(request)
    return provider.encode_relay(
        EMBEDDINGS_PATH, body, _with_type(headers), secret, limits, may_resend
    )


def decode_embeddings(body: bytes) -> EmbeddingsAnswer:
    """The vectors in a body of status 200; raises as `decode_chat`, and when there are none."""
    _check(body)
    return embeddings_response.decode_response(body)


def _check(body: bytes) -> None:
    status = find_error(body)
    if status is not None:
        raise UpstreamErrorInBody(status, (JSON_TYPE,), body)


def _with_type(headers: Headers) -> Headers:
    if any(name.lower() == "content-type" for name, _ in headers):
        return headers
    return (JSON_TYPE, *headers)
