"""`experimentation`: which variants take part, with which share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from proxy.config.schema.base import Count, Fraction, Many, Section, Shown, Weight
from proxy.config.schema.form import BeforeValidator, Field


def _as_weights(value: object) -> object:
    """A list of names means a weight of 1 for each."""
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return dict.fromkeys(value, 1.0)
    return value


Candidates = Annotated[Mapping[str, Weight], BeforeValidator(_as_weights)]
FALLBACKS = Field((), description="Tried in this order when no candidate is left.")


class StaticShares(Section):
    """Fixed shares. `uniform` and `static_weights` are older spellings of the same thing."""

    type: Literal["static", "static_weights", "uniform"] = Field(
        description="Fixed shares; the last two are deprecated spellings."
    )
    candidate_variants: Annotated[Candidates, Shown("list of names, or table of name → weight")] = (
        Field(default_factory=dict, description="Who takes part; a list gives all the same share.")
    )
    fallback_variants: Many[str] = FALLBACKS


class AdaptiveShares(Section):
    """Shares that follow a metric until one variant has won."""

    not_built: ClassVar[str] = "experimentation type `{type}`"

    type: Literal["adaptive", "track_and_stop"] = Field(
        description="Shares that follow a metric; the second is a deprecated spelling."
    )
    algorithm: Literal["track_and_stop"] = Field("track_and_stop", description="How they follow.")
    metric: str = Field(min_length=1, description="A name from `metrics`.")
    candidate_variants: Annotated[Candidates, Shown("list of names")] = Field(
        description="Who takes part."
    )
    fallback_variants: Many[str] = FALLBACKS
    min_samples_per_variant: Count = Field(10, description="Feedback that each is given first.")
    delta: Annotated[float, Field(gt=0, lt=1), Shown("number between 0 and 1")] = Field(
        0.05, description="How often the end may be wrong."
    )
    epsilon: Weight = Field(0.0, description="A difference that does not matter.")
    update_period_s: Count = Field(300, description="Seconds between two looks at the metric.")
    min_prob: Fraction | None = Field(0.0, description="The least share of each.")
    max_samples_per_variant: Count | None = Field(10_000, description="Then it ends, too.")


Shares: TypeAlias = Annotated[StaticShares | AdaptiveShares, Field(discriminator="type")]
"""An experiment of one namespace."""

_NAMESPACES: Any = Field(
    default_factory=dict, description="Other experiments, for requests of these namespaces."
)
Namespaces = Mapping[str, Shares]


class StaticExperimentation(StaticShares):
    namespaces: Namespaces = _NAMESPACES


class AdaptiveExperimentation(AdaptiveShares):
    namespaces: Namespaces = _NAMESPACES


Experimentation: TypeAlias = Annotated[
    StaticExperimentation | AdaptiveExperimentation, Field(discriminator="type")
]


def spread_uniform(split: Any, variants: Any) -> Any:
    """The older `uniform` with no lists takes all variants; later rooms need not know of it."""
    if not isinstance(split, dict):
        return split
    if split.get("type") == "uniform" and not split.keys() & {
        "candidate_variants",
        "fallback_variants",
    }:
        everyone = sorted(variants) if isinstance(variants, dict) else []
        split = split | {"candidate_variants": everyone}
    if isinstance(split.get("namespaces"), dict):
        spread = {
            name: spread_uniform(each, variants) for name, each in split["namespaces"].items()
        }
        split = split | {"namespaces": spread}
    return split
