"""Laying members over members."""

from __future__ import annotations

from collections.abc import Mapping


def merged(below: Mapping[str, object], above: Mapping[str, object]) -> dict[str, object]:
    """The members of both; objects on both sides are merged, of other values the upper holds."""
    result = dict(below)
    for name, value in above.items():
        lower = result.get(name)
        both = isinstance(value, dict) and isinstance(lower, dict)
        result[name] = merged(lower, value) if both else value  # type: ignore[arg-type]
    return result
