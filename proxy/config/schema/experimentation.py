"""`experimentation`: which variants take part, with which share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from proxy.config.schema.base import Many, NotServed, Section, Shown, Weight


def _as_weights(value: object) -> object:
    """A list of names means a weight of 1 for each."""
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return dict.fromkeys(value, 1.0)
    return value


class StaticExperimentation(Section):
    """Fixed shares. `uniform` and `static_weights` are older spellings of the same thing."""

    not_served = frozenset({"namespaces"})

    type: Annotated[
        Literal["static", "static_weights", "uniform"], NotServed(("adaptive", "track_and_stop"))
    ] = Field(description="Fixed shares; the last two are deprecated spellings.")
    candidate_variants: Annotated[
        Mapping[str, Weight],
        BeforeValidator(_as_weights),
        Shown("list of names, or table of name → weight"),
    ] = Field(default_factory=dict, description="Who takes part; a list gives all the same share.")
    fallback_variants: Many[str] = Field(
        (), description="Tried in this order when no candidate is left."
    )


Experimentation: TypeAlias = StaticExperimentation
