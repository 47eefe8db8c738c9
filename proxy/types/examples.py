"""Examples of inputs and the answers that were good."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Example:
    """One that is like an input. Both texts are JSON as inferences are stored."""

    input: str
    output: str
    distance: float
    """Cosine distance of the two inputs' vectors: 0 is the same direction, 2 the opposite one."""
