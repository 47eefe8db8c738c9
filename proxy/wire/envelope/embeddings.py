"""The embeddings of `/openai/v1`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from proxy.types.embeddings import EmbeddingsAnswer
from proxy.wire.dumps import dumps
from proxy.wire.envelope.extensions import CacheOptions, read_cache_options, read_credentials
from proxy.wire.members import list_items
from proxy.wire.serde import (
    fail,
    is_string,
    missing,
    read_body,
    read_flag,
    read_string,
    read_u32,
    read_word,
)

MODEL_PREFIX = "tensorzero::embedding_model_name::"
ENCODING_FORMATS = ("float", "base64")

InputKind = Literal["string", "strings", "tokens", "token_lists"]


@dataclass(frozen=True, slots=True)
class EmbeddingsInput:
    """What is to be embedded."""

    raw: bytes
    """Raw JSON, as it came."""
    kind: InputKind
    count: int
    """How many vectors it asks for."""


@dataclass(frozen=True, slots=True)
class EnvelopeEmbeddingsRequest:
    """A call of `/openai/v1/embeddings`; `types.embeddings.EmbeddingsRequest` is what a provider
    is asked then."""

    model_name: str
    """Without the prefix; perhaps a shorthand `provider::name`."""
    input: EmbeddingsInput
    dimensions: int | None = None
    encoding_format: str = "float"
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    dryrun: bool = False
    cache_options: CacheOptions = field(default_factory=CacheOptions)
    include_raw_response: bool = False
    warnings: tuple[str, ...] = ()
    """Sentences for the log."""


def decode_embeddings_request(body: bytes) -> EnvelopeEmbeddingsRequest:
    """Read and check a body. Members that nobody here knows are ignored.

    Raises:
        InvalidRequest: with TensorZero's message.
    """
    members = read_body(body, "OpenAICompatibleEmbeddingParams")
    values: dict[str, Any] = {}
    for name, raw in members.items():
        reader = _READERS.get(name)
        if reader is not None and (raw != b"null" or name in _REQUIRED):
            values[name] = reader(raw, name)
    for name in _REQUIRED:
        if name not in values:
            raise missing("", name)
    model: str = values.pop("model")
    given = {name.removeprefix("tensorzero::"): value for name, value in values.items()}
    return EnvelopeEmbeddingsRequest(
        model_name=model.removeprefix(MODEL_PREFIX),
        warnings=() if model.startswith(MODEL_PREFIX) else (_UNPREFIXED.format(model),),
        **given,
    )


_UNPREFIXED = (
    "An embedding model was named `{}`, without the prefix `" + MODEL_PREFIX + "`, "
    "which is deprecated."
)


def read_embeddings_input(raw: bytes, path: str) -> EmbeddingsInput:
    """A string, a list of strings, a list of token ids, or a list of such lists; none empty."""
    if is_string(raw):
        return EmbeddingsInput(raw, "string", 1)
    items = list_items(raw) if raw.startswith(b"[") else []
    if raw.startswith(b"[") and not items:
        raise fail(path, "must not be an empty list")
    if items and all(is_string(item) for item in items):
        return EmbeddingsInput(raw, "strings", len(items))
    if _are_tokens(items):
        return EmbeddingsInput(raw, "tokens", 1)
    if items and all(item.startswith(b"[") for item in items):
        lists = [list_items(item) for item in items]
        if not all(lists):
            raise fail(path, "must not contain an empty list")
        if all(_are_tokens(tokens) for tokens in lists):
            return EmbeddingsInput(raw, "token_lists", len(items))
    raise fail(path, "data did not match any variant of untagged enum EmbeddingInput")


def _are_tokens(items: Sequence[bytes]) -> bool:
    return bool(items) and all(map(_is_token, items))


def _is_token(item: bytes) -> bool:
    return item.isdigit() and len(item) <= 10 and int(item) < 2**32


_REQUIRED = ("input", "model")

_READERS: Mapping[str, Callable[[bytes, str], Any]] = {
    "input": read_embeddings_input,
    "model": read_string,
    "dimensions": read_u32,
    "encoding_format": lambda raw, path: read_word(raw, path, ENCODING_FORMATS),
    "tensorzero::credentials": read_credentials,
    "tensorzero::dryrun": read_flag,
    "tensorzero::cache_options": read_cache_options,
    "tensorzero::include_raw_response": read_flag,
}


def encode_embeddings_response(
    answer: EmbeddingsAnswer, *, model_name: str, raw_response: Sequence[bytes] | None = None
) -> bytes:
    """The body of an answer; vectors as the provider spelled them.

    `model_name` is the embedding model's, without prefix; `raw_response` has raw entries, or is
    None when they were not asked for.
    """
    data = [
        {"object": "embedding", "embedding": embedding, "index": index}
        for index, embedding in enumerate(answer.embeddings)
    ]
    tokens = answer.usage.input_tokens
    body: dict[str, object] = {
        "object": "list",
        "data": data,
        "model": MODEL_PREFIX + model_name,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens, "tensorzero_cost": None},
    }
    if raw_response is not None:
        body["tensorzero::raw_response"] = list(raw_response)
    return dumps(body)
