"""Messages that are a role and a text, as most are, read in one step by a typed parser."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Literal

import msgspec

from proxy.types.content import Text
from proxy.types.request import Message, Texts


class PlainMessage(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Role and text, and nothing else."""

    role: Literal["developer", "system", "user", "assistant"]
    content: str


role_of = attrgetter("role")
_content_of = attrgetter("content")
_decode = msgspec.json.Decoder(list[PlainMessage]).decode


def read_plain_messages(raw: bytes) -> list[PlainMessage] | None:
    """The messages of a JSON list; None where one of them is not plain, or it is no list."""
    try:
        return _decode(raw)
    except (ValueError, RecursionError):
        return None


def as_turns(messages: Sequence[PlainMessage]) -> Texts:
    """The same in neutral form. Written as one pipeline, for a conversation may be long."""
    alone = zip(map(Text, map(_content_of, messages)))
    return Texts(map(Message, map(role_of, messages), alone))
