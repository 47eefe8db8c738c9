"""Names of members, which the protocol takes in two spellings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from proxy.wire.members import object_members

WIRE = "gemini"
"""The protocol, as `ModelRequest.wire` names it."""

_UNDERSCORE = re.compile(r"(?<=[A-Za-z0-9])_([a-z0-9])")

_Value = TypeVar("_Value")


def camel(name: str) -> str:
    """`functionCall` for `function_call`; other names as they are."""
    if "_" not in name:
        return name
    return _UNDERSCORE.sub(lambda match: match[1].upper(), name)


def renamed(value: Mapping[str, _Value]) -> dict[str, _Value]:
    """The members under our spelling."""
    return {camel(name): item for name, item in value.items()}


def renamed_object(value: object) -> dict[str, object]:
    """The same of a value that may be no object; then nothing."""
    return renamed(value) if isinstance(value, dict) else {}


def raw_members(raw: bytes | None) -> dict[str, bytes]:
    """The members of raw JSON under our spelling, null ones left out; none if it is no object."""
    if raw is None or not raw.startswith(b"{"):
        return {}
    members = renamed(object_members(raw))
    return {name: value for name, value in members.items() if value != b"null"}
