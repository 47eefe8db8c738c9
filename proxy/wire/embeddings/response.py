"""Answers: decoded from a provider, encoded for a client."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from proxy.errors import InvalidRequest, UpstreamGarbage
from proxy.types.embeddings import EmbeddingsAnswer
from proxy.types.usage import NO_USAGE, Usage
from proxy.wire.chat_completions.response import decode_usage
from proxy.wire.lenient import lenient_loads
from proxy.wire.members import list_items, object_members
from proxy.wire.values import text_of


def decode_response(body: bytes) -> EmbeddingsAnswer:
    """The vectors by their `index`, or as they stand where they have none.

    Raises:
        UpstreamGarbage: it is no JSON, or has no list of vectors.
    """
    try:
        members = object_members(body)
        embeddings = _decode_data(members.get("data", b""))
    except InvalidRequest as error:
        raise UpstreamGarbage(f"no embeddings: {error}") from error
    return EmbeddingsAnswer(
        embeddings=embeddings,
        usage=_decode_usage(members.get("usage", b"null")),
        raw_response=body.decode("utf-8", "replace"),
        id=text_of(lenient_loads(members.get("id", b"null"))),
    )


def encode_response(answer: EmbeddingsAnswer, model: str) -> bytes:
    """A plain OpenAI answer. `usage` is left out when the provider said nothing of tokens."""
    data = [
        {"object": "embedding", "index": index, "embedding": orjson.Fragment(embedding)}
        for index, embedding in enumerate(answer.embeddings)
    ]
    body: dict[str, object] = {"object": "list", "data": data, "model": model}
    if answer.usage.known:
        body["usage"] = encode_usage(answer.usage)
    return orjson.dumps(body)


def encode_usage(usage: Usage) -> dict[str, int]:
    """OpenAI's usage of an embeddings call."""
    prompt = usage.input_tokens or 0
    return {"prompt_tokens": prompt, "total_tokens": prompt + (usage.output_tokens or 0)}


def _decode_data(data: bytes) -> tuple[bytes, ...]:
    items = [object_members(item) for item in list_items(data)]
    order = sorted((_index(item, place), place) for place, item in enumerate(items))
    return tuple(_vector(items[place]) for _, place in order)


def _index(item: Mapping[str, bytes], place: int) -> int:
    raw = item.get("index", b"")
    return int(raw) if raw.isdigit() else place


def _vector(item: Mapping[str, bytes]) -> bytes:
    raw = item.get("embedding", b"")
    if not raw.startswith((b"[", b'"')):
        raise UpstreamGarbage("no embeddings: an item has no vector")
    return raw


def _decode_usage(raw: bytes) -> Usage:
    """Vectors are no tokens: what came out is 0 as soon as it is known what went in."""
    usage = decode_usage({"usage": lenient_loads(raw)})
    if usage.input_tokens is None:
        return NO_USAGE
    return Usage(usage.input_tokens, 0, usage.cache_read)
