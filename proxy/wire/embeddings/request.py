"""Requests: a client's body as a neutral request, and a neutral request as a provider's body."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from proxy.errors import InvalidRequest
from proxy.types.embeddings import EmbeddingsRequest
from proxy.types.request import NO_CREDENTIALS
from proxy.wire.members import list_items, object_members, value_of


def decode_request(
    body: bytes, *, model_name: str, credentials: Mapping[str, str] = NO_CREDENTIALS
) -> EmbeddingsRequest:
    """A neutral request to the provider's model `model_name`; what it does not know is left out.

    Raises:
        InvalidRequest: no JSON object, no usable `input`, or a parameter of another type.
    """
    members = object_members(body)
    given = members.get("input", b"")
    return EmbeddingsRequest(
        model_name=model_name,
        input=given,
        count=len(inputs_of(given)),
        dimensions=_decode_dimensions(members.get("dimensions", b"null")),
        encoding_format=_decode_format(members.get("encoding_format", b"null")),
        credentials=credentials,
    )


def encode_request(request: EmbeddingsRequest) -> bytes:
    """The body for a provider."""
    body: dict[str, object] = {
        "model": request.model_name,
        "input": orjson.Fragment(request.input),
    }
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    if request.encoding_format is not None:
        body["encoding_format"] = request.encoding_format
    return orjson.dumps(body)


def inputs_of(given: bytes) -> list[bytes]:
    """The raw inputs in an `input` (raw JSON), one for each vector; token ids in a row are one.

    Raises:
        InvalidRequest: it is neither a text nor a list of texts or tokens.
    """
    if not given:
        raise InvalidRequest("missing field `input`", param="input")
    if given.startswith(b'"'):
        return [given]
    items = list_items(given) if given.startswith(b"[") else []
    kinds = {_kind(item) for item in items}
    if len(kinds) != 1 or "" in kinds:
        raise InvalidRequest(
            "`input` must be a string, a list of strings, a list of token ids or a list of such "
            "lists, and not empty",
            param="input",
        )
    return [given] if kinds == {"token"} else items


def _kind(item: bytes) -> str:
    if item.startswith(b'"'):
        return "text"
    if item.startswith(b"["):
        return "tokens"
    return "token" if item.isdigit() else ""


def _decode_dimensions(raw: bytes) -> int | None:
    if raw == b"null":
        return None
    if not raw.isdigit():
        raise InvalidRequest("`dimensions` must be a whole number", param="dimensions")
    return int(raw)


def _decode_format(raw: bytes) -> str | None:
    value = value_of(raw)
    if value is None or value in ("float", "base64"):
        return None if value is None else str(value)
    raise InvalidRequest("`encoding_format` must be `float` or `base64`", param="encoding_format")
