"""Neutral content blocks in this protocol's form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import orjson

from proxy.errors import InvalidRequest, UpstreamUnsupported
from proxy.types.content import (
    Base64File,
    Block,
    RawText,
    StoredFile,
    Template,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Unknown,
    UrlFile,
)
from proxy.wire.addressee import Addressee
from proxy.wire.converse.media import (
    DOCUMENT,
    UNNAMED,
    format_of_type,
    kind_of_file,
)
from proxy.wire.converse.raws import as_list, as_object, to_list, to_object
from proxy.wire.converse.tools import cache_point
from proxy.wire.values import raw_text

KINDS = frozenset(
    {
        "audio",
        "cachePoint",
        "citationsContent",
        "document",
        "guardContent",
        "image",
        "json",
        "reasoningContent",
        "searchResult",
        "text",
        "toolAddition",
        "toolRemoval",
        "toolResult",
        "toolUse",
        "video",
    }
)
"""All that the protocol documents; an unknown block of one of these is in its form."""

FILE_NAME = "input"
"""Of a document that has none: the protocol wants one."""
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9()\[\] -]+")
_CITATION = frozenset({"title", "source", "sourceContent", "location"})


class BlockEncoder:
    """Encodes the blocks of one request.

    `own` says that they came in this protocol: then what it said beside their fields is said again,
    and nothing is mended.
    """

    def __init__(self, addressee: Addressee, *, own: bool) -> None:
        self._addressee = addressee
        self._own = own
        self._names: set[str] = set()
        self.detail_ignored = False
        """Whether an image's `detail` had no place."""

    def encode(self, blocks: Iterable[Block]) -> list[bytes]:
        """The blocks, each with its cache point behind it.

        Raises:
            InvalidRequest: a tool call's arguments are no JSON, or a template is not yet rendered.
            UpstreamUnsupported: the protocol has no form for a block.
        """
        return [raw for block in blocks for raw in self._encode(block)]

    def _encode(self, block: Block) -> Iterator[bytes]:
        raw = self._encode_alone(block)
        if raw is not None:
            yield raw
        mark = as_object(getattr(block, "extra", None)).get("cache_control", b"null")
        if mark != b"null":
            yield cache_point(mark)

    def _encode_alone(self, block: Block) -> bytes | None:
        match block:
            case Text(text, extra):
                return self._text(text, extra)
            case RawText(value):
                return self._text(value, None)
            case ToolCall():
                return self._call(block)
            case ToolResult():
                return self._result(block)
            case Thought():
                return _thought(block) if self._addressee.gets(block) else None
            case Base64File() | UrlFile():
                return self._file(block)
            case StoredFile():
                raise UpstreamUnsupported("files in an object storage are not fetched from there")
            case Template(name):
                raise InvalidRequest(f"there is no template `{name}` to render")
        return self._unknown(block)

    def _text(self, text: str, extra: bytes | None) -> bytes | None:
        """An empty text is refused by the protocol's servers, and says nothing."""
        cited = as_object(extra)
        if "citations" in cited and all(_is_ours(item) for item in as_list(cited["citations"])):
            content = cited.get("content") if self._own else None
            said = {
                "content": content or orjson.dumps([{"text": text}]),
                "citations": cited["citations"],
            }
            return to_object({"citationsContent": to_object(said)})
        return orjson.dumps({"text": text}) if text or self._own else None

    def _call(self, call: ToolCall) -> bytes:
        arguments = call.arguments.strip() or "{}"
        try:
            orjson.loads(arguments)
        except orjson.JSONDecodeError as error:
            raise InvalidRequest(
                f"the arguments of tool call `{call.id}` are no JSON: {error}"
            ) from error
        use = {
            "toolUseId": orjson.dumps(call.id),
            "name": orjson.dumps(call.name),
            "input": arguments.encode(),
            **self._further(call.extra),
        }
        return to_object({"toolUse": to_object(use)})

    def _result(self, result: ToolResult) -> bytes:
        parts = result.parts or (Text(result.result),)
        content = [raw for part in parts for raw in self._encode(part)]
        said = {"toolUseId": orjson.dumps(result.id), "content": to_list(content)}
        if result.is_error:
            said["status"] = b'"error"'
        return to_object({"toolResult": to_object({**said, **self._further(result.extra)})})

    def _further(self, extra: bytes | None) -> dict[str, bytes]:
        """What a block in this protocol said beside its fields."""
        if not self._own:
            return {}
        return {key: raw for key, raw in as_object(extra).items() if key != "cache_control"}

    def _file(self, file: Base64File | UrlFile) -> bytes:
        self.detail_ignored = self.detail_ignored or file.detail is not None
        mime = file.mime_type or _guessed(file)
        kind = kind_of_file(mime)
        further = self._further(file.extra)
        said: dict[str, bytes] = {}
        word = format_of_type(kind, mime)
        if word is not None:
            said["format"] = orjson.dumps(word)
        elif mime != UNNAMED and "format" not in further:
            raise UpstreamUnsupported(f"`{mime}`: this provider takes no documents of that type")
        if kind == DOCUMENT:
            said["name"] = orjson.dumps(self._name(file.filename))
        said["source"] = _source(file, further)
        enabled = as_object(as_object(file.extra).get("citations"))
        if enabled and kind == DOCUMENT:
            said["citations"] = to_object(enabled)
        return to_object({kind: to_object({**said, **further})})

    def _name(self, given: str | None) -> str:
        """A document's name: of a few kinds of characters only, and no two alike."""
        if self._own and given is not None:
            return given
        plain = " ".join(_NOT_IN_NAMES.sub(" ", given or "").split())[:190] or FILE_NAME
        name, number = plain, 1
        while name in self._names:
            number += 1
            name = f"{plain} {number}"
        self._names.add(name)
        return name

    def _unknown(self, block: Block) -> bytes | None:
        assert isinstance(block, Unknown)
        if not self._addressee.gets(block):
            return None
        members = as_object(block.data)
        named = block.provider_name is not None or block.model_name is not None
        if self._own or named or (len(members) == 1 and KINDS.issuperset(members)):
            return block.data
        refusal = raw_text(members.get("refusal"))
        if refusal is not None:
            return orjson.dumps({"text": refusal})
        kind = raw_text(members.get("type"))
        raise UpstreamUnsupported(f"`{kind}`: this provider has no such content block")


