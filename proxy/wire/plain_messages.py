"""Messages that are a role and a text, as most are, read in one step by a typed parser."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from proxy.types.content import Text
from proxy.types.request import Message


class PlainMessage(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Role and text, and nothing else."""

    role: Literal["developer", "system", "user", "assistant"]
    content: str


_decode = msgspec.json.Decoder(list[PlainMessage]).decode


def read_plain_messages(raw: bytes) -> list[PlainMessage] | None:
    """The messages of a JSON list; None where one of them is not plain, or it is no list."""
    try:
        return _decode(raw)
    except (ValueError, RecursionError):
        return None


def as_turns(messages: Iterable[PlainMessage]) -> tuple[Message, ...]:
    """The same in neutral form."""
    return tuple([Message(each.role, (Text(each.content),)) for each in messages])
