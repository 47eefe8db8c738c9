"""Values as their columns take them: what Postgres cannot hold is replaced, cut or left out, so
that it does not cost the record."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation

import orjson

from proxy.store.clean import clean_text, may_hold_unfit_escapes

LARGEST_INT = 2**31 - 1
LONGEST_NAME = 256
LARGEST_COST = Decimal(10**11)
"""Of `numeric(20, 9)`, in dollars, exclusive."""


def tags_column(tags: bytes) -> str:
    """Tags as `jsonb` takes them: it knows no U+0000 and no halves of surrogate pairs."""
    if not tags:
        return "{}"
    if not may_hold_unfit_escapes(tags):
        return tags.decode()
    # The standard parser, because it takes halves of surrogate pairs.
    parsed = json.loads(tags)
    cleaned = {clean_text(key): clean_text(value) for key, value in parsed.items()}
    return orjson.dumps(cleaned).decode()


def indexed_name(text: str) -> str:
    """A name in an index, whose entries have a limited size; callers may invent model names."""
    return clean_text(text[:LONGEST_NAME])


def duration(value: int | None) -> int | None:
    """A time for an `integer` column, which ends at 24 days."""
    return None if value is None else min(value, LARGEST_INT)


def token_count(value: int | None) -> int | None:
    """A provider's count; one that no `integer` can hold is no count."""
    return None if value is None or value > LARGEST_INT else value


def cost_column(dollars: str) -> Decimal | None:
    """A cost; what is no number, or one that the column cannot hold, is not known."""
    if not dollars:
        return None
    try:
        cost = Decimal(dollars)
    except InvalidOperation:
        return None
    return cost if cost.is_finite() and abs(cost) < LARGEST_COST else None
