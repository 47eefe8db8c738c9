"""The live form of a configured function: its variants and how one of them is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from proxy.errors import InvalidRequest, NotFound, NotSupported
from proxy.inference.prepare import PLAIN, FunctionSpec
from proxy.inference.sampling import uniform
from proxy.inference.variant import Variant
from proxy.models.model import Model
from proxy.types.ids import Identifier

DEFAULT_FUNCTION = "tensorzero::default"
"""The built-in function that calls of a plain model belong to."""
DYNAMIC_VARIANT = "tensorzero::dynamic_variant"
"""The name of a variant that a request brings along."""


class Draw(Protocol):
    """Where variants are drawn from."""

    def draw(self, u: float) -> Iterator[str]:
        """The variants of one call, in order; `u` is in [0, 1)."""


@dataclass(frozen=True, slots=True)
class UnbuiltDraw:
    """Stands for a way of drawing that is configured and not built yet."""

    what: str

    def draw(self, u: float) -> Iterator[str]:
        """Raises NotSupported."""
        raise NotSupported(f"{self.what} is not built yet; pin a variant", param="function_name")


@dataclass(frozen=True, slots=True)
class Function:
    """Variants by name, and the pools that sampling draws from: one for each namespace that has
    its own, and one for all others."""

    name: str
    variants: Mapping[str, Variant]
    pool: Draw
    spec: FunctionSpec = PLAIN
    namespaces: Mapping[str, Draw] = field(default_factory=dict)
    plain: bool = field(init=False, default=True)
    """Whether a client's chat needs no more than parameters and a system text to be its call."""

    guarded: bool = field(init=False, default=False)
    """Whether a variant's model belongs to a namespace."""

    def __post_init__(self) -> None:
        variants = self.variants.values()
        plain = self.spec.plain and all(each.plain for each in variants)
        object.__setattr__(self, "plain", plain)
        guarded = any(each.candidate.model.namespace is not None for each in variants)
        object.__setattr__(self, "guarded", guarded)

    def choose(
        self, episode_id: Identifier, pinned: str | None, namespace: str | None = None
    ) -> Iterator[Variant]:
        """The variants to try, in order: only the pinned one, or as sampling draws them.

        Raises:
            NotFound: the pinned variant does not exist.
            NotSupported: they would be drawn in a way that is not built yet.
        """
        if pinned is not None:
            if pinned not in self.variants:
                raise NotFound(f"Unknown variant: {pinned}", param="variant_name")
            return iter((self.variants[pinned],))
        pool = self.namespaces.get(namespace or "", self.pool)
        drawn = pool.draw(uniform(self.name, episode_id))
        return map(self.variants.__getitem__, drawn)


def check_namespace(model: Model, namespace: str | None, who: str) -> None:
    """Refuse a model that belongs to another namespace. `who` is the start of the sentence.

    Raises:
        InvalidRequest: it does.
    """
    if model.namespace is None or model.namespace == namespace:
        return
    asked = "`None`" if namespace is None else f"`{namespace}`"
    raise InvalidRequest(
        f"{who} `{model.name}`, which has namespace `{model.namespace}`; the namespace of the "
        f"request is {asked}",
        param="namespace",
    )
