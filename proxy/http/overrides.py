"""A request's `extra_body` and `extra_headers` entries as rules with the scope they hold in."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from proxy.errors import InvalidRequest
from proxy.models.rewrite import HeaderRewrite, Rewrite, pointer_tokens
from proxy.services.infer_call import Scope


def read_body_rules(entries: Sequence[bytes]) -> tuple[tuple[Scope, Rewrite], ...]:
    """`entries` are raw JSON objects, checked in shape.

    Raises:
        InvalidRequest: a pointer is none that names a member.
    """
    rules = []
    for entry in map(orjson.loads, entries):
        rule = Rewrite(_tokens(entry["pointer"]), entry.get("value"), "delete" in entry)
        rules.append((_scope(entry), rule))
    return tuple(rules)


def read_header_rules(entries: Sequence[bytes]) -> tuple[tuple[Scope, HeaderRewrite], ...]:
    """As `read_body_rules`, for headers."""
    return tuple(
        (_scope(entry), HeaderRewrite(entry["name"], entry.get("value")))
        for entry in map(orjson.loads, entries)
    )


def _scope(entry: dict[str, str | None]) -> Scope:
    return Scope(entry.get("variant_name"), entry.get("model_name"), entry.get("provider_name"))


def _tokens(pointer: str) -> tuple[str, ...]:
    if not pointer.startswith("/"):
        raise InvalidRequest(
            f"Error replacing extra body: `{pointer}` is no JSON pointer; it must start with `/`",
            param="extra_body",
        )
    return pointer_tokens(pointer)
