"""System messages: one text in the neutral form, wherever and in however many messages it was said.

Where that is not all (several messages, one that stands further behind, a developer's, parts with a
cache marker), `Input.system_parts` has the parts. The first part of each message then says in its
`extra` what the message was: `"message": {"role"?, "place"?, further members}`, `place` being the
number of neutral messages in front of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import orjson

from proxy.types.content import Block, RawText, Template, Text
from proxy.types.immutable import immutable
from proxy.types.request import Input
from proxy.wire.chat_completions.extra import NULL, leftover, members_of, raw_object
from proxy.wire.members import object_members
from proxy.wire.values import raw_integer, raw_text

SYSTEM_ROLES = ("system", "developer")

_MESSAGE, _CARRIER = "message", "carrier"
_READ = ("role", "content")


class SystemDecoder:
    """Takes the system messages of a conversation in order."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._arguments: bytes | None = None
        self._parts: list[Block] = []
        self._count = 0
        self._plain = True

    def add(self, message: dict[str, bytes], blocks: Sequence[Block], place: int) -> None:
        """A message and what its content holds; `place` is the number of neutral messages so
        far."""
        for block in blocks:
            if isinstance(block, Text):
                self._texts.append(block.text)
            elif isinstance(block, RawText):
                self._texts.append(block.value)
            elif isinstance(block, Template):
                self._arguments = block.arguments
        if not blocks:
            return
        members = leftover(message, _READ)
        if raw_text(message.get("role")) != SYSTEM_ROLES[0]:
            members["role"] = message["role"]
        if place:
            members["place"] = orjson.dumps(place)
        self._count += 1
        self._plain = self._plain and not members and _is_plain(blocks)
        self._parts += _marked(blocks, raw_object(members) or b"{}")

    def system(self) -> str | bytes | None:
        """The texts, joined; or, where there are none, the arguments of a template."""
        if self._texts:
            return "\n".join(self._texts)
        return self._arguments

    def parts(self) -> tuple[Block, ...]:
        """See above; none where the text is all."""
        if self._count < 2 and self._plain:
            return ()
        if any(isinstance(part, RawText | Template) for part in self._parts):
            return ()  # what is rendered is a text
        return tuple(self._parts)


def _is_plain(blocks: Sequence[Block]) -> bool:
    return len(blocks) == 1 and isinstance(blocks[0], Text) and blocks[0].extra is None


def _marked(blocks: Sequence[Block], message: bytes) -> list[Block]:
    first = blocks[0]
    if not isinstance(first, Text):
        members = {_MESSAGE: message, _CARRIER: b"true"}
        return [Text("", raw_object(members)), *blocks]
    members = {_MESSAGE: message, **members_of(first.extra)}
    return [replace(first, extra=raw_object(members)), *blocks[1:]]


@immutable
class SystemMessage:
    """One system message as it is to be said."""

    place: int
    role: str
    extra: bytes | None
    """Further members of the message."""
    blocks: tuple[Block, ...]


def system_messages(value: Input, keep: Callable[[str], bool]) -> list[SystemMessage]:
    """The messages that `Input.system` and its parts stand for, in order.

    `keep` says whether a member of a part's `extra` goes along. Parts that do not make up the text
    (it was changed since) do not count.
    """
    system = value.system.decode() if isinstance(value.system, bytes) else value.system
    if value.system_parts and _text_of(value.system_parts) == (system or ""):
        return list(_grouped(value.system_parts, keep))
    if system is None:
        return []
    return [SystemMessage(0, SYSTEM_ROLES[0], None, (Text(system),))]


def _text_of(parts: Sequence[Block]) -> str:
    texts = (part for part in parts if isinstance(part, Text))
    return "\n".join(part.text for part in texts if _CARRIER not in members_of(part.extra))


def _grouped(parts: Sequence[Block], keep: Callable[[str], bool]) -> Iterator[SystemMessage]:
    """Parts without a mark, which other protocols make, are of the message that goes before."""
    head = SystemMessage(0, SYSTEM_ROLES[0], None, ())
    for part in parts:
        members = dict(members_of(part.extra)) if isinstance(part, Text) else {}
        mark = members.pop(_MESSAGE, None)
        if mark is not None:
            if head.blocks:
                yield head
            head = _head(mark)
        if isinstance(part, Text):
            if members.pop(_CARRIER, None) is not None:
                continue
            kept = {key: raw for key, raw in members.items() if keep(key)}
            part = Text(part.text, raw_object(kept))
        head = replace(head, blocks=(*head.blocks, part))
    yield head


def _head(mark: bytes) -> SystemMessage:
    members = dict(object_members(mark))
    place = raw_integer(members.pop("place", NULL)) or 0
    role = raw_text(members.pop("role", NULL)) or SYSTEM_ROLES[0]
    return SystemMessage(place, role, raw_object(members), ())
