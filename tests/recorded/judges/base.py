"""The port of this room: what a judge is, and how two JSON values are told apart by meaning.

A row is one recorded exchange as the recordings have it, a plain dict; `request_json`,
`request_path`, `request_headers` and `response_body` read what judges need of it.

`unlike` compares two JSON values. Equal numbers are equal however they are spelled; the order of an
object's members says nothing; all else counts, save what an `Allowance` lets pass. A difference is
shown as a line `/messages/0/content: recorded "a", sent "b"`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from proxy.providers.base import HttpProvider
from proxy.types.request import ModelRequest
from proxy.types.response import Answer
from proxy.types.secrets import Secret

Row = Mapping[str, Any]
"""One exchange, with the fields that the recordings' own page names."""


class Judge(Protocol):
    """What one protocol needs for its recorded exchanges to be played and compared."""

    wire: str
    """The protocol, named as its folder in `wire/`."""
    apis: tuple[str, ...]
    """The recordings' words for it."""

    def serves(self, row: Row) -> str | None:
        """None, or the reason why this row is an exception; the report counts rows by reason."""

    def provider(self, row: Row, base_url: str) -> HttpProvider:
        """A provider of the row's type, addressed to a server at `base_url` (without a slash)."""

    def secret(self, row: Row) -> Secret:
        """Some made-up credential."""

    def read_request(self, row: Row) -> ModelRequest:
        """The recorded request (its body, path and query) in neutral form."""

    def request_differences(self, row: Row, sent: bytes, sent_path: str) -> list[str]:
        """What the request that was sent says otherwise than the recorded one; empty: nothing.

        `sent_path` has the query, too. Here `ALLOWED` of the judge's module is at work.
        """

    def reference(self, row: Row, body: bytes) -> dict[str, object] | None:
        """The answer as the vendor's own SDK reads it; None when that is not installed."""

    def reading(self, answer: Answer) -> dict[str, object]:
        """Our answer in the same form as `reference`."""


class _Missing:
    """A member that is not there."""

    def __repr__(self) -> str:
        return "nothing"


MISSING = _Missing()
"""Stands, in an `Allowance`, for a member that one of the sides does not have."""

Same = Callable[[str, object, object], bool]
"""(JSON pointer, recorded value, sent value) -> whether they say the same."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """A difference of form that does not change what is said; listed in docs/providers.md."""

    why: str
    """One sentence for the reader of that page."""
    same: Same
    """Asked at every place, from the top down, at which the two values are not equal."""


def unlike(recorded: object, sent: object, allowed: Sequence[Allowance] = ()) -> list[str]:
    """The lines that tell the two apart, in the order of the recorded value."""
    return list(_walk("", recorded, sent, allowed))


def _walk(
    pointer: str, recorded: object, sent: object, allowed: Sequence[Allowance]
) -> Iterator[str]:
    if alike(recorded, sent) or any(each.same(pointer, recorded, sent) for each in allowed):
        return
    if isinstance(recorded, Mapping) and isinstance(sent, Mapping):
        for name in (*recorded, *(name for name in sent if name not in recorded)):
            ours, theirs = recorded.get(name, MISSING), sent.get(name, MISSING)
            yield from _walk(f"{pointer}/{_escaped(str(name))}", ours, theirs, allowed)
    elif isinstance(recorded, list) and isinstance(sent, list) and len(recorded) == len(sent):
        for index, (ours, theirs) in enumerate(zip(recorded, sent, strict=True)):
            yield from _walk(f"{pointer}/{index}", ours, theirs, allowed)
    else:
        yield f"{pointer or '/'}: recorded {shown(recorded)}, sent {shown(sent)}"


def alike(one: object, other: object) -> bool:
    """Whether two JSON values mean the same: as `==`, but `true` is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    return one == other


def alike_as_json(one: object, other: object) -> bool:
    """Whether two texts hold JSON of the same meaning, such as the arguments of a tool's call."""
    if not isinstance(one, str) or not isinstance(other, str):
        return False
    try:
        return alike(json.loads(one), json.loads(other))
    except ValueError:
        return False


def last_name(pointer: str) -> str:
    """The name or index at the end of a JSON pointer."""
    return pointer.rpartition("/")[2]


def shown(value: object, longest: int = 160) -> str:
    """A value as a short text."""
    if value is MISSING:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text)} characters)"


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def request_body(row: Row) -> bytes:
    """The recorded request's body; empty when none is stored."""
    return ((row.get("request") or {}).get("body") or "").encode()


def request_json(row: Row) -> Any:
    """The recorded request's body as a value.

    Raises:
        ValueError: it is no JSON.
    """
    return json.loads(request_body(row))


def request_path(row: Row) -> str:
    """Path and query of the recorded request."""
    return str((row.get("request") or {}).get("path") or "")


def request_headers(row: Row) -> dict[str, str]:
    """The recorded request's headers, with names in lower case."""
    headers = (row.get("request") or {}).get("headers") or {}
    return {name.lower(): value for name, value in headers.items()}


def response_body(row: Row) -> bytes:
    """The recorded answer's bytes, of a stream all of them."""
    response = row["response"]
    if response.get("body_b64") is not None:
        return base64.b64decode(response["body_b64"])
    return (response.get("body") or "").encode()
