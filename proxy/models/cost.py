"""What a call cost, from the counts in a provider's own answer and the configured rates.

TensorZero's rules. A count that is not there is 0, unless its entry is `required`; then the cost
is unknown, as it is where a count is no number, or where the sum is negative. Of a stream each
count is the greatest that any chunk told: some vendors repeat growing counts, others spread them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeAlias

import orjson

from proxy.config.schema import EmbeddingProviderConfig, ProviderConfig
from proxy.config.schema.cost import Cost, UnifiedCost
from proxy.models.rewrite import pointer_tokens

Tokens: TypeAlias = tuple[str, ...]
"""The reference tokens of a JSON pointer (RFC 6901, 4)."""

LIMIT = Decimal(10) ** 11
"""From here on a cost is unknown: the store's column has eleven digits before the point."""
_MILLIONTH = -6
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)\Z", re.ASCII)
_INDEX = re.compile(r"(0|[1-9]\d*)\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Price:
    """One kind of thing that is counted."""

    whole: Tokens
    """Where an answer in one piece has the count."""
    streamed: Tokens
    """Where a stream's chunks have it."""
    rate: Decimal
    """Dollars for one; negative for discounts."""
    required: bool


Prices: TypeAlias = tuple[Price, ...]


def build_prices(provider: ProviderConfig | EmbeddingProviderConfig) -> Prices | None:
    """The live form of a provider's `cost`; None without one, when no call's cost is known.

    An empty list says that calls are free.
    """
    if "cost" not in provider.model_fields_set:
        return None
    return tuple(_price(entry) for entry in provider.cost)


def _price(entry: UnifiedCost) -> Price:
    if isinstance(entry, Cost) and entry.pointer is None:
        whole, streamed = entry.pointer_nonstreaming, entry.pointer_streaming
    else:
        whole = streamed = entry.pointer
    places = pointer_tokens(whole or ""), pointer_tokens(streamed or "")
    return Price(*places, _rate(entry), entry.required)


def _rate(entry: UnifiedCost) -> Decimal:
    if entry.cost_per_million is not None:
        return Decimal(repr(entry.cost_per_million)).scaleb(_MILLIONTH)
    return Decimal(repr(entry.cost_per_unit or 0.0))


def cost_of(prices: Prices, answer: bytes | str) -> Decimal | None:
    """Dollars for an answer in one piece, given as the provider sent it; None if unknown."""
    try:
        value = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return None
    return _total(prices, [_found([value], price.whole) for price in prices])


def cost_of_stream(prices: Prices, chunks: Iterable[bytes | str]) -> Decimal | None:
    """Dollars for a stream, given as the JSON of its events; None if unknown.

    What is no JSON, such as `[DONE]`, is passed over.
    """
    values = []
    for chunk in chunks:
        try:
            values.append(orjson.loads(chunk))
        except orjson.JSONDecodeError:
            continue
    return _total(prices, [_found(values, price.streamed) for price in prices])


def dump_prices(prices: Prices) -> bytes:
    """The prices as a record carries them, for whoever reads its raw answer later."""
    return orjson.dumps(
        [[price.whole, price.streamed, str(price.rate), price.required] for price in prices]
    )


def recorded_cost(prices: bytes, blocks: Iterable[bytes], events: Sequence[str]) -> Decimal | None:
    """Dollars for an answer in blocks as they came, by dumped prices; `events` are the JSON texts
    of a streamed one."""
    read = _load_prices(prices)
    if not events:
        return cost_of(read, b"".join(blocks))
    names = _streamed_names(read)
    if names is not None:
        events = [text for text in events if "\\u" in text or any(name in text for name in names)]
    return cost_of_stream(read, events)


@lru_cache(maxsize=256)
def _load_prices(dumped: bytes) -> Prices:
    return tuple(
        Price(tuple(whole), tuple(streamed), Decimal(rate), required)
        for whole, streamed, rate, required in orjson.loads(dumped)
    )


@lru_cache(maxsize=256)
def _streamed_names(prices: Prices) -> tuple[str, ...] | None:
    """The members of a chunk, one of which it must have to tell anything, as they are spelled where
    they are not escaped; None where no names say that."""
    first = {price.streamed[0] if price.streamed else "" for price in prices}
    return tuple(f'"{name}"' for name in first) if all(map(str.isidentifier, first)) else None


def total_cost(costs: Sequence[Decimal | None]) -> Decimal | None:
    """What several calls cost together; unknown if one of them is."""
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal(0)) if known and len(known) == len(costs) else None


def _total(prices: Prices, counts: Sequence[list[Any]]) -> Decimal | None:
    total = Decimal(0)
    for price, found in zip(prices, counts, strict=True):
        numbers = [number for value in found if (number := _number(value)) is not None]
        if len(numbers) < len(found) or (price.required and not found):
            return None
        total += max(numbers, default=Decimal(0)) * price.rate
    return total if 0 <= total < LIMIT else None


def _found(values: Sequence[Any], tokens: Tokens) -> list[Any]:
    """What stands at the pointer, in those values that have it."""
    found = (_at(value, tokens) for value in values)
    return [value for value in found if value is not _NOTHING]


class _Nothing:
    """Stands where a pointer leads nowhere; null is something."""


_NOTHING = _Nothing()


def _at(value: Any, tokens: Tokens) -> Any:
    for token in tokens:
        if isinstance(value, dict) and token in value:
            value = value[token]
        elif isinstance(value, list) and _INDEX.match(token) and int(token) < len(value):
            value = value[int(token)]
        else:
            return _NOTHING
    return value


def _number(value: Any) -> Decimal | None:
    """Numbers, and text that is one: some vendors quote their counts."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return Decimal(repr(value)) if math.isfinite(value) else None
    if isinstance(value, str) and _NUMBER.match(value):
        return Decimal(value)
    return None
