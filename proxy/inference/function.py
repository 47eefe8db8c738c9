"""The live form of a configured function: its variants and how one of them is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from proxy.errors import NotFound
from proxy.inference.sampling import Pool, uniform
from proxy.inference.variant import Variant

DEFAULT_FUNCTION = "tensorzero::default"
"""The built-in function that calls of a plain model belong to."""


@dataclass(frozen=True, slots=True)
class Function:
    """Variants by name, and the pool that sampling draws from."""

    name: str
    variants: Mapping[str, Variant]
    pool: Pool

    def choose(self, episode_id: UUID, pinned: str | None) -> Iterator[Variant]:
        """The variants to try, in order: only the pinned one, or as sampling draws them.

        Raises:
            NotFound: the pinned variant does not exist.
        """
        if pinned is not None:
            if pinned not in self.variants:
                raise NotFound(f"Unknown variant: {pinned}", param="variant_name")
            return iter((self.variants[pinned],))
        drawn = self.pool.draw(uniform(self.name, episode_id))
        return (self.variants[name] for name in drawn)
