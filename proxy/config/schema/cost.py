"""`cost` and `batch_cost`: which numbers of a provider's answer cost how much."""

from __future__ import annotations

from typing import Annotated, Any

from proxy.config.schema.base import Many, Section, problem
from proxy.config.schema.form import BeforeValidator, Field
from proxy.config.schema.overrides import Pointer

RATES = ("cost_per_million", "cost_per_unit")


class UnifiedCost(Section):
    """One kind of tokens, or of anything else that is counted."""

    pointer: Pointer | None = Field(
        None, description="Where the count stands in the provider's answer."
    )
    cost_per_million: float | None = Field(
        None, description="Dollars for a million; negative for discounts."
    )
    cost_per_unit: float | None = Field(None, description="Dollars for one.")
    required: bool = Field(
        False, description="Without the count the whole cost is unknown; otherwise it counts 0."
    )


class Cost(UnifiedCost):
    pointer_nonstreaming: Pointer | None = Field(
        None, description="In place of `pointer`, for answers that do not stream."
    )
    pointer_streaming: Pointer | None = Field(
        None, description="In place of `pointer`, for the chunks of streams."
    )


def _check_rate(data: dict[str, Any]) -> None:
    if sum(data.get(key) is not None for key in RATES) != 1:
        raise problem(
            "must specify exactly one of `cost_per_million` or `cost_per_unit`", "keep one of them"
        )


def _check_unified(data: object) -> object:
    if isinstance(data, dict):
        _check_rate(data)
        if data.get("pointer") is None:
            raise problem("missing field `pointer`", "write it like `/usage/prompt_tokens`")
    return data


def _check_cost(data: object) -> object:
    if isinstance(data, dict):
        _check_rate(data)
        two = [data.get(f"pointer_{each}") is not None for each in ("nonstreaming", "streaming")]
        whole = data.get("pointer") is not None and not any(two)
        if not whole and (data.get("pointer") is not None or not all(two)):
            raise problem(
                "either `pointer` or both `pointer_nonstreaming` and `pointer_streaming` are "
                "needed",
                "write `pointer: /usage/prompt_tokens`, or both of the others",
            )
    return data


Costs = Many[Annotated[Cost, BeforeValidator(_check_cost)]]
UnifiedCosts = Many[Annotated[UnifiedCost, BeforeValidator(_check_unified)]]
