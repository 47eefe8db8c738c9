"""TensorZero's sampling rule: a hash of function and episode decides, so episodes are sticky."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID


def uniform(function_name: str, episode_id: UUID) -> float:
    """u in [0, 1): the first four bytes of SHA-256(function name ‖ episode's 16 bytes) / 2^32."""
    digest = hashlib.sha256(function_name.encode() + episode_id.bytes).digest()
    return int.from_bytes(digest[:4], "big") / 2**32


@dataclass(frozen=True, slots=True)
class Pool:
    """What may be drawn. `weights` is None for an even draw over `candidates`.

    `candidates` stand in the byte order of their names; `fallbacks` in the order of their list,
    and are drawn only when the candidates that are left weigh nothing.
    """

    candidates: Sequence[str]
    weights: Mapping[str, float] | None = None
    fallbacks: Sequence[str] = field(default=())

    def draw(self, u: float) -> Iterator[str]:
        """The variants of one call: the next is wanted when the last has failed.

        The same `u` is used again for what is left, as TensorZero does.
        """
        left = list(self.candidates)
        spare = list(self.fallbacks)
        while True:
            name = self._next(left, spare, u)
            if name is None:
                return
            for names in (left, spare):
                if name in names:
                    names.remove(name)
            yield name

    def _next(self, left: list[str], spare: list[str], u: float) -> str | None:
        if self.weights is None:
            return left[int(u * len(left))] if left else None
        name = _weighted(left, self.weights, u)
        if name is None and spare:
            return spare[0]
        return name


def _weighted(left: Sequence[str], weights: Mapping[str, float], u: float) -> str | None:
    """The first name whose cumulative weight exceeds u · total; None when nothing weighs."""
    total = sum(weights.get(name, 0.0) for name in left)
    if total <= 0:
        return None
    mark, cumulative, last = u * total, 0.0, None
    for name in left:
        weight = weights.get(name, 0.0)
        if weight > 0:
            cumulative += weight
            last = name
            if cumulative > mark:
                return name
    return last


def by_name(names: Sequence[str]) -> list[str]:
    """In the byte order of the names, which is the order of every pool."""
    return sorted(names, key=lambda name: name.encode())
