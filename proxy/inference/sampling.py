"""TensorZero's sampling rule: a hash of function and episode decides, so episodes are sticky."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from proxy.types.ids import Identifier


def uniform(function_name: str, episode_id: Identifier) -> float:
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
    _marks: Sequence[tuple[float, str]] = field(init=False, repr=False, default=())
    """Of each candidate that weighs something, the cumulative weight up to it and with it."""

    def __post_init__(self) -> None:
        if self.weights is not None:
            object.__setattr__(self, "_marks", _marks(self.candidates, self.weights))

    def draw(self, u: float) -> Iterator[str]:
        """The variants of one call: the next is wanted when the last has failed.

        The same `u` is used again for what is left, as TensorZero does.
        """
        name = _drawn(self._marks, u) if self._marks else None
        name = name or self._next(self.candidates, self.fallbacks, u)
        if name is None:
            return
        yield name
        left, spare = list(self.candidates), list(self.fallbacks)
        while name is not None:
            for names in (left, spare):
                if name in names:
                    names.remove(name)
            name = self._next(left, spare, u)
            if name is not None:
                yield name

    def _next(self, left: Sequence[str], spare: Sequence[str], u: float) -> str | None:
        if self.weights is None:
            return left[int(u * len(left))] if left else None
        name = _drawn(_marks(left, self.weights), u)
        if name is None and spare:
            return spare[0]
        return name


def _marks(names: Sequence[str], weights: Mapping[str, float]) -> tuple[tuple[float, str], ...]:
    found, cumulative = [], 0.0
    for name in names:
        weight = weights.get(name, 0.0)
        if weight > 0:
            cumulative += weight
            found.append((cumulative, name))
    return tuple(found)


def _drawn(marks: Sequence[tuple[float, str]], u: float) -> str | None:
    """The first name whose cumulative weight exceeds u · total; None when nothing weighs."""
    if not marks:
        return None
    mark = u * marks[-1][0]
    for cumulative, name in marks:
        if cumulative > mark:
            return name
    return marks[-1][1]


def by_name(names: Sequence[str]) -> list[str]:
    """In the byte order of the names, which is the order of every pool."""
    return sorted(names, key=lambda name: name.encode())