def _is_ours(citation: bytes) -> bool:
    return as_object(citation).keys() <= _CITATION


def _thought(thought: Thought) -> bytes | None:
    """One with neither text nor signature has no form, and says nothing."""
    if thought.text is None:
        if thought.signature is None:
            return None
        return orjson.dumps({"reasoningContent": {"redactedContent": thought.signature}})
    said = {"text": thought.text}
    if thought.signature is not None:
        said["signature"] = thought.signature
    return orjson.dumps({"reasoningContent": {"reasoningText": said}})


def _guessed(file: Base64File | UrlFile) -> str:
    """The type that the end of an address tells."""
    url = file.url if isinstance(file, UrlFile) else ""
    word = url.rpartition(".")[2].lower()
    return {"jpg": "image/jpeg", "txt": "text/plain", "md": "text/markdown"}.get(
        word, f"image/{word}" if word in ("png", "jpeg", "gif", "webp") else f"application/{word}"
    )


def _source(file: Base64File | UrlFile, further: dict[str, bytes]) -> bytes:
    place = as_object(further.pop("s3Location", None))
    if isinstance(file, Base64File):
        return orjson.dumps({"bytes": file.data})
    if not file.url.startswith("s3://"):
        raise UpstreamUnsupported(
            "`url`: this provider takes files in base64 or by an s3:// address"
        )
    return to_object({"s3Location": to_object({"uri": orjson.dumps(file.url), **place})})
