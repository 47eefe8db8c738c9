"""Content blocks: the protocol's JSON as neutral blocks.

What becomes a neutral block is exactly what `blocks` writes in the same form again; all else is
`Unknown` with its own bytes.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

import orjson

from proxy.types.content import (
    Base64File,
    Block,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Unknown,
    UrlFile,
)
from proxy.wire.dumps import dumps
from proxy.wire.members import list_items, object_members
from proxy.wire.messages.files import PDF, PLAIN_TEXT, is_image
from proxy.wire.values import compact_json, raw_flag, raw_text

Raw = Mapping[str, bytes]
"""An object's members by key, values as raw JSON."""

NULL = b"null"


def members_of(raw: bytes | None) -> Raw:
    """The members of a raw object; none for anything else."""
    return object_members(raw) if raw is not None and raw.startswith(b"{") else {}


def items_of(raw: bytes | None) -> list[bytes]:
    """The items of a raw list; none for anything else."""
    return list_items(raw) if raw is not None and raw.startswith(b"[") else []


def further(members: Raw, *known: str) -> bytes | None:
    """A raw object of the members that are not known; None when there are none. Null is nothing."""
    others = {
        key: orjson.Fragment(raw)
        for key, raw in members.items()
        if key not in known and raw != NULL
    }
    return dumps(others) if others else None


def decode_answer_block(raw: bytes) -> Block:
    """A block of an answer."""
    members = members_of(raw)
    read = ANSWER_BLOCKS.get(raw_text(members.get("type")) or "")
    block = read(members) if read else None
    return block or Unknown(raw)


def _text(members: Raw) -> Block | None:
    text = raw_text(members.get("text"))
    return None if text is None else Text(text, further(members, "type", "text"))


def _tool_use(members: Raw) -> Block | None:
    identifier, name = raw_text(members.get("id")), raw_text(members.get("name"))
    if identifier is None or name is None:
        return None
    arguments = compact_json(members.get("input", b"{}"))
    return ToolCall(identifier, name, arguments, further(members, "type", "id", "name", "input"))


def _thinking(members: Raw) -> Block | None:
    text, signature = raw_text(members.get("thinking")), raw_text(members.get("signature"))
    if text is None:
        return None
    others = further(members, "type", "thinking", "signature")
    return Thought(text, signature, extra_data=others)


def _redacted_thinking(members: Raw) -> Block | None:
    data = raw_text(members.get("data"))
    others = further(members, "type", "data")
    return None if data is None else Thought(None, data, extra_data=others)


ANSWER_BLOCKS: Mapping[str, Callable[[Raw], Block | None]] = MappingProxyType(
    {
        "text": _text,
        "tool_use": _tool_use,
        "thinking": _thinking,
        "redacted_thinking": _redacted_thinking,
    }
)
"""By the block's type; None from one of them is a block that it cannot read."""


class ContentDecoder:
    """Reads the contents of a conversation's messages in their order, for a tool's result bears no
    name: that stands in the call."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def decode(self, content: bytes) -> Iterator[Block]:
        """The blocks of a raw `content`: one for a string, one for each item of a list."""
        text = raw_text(content)
        if text is not None:
            yield Text(text)
            return
        for raw in items_of(content):
            yield self._block(raw)

    def _block(self, raw: bytes) -> Block:
        members = members_of(raw)
        kind = raw_text(members.get("type"))
        if kind == "tool_result":
            return self._tool_result(members) or Unknown(raw)
        if kind in ("image", "document"):
            return _file(kind, members) or Unknown(raw)
        block = decode_answer_block(raw)
        if not isinstance(block, ToolCall):
            return block
        self._names[block.id] = block.name
        return block if members.get("input", NULL).startswith(b"{") else Unknown(raw)

    def _tool_result(self, members: Raw) -> Block | None:
        identifier = raw_text(members.get("tool_use_id"))
        if identifier is None:
            return None
        parts = tuple(self.decode(members.get("content", NULL)))
        plain = [part.text for part in parts if isinstance(part, Text)]
        return ToolResult(
            identifier,
            self._names.get(identifier, ""),
            "\n".join(plain),
            is_error=raw_flag(members.get("is_error")) or False,
            parts=() if plain != [""] and parts == tuple(map(Text, plain[:1])) else parts,
            extra=further(members, "type", "tool_use_id", "content", "is_error"),
        )


def _file(kind: str, members: Raw) -> Block | None:
    source = members_of(members.get("source"))
    title = raw_text(members.get("title")) if kind == "document" else None
    extra = further(members, "type", "source", "title" if title is not None else "type")
    values = {key: raw_text(raw) for key, raw in source.items()}
    match values:
        case {"type": "base64", "media_type": str(mime), "data": str(data), **others}:
            fits = is_image(mime) if kind == "image" else mime == PDF
            return Base64File(data, mime, None, title, extra) if fits and not others else None
        case {"type": "url", "url": str(url), **others} if not others:
            return UrlFile(url, PDF if kind == "document" else None, None, title, extra)
        case {"type": "text", "media_type": str(mime), "data": str(data), **others}:
            if kind == "image" or mime != PLAIN_TEXT or others:
                return None
            encoded = base64.b64encode(data.encode()).decode()
            return Base64File(encoded, mime, None, title, extra)
    return None
