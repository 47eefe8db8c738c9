"""Requests: a neutral input as items."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

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
from proxy.types.request import Input, Message
from proxy.wire.addressee import ANYBODY, Addressee
from proxy.wire.chat_completions.system import SystemMessage, system_messages
from proxy.wire.lenient import lenient_object
from proxy.wire.members import value_of
from proxy.wire.responses.extras import (
    CUSTOM,
    Members,
    read_extra,
    shown,
    shown_item,
    thought_item,
)
from proxy.wire.responses.parts import OWN_PARTS, encode_file, encode_text
from proxy.wire.responses.request import WIRE
from proxy.wire.values import object_of, raw_text, text_of

_LOST = ("name", "audio")
"""Members of other protocols' messages that say something which has no form here."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How items are to be written."""

    wire: str = ""
    """The protocol that the request came in."""
    addressee: Addressee = ANYBODY
    custom: Collection[str] = field(default_factory=frozenset)
    """Names of the tools whose calls are custom ones."""

    @property
    def own(self) -> bool:
        """Whether the request came in this protocol, so that its extras are to be believed."""
        return self.wire == WIRE


def encode_items(value: Input, manner: Manner) -> tuple[str | None, list[object]]:
    """(instructions, items).

    The system text is instructions if it came so, otherwise the first item.

    Raises:
        InvalidRequest: a block stands where it cannot, or is a template not yet rendered.
        UpstreamUnsupported: the protocol has no form for something that is said.
    """
    instructions, placed = _system(value, manner)
    items = _Items(manner)
    for index, message in enumerate(value.messages):
        items.add(message, {at: system for (turn, at), system in placed.items() if turn == index})
    end = len(value.messages)
    for (turn, _), system in placed.items():
        if turn >= end:
            items.items += system
    return instructions, items.items


_Placed = dict[tuple[int, int], list[object]]


def _system(value: Input, manner: Manner) -> tuple[str | None, _Placed]:
    """The instructions, and system messages by (message, block) before which they stand."""
    if not manner.own:
        placed: _Placed = {}
        for message in system_messages(value, lambda key: False):
            placed.setdefault((message.place, 0), []).append(_system_item(message))
        return None, placed
    system = value.system.decode() if isinstance(value.system, bytes) else value.system
    said = [block.text for block in value.system_parts if isinstance(block, Text)]
    if said and "\n".join(said) == system:  # otherwise it was changed since
        return _system_parts(value.system_parts)
    return system, {}


def _system_item(message: SystemMessage) -> Members:
    content = [_shown_part(block, own=False) for block in message.blocks]
    return {"type": "message", "role": message.role, "content": content}


def _system_parts(parts: Collection[Block]) -> tuple[str | None, _Placed]:
    instructions: list[str] = []
    placed: _Placed = {}
    content: list[object] | None = None
    for block in parts:
        if not isinstance(block, Text):
            continue
        extra = read_extra(block.extra)
        item = shown(extra.get("item"))
        if item:
            content = []
            made = {"type": "message", **item, "content": content}
            placed.setdefault(_place(extra.get("at", b"null")), []).append(made)
        if content is None:
            instructions.append(block.text)
        else:
            content.append(encode_text(block, answered=False, own=True))
    return "\n".join(instructions) if instructions else None, placed


def _place(at: bytes) -> tuple[int, int]:
    match value_of(at):
        case [int(turn), int(block)]:
            return turn, block
    return 0, 0


