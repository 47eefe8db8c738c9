"""Single values out of JSON whose makers cannot be trusted to keep to types.

`*_of` take values that are decoded already, `raw_*` take a member's raw JSON. What is of another
type than asked for counts as not there.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from proxy.wire.lenient import whole_text
from proxy.wire.members import value_of

_I64_MIN, _U64_MAX = -(2**63), 2**64 - 1


def text_of(value: object) -> str:
    """A string that can be encoded; empty for anything else."""
    return whole_text(value) if isinstance(value, str) else ""


def object_of(value: object) -> Mapping[str, object]:
    """An object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def objects_of(value: object) -> list[Mapping[str, object]]:
    """The objects in a list; none for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def count_of(value: object) -> int | None:
    """A whole number from 0 up, within 64 bits."""
    if type(value) is int:
        return value if 0 <= value < -_I64_MIN else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value < -_I64_MIN and value == value // 1 else None


def raw_text(raw: bytes | None) -> str | None:
    """A string."""
    if raw is None or not raw.startswith(b'"'):
        return None
    value = value_of(raw)
    return whole_text(value) if isinstance(value, str) else None


def raw_number(raw: bytes | None) -> float | None:
    """A number, as int or float, as it was spelled; whole numbers beyond 64 bits are none."""
    value = None if raw is None else value_of(raw)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return None if isinstance(value, int) and not _I64_MIN <= value <= _U64_MAX else value


def raw_integer(raw: bytes | None) -> int | None:
    """A whole number of at most 64 bits."""
    value = raw_number(raw)
    if value is None or not _I64_MIN <= value <= _U64_MAX or value != value // 1:
        return None
    return int(value)


def raw_flag(raw: bytes | None) -> bool | None:
    """True or false."""
    return {b"true": True, b"false": False}.get(raw or b"")


def compact_json(raw: bytes) -> str:
    """The JSON text without whitespace; key order and number spelling stay."""
    try:
        return msgspec.json.format(raw, indent=-1).decode()
    except (ValueError, RecursionError):
        return raw.decode()
