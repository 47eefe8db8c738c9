"""Writing JSON in which `bytes` stand for raw JSON."""

from __future__ import annotations

import json

import orjson

from proxy.wire.lenient import lenient_loads


def dumps(value: object) -> bytes:
    """Compact JSON. Halves of a character that a provider cut apart stay, as escapes."""
    try:
        return orjson.dumps(value, default=orjson.Fragment)
    except orjson.JSONEncodeError:
        return json.dumps(value, separators=(",", ":"), default=_loaded).encode()


def _loaded(raw: bytes | orjson.Fragment) -> object:
    """Raw JSON for an encoder that takes none."""
    return lenient_loads(orjson.dumps(raw) if isinstance(raw, orjson.Fragment) else raw)
