"""Content blocks: what messages and answers are made of, and their stored JSON.

The JSON shapes are TensorZero's. A new kind of block is one class with `as_json`, added to `Block`.

`extra` of a block is what a provider's or a client's own form of it has beside the block's fields:
a raw JSON object, members by their names there. Two names mean the same wherever they turn up:

- `cache_control`: a prompt-cache marker, `{"type": "ephemeral", "ttl"?}`, behind this block;
- `citations`: a list of the sources of a text.

Everything else in it is for the protocol it came from (`ModelRequest.wire`), and for no other.
None of it is in the stored JSON, whose readers refuse members that they do not know; the raw
bodies, which are stored too, have it all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

import orjson

from proxy.types.immutable import immutable

Json = Mapping[str, object]
"""An object for `orjson`; raw JSON inside it stands as an `orjson.Fragment`."""


@immutable
class Text:
    """Plain text."""

    text: str
    extra: bytes | None = None

    def as_json(self) -> Json:
        return {"type": "text", "text": self.text}


@immutable
class RawText:
    """Text that passes by templates and schemas."""

    value: str

    def as_json(self) -> Json:
        return {"type": "raw_text", "value": self.value}


@immutable
class Template:
    """Arguments (a raw JSON object) for the template of that name."""

    name: str
    arguments: bytes

    def as_json(self) -> Json:
        fragment = orjson.Fragment(self.arguments)
        return {"type": "template", "name": self.name, "arguments": fragment}


@immutable
class ToolCall:
    """A call as the model wrote it; `arguments` need not be valid JSON."""

    id: str
    name: str
    arguments: str
    extra: bytes | None = None

    def as_json(self) -> Json:
        return {
            "type": "tool_call",
            "id": self.id,
            "name": self.name,
            "arguments": self.arguments,
        }


@immutable
class ToolResult:
    """What the tool of call `id` gave back."""

    id: str
    name: str
    result: str
    """Its text, or the texts among `parts`, joined."""
    is_error: bool = False
    """Whether the tool failed."""
    parts: tuple[Block, ...] = ()
    """The result in its parts, where it is more than one plain text: texts, files, unknowns."""
    extra: bytes | None = None

    def as_json(self) -> Json:
        return {"type": "tool_result", "name": self.name, "result": self.result, "id": self.id}


@immutable
class Thought:
    """Reasoning that the provider shows, signs or hides."""

    text: str | None
    signature: str | None = None
    summary: bytes | None = None
    """Raw JSON."""
    provider_type: str | None = None
    extra_data: bytes | None = None
    """Raw JSON that only the provider understands."""

    def as_json(self) -> Json:
        return {
            "type": "thought",
            "text": self.text,
            **_given("signature", self.signature),
            **_given("summary", self.summary),
            **_given("provider_type", self.provider_type),
            **_given("extra_data", self.extra_data),
        }


@immutable
class UrlFile:
    """A file that stands elsewhere."""

    url: str
    mime_type: str | None = None
    detail: str | None = None
    filename: str | None = None
    extra: bytes | None = None

    def as_json(self) -> Json:
        return {
            "type": "file",
            "file_type": "url",
            "url": self.url,
            **_given("mime_type", self.mime_type),
            **_given("detail", self.detail),
            **_given("filename", self.filename),
        }


@immutable
class Base64File:
    """A file sent along, in base64 without a `data:` prefix."""

    data: str
    mime_type: str
    detail: str | None = None
    filename: str | None = None
    extra: bytes | None = None

    def as_json(self) -> Json:
        return {
            "type": "file",
            "file_type": "base64",
            "mime_type": self.mime_type,
            "data": self.data,
            **_given("detail", self.detail),
            **_given("filename", self.filename),
        }


@immutable
class StoredFile:
    """A file in an object storage, by its place there."""

    mime_type: str
    storage_path: bytes
    """Raw JSON `{"kind": {"type": …}, "path": …}`."""
    source_url: str | None = None
    detail: str | None = None
    filename: str | None = None

    def as_json(self) -> Json:
        return {
            "type": "file",
            "file_type": "object_storage_pointer",
            "source_url": self.source_url,
            "mime_type": self.mime_type,
            "storage_path": orjson.Fragment(self.storage_path),
            **_given("detail", self.detail),
            **_given("filename", self.filename),
        }


@immutable
class Unknown:
    """A block that has no neutral form, as raw JSON, kept for the provider it came from."""

    data: bytes
    model_name: str | None = None
    provider_name: str | None = None

    def as_json(self) -> Json:
        return {
            "type": "unknown",
            "data": orjson.Fragment(self.data),
            "model_name": self.model_name,
            "provider_name": self.provider_name,
        }


File = UrlFile | Base64File
OPAQUE = (UrlFile, Base64File, StoredFile, Unknown)
"""Blocks that say something which their JSON text does not tell a model."""
Block = (
    Text
    | RawText
    | Template
    | ToolCall
    | ToolResult
    | Thought
    | UrlFile
    | Base64File
    | StoredFile
    | Unknown
)


def blocks_to_json(blocks: Iterable[Block]) -> bytes:
    """A JSON list of blocks, as a model gave them: `model_inference_data.output`."""
    return orjson.dumps([block.as_json() for block in blocks])


def output_to_json(blocks: Iterable[Block]) -> bytes:
    """A JSON list of blocks as an inference's `output` is stored.

    It differs in tool calls, which hold the model's own words and what they mean: `arguments` is
    the parsed value, key order and number spelling kept, or null if it is no JSON.
    """
    return orjson.dumps([output_block_json(block) for block in blocks])


class AnyBlock(Protocol):
    """A block of an answer: one of the above, or a call of a tool that was looked into."""

    def as_json(self) -> Json: ...


def output_block_json(block: AnyBlock) -> Json:
    """One of them, as an answer shows it, too."""
    if not isinstance(block, ToolCall):
        return block.as_json()
    return {
        "type": "tool_call",
        "id": block.id,
        "raw_name": block.name,
        "raw_arguments": block.arguments,
        "name": block.name,
        "arguments": _parsed(block.arguments),
    }


def _parsed(text: str) -> orjson.Fragment | None:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return orjson.Fragment(text.encode())


def summary_to_json(texts: Iterable[str]) -> bytes | None:
    """The raw JSON of a `Thought.summary`; None when no text says anything."""
    said = [{"type": "summary_text", "text": text} for text in texts if text]
    return orjson.dumps(said) if said else None


def summary_text(summary: bytes | None) -> str | None:
    """The texts of a `Thought.summary` as paragraphs; None when it says nothing."""
    parts = orjson.loads(summary) if summary else None
    told = (part.get("text") for part in parts or () if isinstance(part, dict))
    return "\n\n".join(text for text in told if isinstance(text, str) and text) or None


def _given(name: str, value: str | bytes | None) -> Json:
    """The member, or nothing when there is no value; bytes are raw JSON."""
    if value is None:
        return {}
    return {name: orjson.Fragment(value) if isinstance(value, bytes) else value}
