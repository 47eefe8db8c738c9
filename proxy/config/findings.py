"""A fault at a place in the tree, before it is known which file and line that place came from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
Tree: TypeAlias = dict[str, Any]

_BARE = re.compile(r"[A-Za-z0-9_:/-]+\Z")
_LONGEST_SHOWN = 40
_LIKE_A_SECRET = re.compile(
    r"^(sk|pk|gsk|xai|key|bearer|ghp|hf)[-_ ]|^AIza|[A-Za-z0-9+/=]{20,}", re.I
)


@dataclass(frozen=True, slots=True)
class Finding:
    """`path` is the place, `message` what is wrong there, `remedy` what to do about it."""

    path: Path
    message: str
    remedy: str


def dotted(path: Path) -> str:
    """The place as readers write it: `models."gpt-4.1".routing`, `zeroproxy.api_keys[0].name`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _BARE.match(part) else f'"{part}"')
    return text


def listed(names: Iterable[str]) -> str:
    """Names for a sentence: `` `a`, `b`, `c` ``, or `none` when there are none."""
    return ", ".join(f"`{name}`" for name in names) or "none"


def named(name: str) -> str:
    """A name that the reader wrote, for a sentence; left out if it is long or could be a key."""
    unfit = len(name) > _LONGEST_SHOWN or _LIKE_A_SECRET.search(name)
    return "(not shown)" if unfit else f"`{name}`"


def shown(value: object) -> str:
    """What stands there, for a message. Long values, and those that could be keys, only by kind."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        name = named(value)
        return f"the string {name}" if name[0] == "`" else "a string"
    return "a list" if isinstance(value, list) else "a table"
