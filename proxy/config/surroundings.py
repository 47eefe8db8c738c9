"""Where a variant is to stand that a request brings along."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The function in which the variant is to stand, and what it may name."""

    function_kind: str
    """`chat` or `json`."""
    variants: Collection[str]
    models: Collection[str]
    embedding_models: Collection[str]
