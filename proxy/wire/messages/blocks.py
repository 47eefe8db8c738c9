"""Neutral blocks as the protocol's content blocks: what `content` reads, the way back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

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
from proxy.types.request import Message
from proxy.wire.addressee import Addressee
from proxy.wire.lenient import whole_text
from proxy.wire.members import object_members
from proxy.wire.messages.content import items_of, members_of
from proxy.wire.messages.files import encode_file
from proxy.wire.values import raw_text

Encoded = dict[str, object] | orjson.Fragment
"""A block of the protocol, for `orjson`."""

CITATIONS = frozenset(
    {
        "char_location",
        "page_location",
        "content_block_location",
        "web_search_result_location",
        "search_result_location",
    }
)
"""Kinds of citations that the protocol knows; those of others are not sent."""

FOREIGN = frozenset(
    {
        "audio_url",
        "document_url",
        "file",
        "image_url",
        "input_audio",
        "input_file",
        "input_image",
        "refusal",
        "video_url",
    }
)
"""Kinds of parts that other protocols have and this one has not, as far as they are known."""

_NOT_IN_ID = re.compile(r"[^a-zA-Z0-9_-]")


class BlockEncoder:
    """Writes the blocks of one request. `own` says that the request was in this protocol: its
    blocks then keep all that they have, in the form in which they came."""

    def __init__(self, addressee: Addressee, *, own: bool) -> None:
        self._addressee = addressee
        self._own = own
        self.detail_ignored = False
        """Some file says how closely to look at it, which cannot be said here."""

    def encode_message(self, message: Message) -> Encoded | None:
        """The message; None when nothing is left of it to say.

        Raises:
            InvalidRequest: a block stands where it cannot, or is a template not yet rendered.
            UpstreamUnsupported: the protocol has no form for a file.
        """
        if not self._own:
            _check(message)
        content = self.encode_all(message.content, message.role)
        if not content and not (self._own and not message.content):
            return None
        said = {"content": content} if content else {}
        return {"role": message.role, **said, **self._beside(message.extra)}

    def encode_all(self, blocks: Iterable[Block], role: str = "user") -> list[Encoded]:
        """The blocks in their order, without those that are for others; raises as above."""
        encoded = (self._encode(block, role) for block in blocks)
        return [block for block in encoded if block is not None]

    def _encode(self, block: Block, role: str) -> Encoded | None:
        match block:
            case Text():
                return self._text(block)
            case RawText(text):
                return {"type": "text", "text": text}
            case ToolCall():
                return self._call(block)
            case ToolResult():
                return self._result(block)
            case UrlFile() | Base64File():
                return self._file(block)
            case Thought() if (self._own or role != "user") and self._addressee.gets(block):
                return self._thought(block)
            case Unknown() if self._addressee.gets(block):
                return self._unknown(block)
            case StoredFile():
                raise UpstreamUnsupported("files in an object storage are not fetched from there")
            case Template():
                raise InvalidRequest(f"there is no template `{block.name}` to render")
        return None

    def _text(self, block: Text) -> Encoded | None:
        """Empty texts, which the protocol refuses, are left out."""
        beside = self._beside(block.extra)
        if not block.text and not beside and not self._own:
            return None
        return {"type": "text", "text": block.text, **beside}

    def _call(self, block: ToolCall) -> Encoded:
        return {
            "type": "tool_use",
            "id": self._id(block.id),
            "name": block.name,
            "input": _input(block),
            **self._beside(block.extra),
        }

    def _result(self, block: ToolResult) -> Encoded:
        content = self.encode_all(block.parts or ((Text(block.result),) if block.result else ()))
        return {
            "type": "tool_result",
            "tool_use_id": self._id(block.id),
            **({"content": content} if content else {}),
            **({"is_error": True} if block.is_error else {}),
            **self._beside(block.extra),
        }

    def _file(self, block: Base64File | UrlFile) -> Encoded:
        self.detail_ignored = self.detail_ignored or block.detail is not None
        return {**encode_file(block), **self._beside(block.extra)}

    def _thought(self, block: Thought) -> Encoded | None:
        """Without a signature it is nobody's that this provider would believe."""
        beside = self._data_beside(block)
        if block.text is None:
            hidden = block.signature
            if not hidden and not self._own:
                return None
            return {"type": "redacted_thinking", "data": hidden, **beside}
        if block.signature is None and not self._own:
            return None
        signed = {} if block.signature is None else {"signature": block.signature}
        return {"type": "thinking", "thinking": block.text, **signed, **beside}

    def _unknown(self, block: Unknown) -> Encoded:
        """As it came, save for parts of other protocols that are known not to be of this one."""
        members = members_of(block.data)
        kind = raw_text(members.get("type"))
        if self._own or block.provider_name is not None or kind not in FOREIGN:
            return orjson.Fragment(block.data)
        refusal = raw_text(members.get("refusal"))
        if refusal is None:
            raise UpstreamUnsupported(f"a part of type `{kind}` cannot be given to this provider")
        return {"type": "text", "text": refusal}

    def _data_beside(self, block: Thought) -> Mapping[str, object]:
        if not self._own and block.provider_type is None:
            return {}
        return _fragments(members_of(block.extra_data))

    def _beside(self, extra: bytes | None) -> Mapping[str, object]:
        """What a block has beside its fields, as far as it means something here."""
        members = members_of(extra)
        if self._own:
            return _fragments(members)
        kept = {key: members[key] for key in ("cache_control",) if key in members}
        citations = items_of(members.get("citations"))
        if citations and all(map(_is_citation, citations)):
            kept["citations"] = members["citations"]
        return _fragments(kept)

    def _id(self, identifier: str) -> str:
        """Ids of other protocols may have characters that this one refuses."""
        return identifier if self._own else _NOT_IN_ID.sub("_", identifier)


def _check(message: Message) -> None:
    for block in message.content:
        if isinstance(block, ToolCall) and message.role == "user":
            raise InvalidRequest("Tool calls are not supported in user messages")
        if isinstance(block, ToolResult) and message.role == "assistant":
            raise InvalidRequest("Tool results are not supported in assistant messages")


def _input(call: ToolCall) -> orjson.Fragment:
    """The arguments; a call without any is one with an empty object."""
    raw = whole_text(call.arguments.strip() or "{}").encode()
    try:
        object_members(raw)
    except InvalidRequest as error:
        raise InvalidRequest(
            f"the arguments of the tool call `{call.id}` must be a JSON object"
        ) from error
    return orjson.Fragment(raw)


def _fragments(members: Mapping[str, bytes]) -> dict[str, object]:
    return {key: orjson.Fragment(raw) for key, raw in members.items()}


def _is_citation(raw: bytes) -> bool:
    return raw_text(members_of(raw).get("type")) in CITATIONS
