"""Content blocks of the protocol as neutral blocks, of requests and of answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
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
from proxy.wire.converse.media import (
    AUDIO,
    DOCUMENT,
    IMAGE,
    VIDEO,
    format_of_type,
    type_of_format,
)
from proxy.wire.converse.raws import Raw, as_list, as_object, to_object, with_members
from proxy.wire.values import compact_json, raw_text

SERVER_TOOL = "server_tool_use"
"""The type of a call whose tool the provider runs itself."""
CLIENT_TOOL = b'"tool_use"'
"""The type of any other call, where one is said at all; the block's name says as much."""

_MARKABLE = (Text, ToolCall, ToolResult, UrlFile, Base64File)


def decode_blocks(raws: Iterable[bytes]) -> tuple[Block, ...]:
    """The blocks of a message; cache points become marks of what stands before them.

    Raises:
        InvalidRequest: an item is no JSON.
    """
    blocks: list[Block] = []
    for raw in raws:
        mark = cache_mark(raw)
        marked = _marked(blocks[-1], mark) if blocks and mark is not None else None
        if marked is None:
            blocks.append(decode_block(raw))
        else:
            blocks[-1] = marked
    return tuple(blocks)


def cache_mark(raw: bytes) -> bytes | None:
    """The neutral `cache_control` of a cache point; None for anything else."""
    members = as_object(raw)
    point = as_object(members.get("cachePoint"))
    if len(members) != 1 or raw_text(point.get("type")) != "default":
        return None
    mark = {"type": b'"ephemeral"'}
    if "ttl" in point:
        mark["ttl"] = point["ttl"]
    return to_object(mark) if len(point) == len(mark) else None


def _marked(block: Block, mark: bytes) -> Block | None:
    if not isinstance(block, _MARKABLE) or "cache_control" in as_object(block.extra):
        return None
    return replace(block, extra=with_members(block.extra, {"cache_control": mark}))


def decode_block(raw: bytes) -> Block:
    """One block; `Unknown` with its whole JSON when it has no neutral form."""
    members = as_object(raw)
    if len(members) == 1:
        [(kind, value)] = members.items()
        decode = _KINDS.get(kind)
        block = decode(value) if decode is not None else None
        if block is not None:
            return block
    return Unknown(raw)


def _text(raw: bytes) -> Text | None:
    text = raw_text(raw)
    return None if text is None else Text(text)


def _file(kind: str) -> Callable[[bytes], Block | None]:
    def decode(raw: bytes) -> Block | None:
        extra = as_object(raw)
        source = as_object(extra.pop("source", None))
        word = raw_text(extra.pop("format", None)) or ""
        name = raw_text(extra.pop("name", None))
        mime = type_of_format(kind, word)
        if word and format_of_type(kind, mime) != word:
            extra["format"] = orjson.dumps(word)
        data = raw_text(source.pop("bytes", None))
        place = as_object(source.pop("s3Location", None))
        uri = raw_text(place.pop("uri", None))
        if source or (data is None) is (uri is None):
            return None
        if data is not None:
            return Base64File(data, mime, filename=name, extra=with_members(None, extra))
        if place:
            extra["s3Location"] = to_object(place)
        return UrlFile(uri or "", mime, filename=name, extra=with_members(None, extra))

    return decode


def _tool_use(raw: bytes) -> ToolCall | None:
    extra = as_object(raw)
    identifier = raw_text(extra.pop("toolUseId", None))
    name = raw_text(extra.pop("name", None))
    arguments = compact_json(extra.pop("input", b"{}"))
    if raw_text(extra.get("type")) == SERVER_TOOL or identifier is None or name is None:
        return None
    if extra.get("type") == CLIENT_TOOL:
        del extra["type"]
    return ToolCall(identifier, name, arguments, with_members(None, extra))


def _tool_result(raw: bytes) -> ToolResult | None:
    extra = as_object(raw)
    identifier = raw_text(extra.pop("toolUseId", None))
    if "type" in extra or identifier is None:
        return None
    failed = extra.get("status") == b'"error"'
    if failed:
        del extra["status"]
    parts = tuple(decode_block(item) for item in as_list(extra.pop("content", None)))
    if not parts:
        extra["content"] = b"[]"
    texts = [text for text in map(_said, parts) if text is not None]
    match parts:
        case (Text(extra=None),):
            parts = ()
    return ToolResult(
        identifier, "", "\n".join(texts), failed, parts, extra=with_members(None, extra)
    )


def _said(part: Block) -> str | None:
    """What a part of a tool's result says as a text; JSON is said as it is written."""
    match part:
        case Text(text):
            return text
        case Unknown(data):
            value = as_object(data).get("json")
            return None if value is None else compact_json(value)
    return None


def _reasoning(raw: bytes) -> Thought | None:
    members = as_object(raw)
    said = as_object(members.get("reasoningText"))
    text, hidden = raw_text(said.get("text")), raw_text(members.get("redactedContent"))
    if len(members) != 1 or not said.keys() <= {"text", "signature"}:
        return None
    if text is not None:
        return Thought(text, raw_text(said.get("signature")))
    return None if hidden is None else Thought(None, hidden)


def _citations(raw: bytes) -> Text | None:
    extra = as_object(raw)
    content = as_list(extra.pop("content", None))
    texts = [text for text in map(_plain_text, content) if text is not None]
    if len(texts) < len(content):
        return None
    if len(texts) != 1:
        extra["content"] = orjson.dumps([{"text": text} for text in texts])
    extra.setdefault("citations", b"[]")
    return Text("".join(texts), with_members(None, extra))


def _plain_text(raw: bytes) -> str | None:
    members: Raw = as_object(raw)
    return raw_text(members.get("text")) if len(members) == 1 else None


_KINDS: Mapping[str, Callable[[bytes], Block | None]] = MappingProxyType(
    {
        "text": _text,
        "image": _file(IMAGE),
        "document": _file(DOCUMENT),
        "video": _file(VIDEO),
        "audio": _file(AUDIO),
        "toolUse": _tool_use,
        "toolResult": _tool_result,
        "reasoningContent": _reasoning,
        "citationsContent": _citations,
    }
)
