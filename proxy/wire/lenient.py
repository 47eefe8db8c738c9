"""Reading JSON that strict parsers refuse, for answers that exist and must be recorded."""

from __future__ import annotations

import json
import re

import orjson

from proxy.errors import UpstreamGarbage

_SURROGATE = re.compile("[\ud800-\udfff]")


def lenient_loads(data: bytes) -> object:
    """A JSON value. Lone surrogate escapes, NaN and broken UTF-8 are let through.

    Raises:
        UpstreamGarbage: it is no JSON, not even so.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        pass
    try:
        value: object = json.loads(data.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError) as error:
        raise UpstreamGarbage(f"no JSON: {error}") from error
    return value


def lenient_object(data: bytes) -> dict[str, object]:
    """As `lenient_loads`; an empty object for a value that is none."""
    value = lenient_loads(data)
    return value if isinstance(value, dict) else {}


def whole_text(text: str) -> str:
    """Text that can be encoded: surrogates that meet form their character, others become U+FFFD.

    Providers cut text into deltas wherever they like, also between the two halves of a pair.
    """
    if text.isascii() or _SURROGATE.search(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def lenient_dumps(value: object) -> bytes:
    """JSON of what `lenient_loads` gave; lone surrogates stay, as escapes."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, separators=(",", ":")).encode()
