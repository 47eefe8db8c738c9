"""Neutral requests for embeddings, and their answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.types.request import NO_CREDENTIALS
from proxy.types.usage import NO_USAGE, Usage


@dataclass(frozen=True, slots=True)
class EmbeddingsRequest:
    """All that a provider needs to make vectors."""

    model_name: str
    """The provider's own name of the model."""
    input: bytes
    """Raw JSON: a text, a list of texts, a list of token ids, or a list of such lists."""
    count: int
    """How many vectors that asks for."""
    dimensions: int | None = None
    encoding_format: str | None = None
    """`float` or `base64`; None leaves it to the provider."""
    credentials: Mapping[str, str] = field(default_factory=lambda: NO_CREDENTIALS, repr=False)
    """Values that the caller sent for `dynamic::` locations, by name."""


@dataclass(frozen=True, slots=True)
class EmbeddingsAnswer:
    """A model's vectors."""

    embeddings: tuple[bytes, ...]
    """In the order of the inputs, each as raw JSON, so that numbers keep their spelling: a list
    of numbers, or the provider's own base64 text as a JSON string."""
    usage: Usage = NO_USAGE
    raw_response: str = ""
    """The provider's body."""
    id: str = ""
    """The provider's id of the answer; empty when it gave none."""