class _Items:
    """Takes messages, gives items; what stands together in a message stays in one item."""

    def __init__(self, manner: Manner) -> None:
        self.items: list[object] = []
        self._manner = manner
        self._own = manner.own
        self._role = ""
        self._members: Members = {}
        self._message: list[object] | None = None  # the content of the open message item
        self._custom: set[str] = set()  # ids of the calls of custom tools

    def add(self, message: Message, system: Mapping[int, list[object]]) -> None:
        self._check_lost(message)
        extra = read_extra(message.extra) if self._own else {}
        size = len(message.content)
        start, end = _place(extra["at"]) if "at" in extra else (0, size if "item" in extra else 0)
        self._role, self._members, self._message = message.role, shown(extra.get("item")), None
        for index, block in enumerate(message.content):
            self._insert(system.get(index))
            if index in (start, end):
                self._message = self._open(self._members) if index < end else None
            self._add(block, start <= index < end)
        for index, items in system.items():
            if index >= size:
                self.items += items
        if "item" in extra and not size:
            self._open(self._members)
        self._message = None

    def _insert(self, items: list[object] | None) -> None:
        if items:
            self.items += items
            self._message = None

    def _add(self, block: Block, part: bool) -> None:
        """`part` says that the block stood in the message which is open."""
        match block:
            case Text() | RawText():
                self._text(block, part)
            case ToolCall():
                self._check(self._role != "user", "Tool calls", "user")
                self._item(self._call(block))
            case ToolResult():
                self._check(self._role != "assistant", "Tool results", "assistant")
                self._item(self._result(block))
            case UrlFile() | Base64File():
                self._check(self._own or self._role != "assistant", "Files", "assistant")
                self._part(encode_file(block, self._own))
            case StoredFile():
                raise UpstreamUnsupported("files in an object storage are not fetched from there")
            case Thought():
                self._thought(block)
            case Unknown() if self._manner.addressee.gets(block):
                self._unknown(block, part)
            case Template():
                raise InvalidRequest(f"there is no template `{block.name}` to render")

    def _text(self, block: Text | RawText, part: bool) -> None:
        answered = self._role == "assistant"
        extra = read_extra(block.extra) if isinstance(block, Text) else {}
        goes_on = part or (extra.get("more") == b"true" and self._message is not None)
        if answered and not goes_on:
            self._open(shown(extra.get("item")))
        self._part(encode_text(block, answered, self._own))

    def _part(self, part: object) -> None:
        content = self._open(self._members) if self._message is None else self._message
        content.append(part)

    def _open(self, members: Members) -> list[object]:
        """Begin a message item."""
        content: list[object] = []
        self.items.append({"type": "message", "role": self._role, **members, "content": content})
        self._message = content
        return content

    def _item(self, item: object) -> None:
        self.items.append(item)
        self._message = None

    def _thought(self, thought: Thought) -> None:
        """Reasoning goes to who gave it, and only as what that one can take back: sealed, or by
        its id."""
        manner = self._manner
        ours = thought.provider_type is not None or manner.wire in ("", WIRE)
        data = shown(thought.extra_data)
        taken = self._own or thought.signature is not None or "id" in data
        if ours and taken and manner.addressee.gets(thought):
            self._item({**thought_item(thought), **data})

    def _unknown(self, block: Unknown, part: bool) -> None:
        """An item, or, where such a part is known or stood, a part of a message."""
        data = lenient_object(block.data)
        if data.get("type") == "file" and not self._own:
            self._part(_uploaded(data))
        elif part or data.get("type") in OWN_PARTS:
            self._part(orjson.Fragment(block.data))
        else:
            self._item(orjson.Fragment(block.data))

    def _call(self, call: ToolCall) -> Members:
        if _is_custom(call.extra) or (not self._own and call.name in self._manner.custom):
            self._custom.add(call.id)
            said = {"type": "custom_tool_call", "input": call.arguments}
        else:
            said = {"type": "function_call", "arguments": call.arguments}
        return {**said, "call_id": call.id, "name": call.name, **shown_item(call.extra)}

    def _result(self, result: ToolResult) -> Members:
        custom = _is_custom(result.extra) or (not self._own and result.id in self._custom)
        kind = "custom_tool_call_output" if custom else "function_call_output"
        parts = [_shown_part(part, self._own) for part in result.parts]
        named = {"call_id": result.id} if result.id or not self._own else {}
        said = {"type": kind, **named, "output": parts or result.result}
        return {**said, **shown_item(result.extra)}

    def _check(self, allowed: bool, what: str, where: str) -> None:
        if not allowed:
            raise InvalidRequest(f"{what} are not supported in {where} messages")

    def _check_lost(self, message: Message) -> None:
        if self._own or message.extra is None:
            return
        for key in _LOST:
            if read_extra(message.extra).get(key, b"null") != b"null":
                raise UpstreamUnsupported(f"this provider's API has no `{key}` of a message")


def _is_custom(extra: bytes | None) -> bool:
    return raw_text(read_extra(extra).get("type")) == CUSTOM


def _shown_part(block: Block, own: bool) -> object:
    """A part of a tool's result, or of the system text."""
    match block:
        case Text() | RawText():
            return encode_text(block, answered=False, own=own)
        case UrlFile() | Base64File():
            return encode_file(block, own)
        case Unknown(data):
            return orjson.Fragment(data)
    raise UpstreamUnsupported("a result of a tool can only hold texts and files")


def _uploaded(part: Members) -> Members:
    """A document that stands with the provider already, as chat completions name it."""
    file = object_of(part.get("file"))
    known = {key: text_of(file[key]) for key in ("file_id", "filename", "file_data") if key in file}
    return {"type": "input_file", **known}


def said_in(items: list[object]) -> Iterator[str]:
    """The texts of messages."""
    for item in items:
        content = item.get("content") if isinstance(item, dict) else None
        for part in content if isinstance(content, list) else ():
            if isinstance(part, dict) and part.get("type") == "input_text":
                yield part["text"]
