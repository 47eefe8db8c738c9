"""`rate_limiting`: how much may be asked in which time."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from proxy.config.schema.base import Many, Section, Shown, Weight, problem
from proxy.config.schema.form import Field, model_validator

RESOURCES = ("model_inferences", "tokens", "cost")
INTERVALS = ("second", "minute", "hour", "day", "week", "month")
_LIMIT = re.compile(rf"({'|'.join(RESOURCES)})_per_({'|'.join(INTERVALS)})\Z")
EACH, TOTAL = "tensorzero::each", "tensorzero::total"


class RateLimit(Section):
    """A bucket: `capacity` at most, `refill_rate` more in each interval."""

    resource: Literal["model_inferences", "tokens", "cost"] = Field(description="What is counted.")
    interval: Literal["second", "minute", "hour", "day", "week", "month"] = Field(
        description="In which time."
    )
    capacity: Weight = Field(description="At most so much at once.")
    refill_rate: Weight = Field(description="So much more in each interval.")


class RateScope(Section):
    """Of which calls: of a tag, or of a key."""

    tag_key: str | None = Field(None, min_length=1, description="A tag's name.")
    tag_value: str | None = Field(
        None, description=f"Its value, `{EACH}` value by itself, or `{TOTAL}`."
    )
    api_key_public_id: str | None = Field(
        None, description=f"A key's public id, or `{EACH}` key by itself."
    )


class RateRule(Section):
    limits: Annotated[Many[RateLimit], Shown("keys `RESOURCE_per_INTERVAL`")] = Field(
        (),
        description="Limits: `model_inferences`, `tokens` or `cost` (dollars), `_per_`, `second`, "
        "`minute`, `hour`, `day`, `week` or `month`; a number, or `{capacity, refill_rate}`.",
    )
    always: bool | None = Field(None, description="The rule holds beside all others.")
    priority: Annotated[int, Field(ge=0)] | None = Field(
        None, description="Of the rules that fit, those of the highest priority hold."
    )
    scope: Many[RateScope] = Field((), description="Of which calls; all of them must fit.")

    @model_validator(mode="before")
    @classmethod
    def _gather_limits(cls, data: Any) -> Any:
        """`tokens_per_minute: 10` as one of `limits`; wrong ones are the business of the rules."""
        if not isinstance(data, dict):
            return data
        if "limits" in data:
            raise problem("unknown field `limits`", "write limits like `tokens_per_minute: 1000`")
        limits = [each for key in data if (each := _limit(key, data[key])) is not None]
        rest = {key: value for key, value in data.items() if "_per_" not in key}
        return rest | {"limits": limits}


def _limit(key: str, value: Any) -> dict[str, Any] | None:
    match = _LIMIT.match(key)
    bucket = bucket_of(value)
    if match is None or bucket is None:
        return None
    return {"resource": match[1], "interval": match[2], **bucket}


def bucket_of(value: Any) -> dict[str, float] | None:
    """A limit's value as capacity and rate, or None when it is neither a number nor both."""
    if isinstance(value, dict):
        keys = {"capacity", "refill_rate"}
        return value if value.keys() == keys and all(map(_is_amount, value.values())) else None
    return {"capacity": value, "refill_rate": value} if _is_amount(value) else None


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


class RateLimiting(Section):
    enabled: bool = Field(True, description="Switch.")
    backend: Literal["auto", "postgres", "valkey"] = Field(
        "auto", description="Where is counted; `auto`: Valkey if configured, else Postgres."
    )
    default_cost: Weight | None = Field(
        None, description="Dollars assumed for a call of unknown cost."
    )
    rules: Many[RateRule] = Field((), description="The rules.")
