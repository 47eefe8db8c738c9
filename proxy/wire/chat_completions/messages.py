"""Messages: a client's list as a native input, nothing of it lost.

System texts are put in front and joined, results of tools merged into messages of the user, as
TensorZero does; `extra` and `Input.system_parts` tell how it all was said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import orjson

from proxy.errors import InvalidRequest
from proxy.types.content import (
    Block,
    RawText,
    Template,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Unknown,
)
from proxy.types.request import Input, Message
from proxy.wire.chat_completions.extra import NULL, extra_of, leftover, members_of, raw_object
from proxy.wire.chat_completions.files import FILE_PARTS
from proxy.wire.chat_completions.places import PROVIDER_BLOCKS, put_back
from proxy.wire.chat_completions.system import SYSTEM_ROLES, SystemDecoder
from proxy.wire.chat_completions.thoughts import decode_detail, place_of, says_something
from proxy.wire.lenient import lenient_dumps, lenient_loads, whole_text
from proxy.wire.members import list_items, object_members, value_of
from proxy.wire.values import compact_json, objects_of, raw_text, text_of

TOOL_ROLES = ("tool", "function")
REASONING_KEYS = ("reasoning_content", "reasoning")
CUSTOM, LEGACY_CALL = "custom", "function_call"
"""Types of calls in their `extra`: of a custom tool, and of one that stands in `function_call`, the
form that came before `tool_calls`."""

REFUSAL, REFUSAL_PARTS = "refusal", "refusal_parts"
"""The type of a refusal's block; in `Message.extra`, how many of them were parts of the content."""

Raw = Mapping[str, bytes]
"""An object's members by key, values as raw JSON."""

_DETAILS = "reasoning_details"
_TURN = (
    "role",
    "content",
    "tool_calls",
    "function_call",
    "refusal",
    *REASONING_KEYS,
    _DETAILS,
    PROVIDER_BLOCKS,
)
_PLAIN_TURN = frozenset({"role", "content"})
_RESULT = ("role", "content", "tool_call_id")
_CALL = ("id", "type", "function", "custom")
_FUNCTION = ("name", "arguments", "input")


def decode_input(messages: bytes) -> Input:
    """The native input. `messages` is the raw value of the body's member.

    Raises:
        InvalidRequest: it is no list of objects.
    """
    decoder = _InputDecoder()
    for position, raw in enumerate(_items(messages)):
        try:
            decoder.add(object_members(raw))
        except InvalidRequest as error:
            raise InvalidRequest(
                f"messages[{position}] must be an object", param="messages"
            ) from error
    return decoder.input()


def _items(messages: bytes) -> list[bytes]:
    if not messages:
        raise InvalidRequest("missing field `messages`", param="messages")
    try:
        return list_items(messages)
    except InvalidRequest as error:
        raise InvalidRequest("`messages` must be a list", param="messages") from error


class _InputDecoder:
    """Takes a client's messages one by one."""

    def __init__(self) -> None:
        self._system = SystemDecoder()
        self._messages: list[Message] = []
        self._results: list[ToolResult] = []
        self._tools: dict[str, str] = {}  # name of the tool, by the id of its call

    def add(self, message: dict[str, bytes]) -> None:
        role = raw_text(message.get("role")) or ""
        if role in TOOL_ROLES:
            self._results.append(self._decode_result(role, message))
            return
        self._merge_results()
        if role in SYSTEM_ROLES:
            blocks = list(decode_parts(message.get("content", NULL), "system"))
            self._system.add(message, blocks, len(self._messages))
        else:
            self._add_turn(role, message)

    def input(self) -> Input:
        self._merge_results()
        return Input(tuple(self._messages), self._system.system(), self._system.parts())

    def _merge_results(self) -> None:
        """All results of tools that follow one another make one message of the user."""
        if self._results:
            self._messages.append(Message("user", tuple(self._results)))
            self._results = []

    def _decode_result(self, role: str, message: Raw) -> ToolResult:
        identifier = raw_text(message.get("tool_call_id")) or ""
        own = raw_text(message.get("name"))
        extra = leftover(message, _RESULT)
        if role != TOOL_ROLES[0]:
            extra["role"] = message["role"]
        text, parts = _result_of(message.get("content", NULL))
        name = self._tools.get(identifier) or own or ""
        return ToolResult(identifier, name, text, parts=parts, extra=raw_object(extra))

    def _add_turn(self, role: str, message: Raw) -> None:
        turn = decode_turn(role, message)
        self._tools.update({call.id: call.name for call in turn.calls})
        self._messages.append(Message(role, turn.blocks(), turn.extra))


def _result_of(content: bytes) -> tuple[str, tuple[Block, ...]]:
    """The text of a result, and its parts where they are more than that."""
    text = raw_text(content)
    if text is not None:
        return text, ()
    if not content.startswith(b"["):
        return ("" if content == NULL else compact_json(content)), ()
    parts = tuple(decode_parts(content, "user"))
    said = "".join(part.text for part in parts if isinstance(part, Text))
    plain = len(parts) == 1 and isinstance(parts[0], Text) and parts[0].extra is None
    return said, () if plain else parts


class Turn:
    """One message of a user or of the assistant, its blocks by where they stand in it."""

    def __init__(
        self,
        thoughts: Sequence[Block],
        content: Sequence[Block],
        calls: Sequence[ToolCall],
        before: Mapping[int, Sequence[Block]],
        refusal: Sequence[Block],
        kept: Sequence[Mapping[str, object]],
        extra: bytes | None,
    ) -> None:
        self.thoughts = thoughts
        """Those that stand beside the content."""
        self.content = content
        self.calls = calls
        self.extra = extra
        self._before = before
        self._refusal = refusal
        self._kept = kept

    def blocks(self) -> tuple[Block, ...]:
        """Thoughts, content, calls (each behind the thoughts that belong to it), refusal."""
        calls: list[Sequence[Block]] = []
        for index, call in enumerate(self.calls):
            calls.append((*self._before.get(index, ()), call))
        content, calls = put_back(self._kept, self.content, calls)
        flat = (block for group in calls for block in group)
        return (*self.thoughts, *content, *flat, *self._refusal)


def decode_turn(role: str, message: Raw) -> Turn:
    """A message's blocks."""
    content = list(decode_parts(message.get("content", NULL), role))
    refused = sum(map(is_refusal, content))
    marks = {REFUSAL_PARTS: str(refused).encode()} if refused else {}
    if message.keys() <= _PLAIN_TURN:
        return Turn((), content, (), {}, (), (), raw_object(marks))
    calls = list(_decode_calls(message))
    thoughts, before, used = _decode_thoughts(message, calls)
    refusal = raw_text(message.get("refusal"))
    unused = {key: raw for key, raw in message.items() if key in REASONING_KEYS and key != used}
    extra = leftover(message, _TURN) | leftover(unused, ()) | marks
    return Turn(
        thoughts,
        content,
        calls,
        before,
        [refusal_block(refusal)] if refusal else [],
        objects_of(_value(message.get(PROVIDER_BLOCKS))),
        raw_object(extra),
    )


def is_refusal(block: Block) -> bool:
    """Whether a block is what a model said in place of an answer."""
    return (
        isinstance(block, Unknown)
        and block.data.startswith(b"{")
        and raw_text(object_members(block.data).get("type")) == REFUSAL
    )


def refusal_block(text: str) -> Unknown:
    """A refusal, kept as what it is."""
    return Unknown(orjson.dumps({"type": "refusal", "refusal": whole_text(text)}))


def decode_parts(content: bytes, role: str) -> Iterator[Block]:
    """The blocks of a raw `content`: one for a string, one for each part of a list."""
    text = raw_text(content)
    if text is not None:
        yield Text(text)
    elif content.startswith(b"["):
        for raw in list_items(content):
            yield _decode_part(raw, role)
    elif content != NULL:
        yield Unknown(content)


def _decode_part(raw: bytes, role: str) -> Block:
    text = raw_text(raw)
    if text is not None:
        return Text(text)
    if not raw.startswith(b"{"):
        return Unknown(raw)
    part = object_members(raw)
    kind = raw_text(part.get("type")) or ""
    decode_file = FILE_PARTS.get(kind)
    if decode_file is not None:
        return decode_file(part) or Unknown(raw)
    if kind == "thinking" and role == "assistant":
        return decode_thinking(lenient_loads(raw)) or Unknown(raw)
    return _decode_text_part(kind, part, role) or Unknown(raw)


def _decode_text_part(kind: str, part: Raw, role: str) -> Block | None:
    text, value = raw_text(part.get("text")), raw_text(part.get("value"))
    name, arguments = raw_text(part.get("name")), part.get("arguments")
    old_arguments = part.get("tensorzero::arguments")
    if kind == "text" and text is not None:
        return Text(text, raw_object(leftover(part, ("type", "text"))))
    if kind == "text" and old_arguments is not None:
        return Template(role, old_arguments)
    if kind == "tensorzero::raw_text" and value is not None:
        return RawText(value)
    if kind == "tensorzero::template" and name is not None and arguments is not None:
        return Template(name, arguments)
    return None


def _decode_calls(message: Raw) -> Iterator[ToolCall]:
    calls = message.get("tool_calls", NULL)
    for raw in list_items(calls) if calls.startswith(b"[") else ():
        if raw.startswith(b"{"):
            yield _decode_call(object_members(raw))
    legacy = message.get("function_call", NULL)
    if legacy.startswith(b"{"):
        yield _decode_call({"function": legacy}, LEGACY_CALL)


def _decode_call(call: Raw, mark: str = "") -> ToolCall:
    """`mark` is the type of a call that is not one of a function in `tool_calls`."""
    kind = "function"
    if "custom" in call and "function" not in call:
        kind = mark = CUSTOM
    named = raw_text(call.get("type"))
    if named not in (None, "", "function", CUSTOM, LEGACY_CALL):
        mark = mark or named or ""
    inner = call.get(kind) or b"{}"
    function = object_members(inner) if inner.startswith(b"{") else {}
    arguments = function.get("arguments") or function.get("input") or b'""'
    text = raw_text(arguments)
    marks = {"type": orjson.dumps(mark)} if mark else {}
    more = members_of(extra_of(call, _CALL, kind, leftover(function, _FUNCTION)))
    return ToolCall(
        raw_text(call.get("id")) or "",
        raw_text(function.get("name")) or "",
        compact_json(arguments) if text is None else text,
        raw_object({**marks, **more}),
    )


def _decode_thoughts(
    message: Raw, calls: Sequence[ToolCall]
) -> tuple[list[Block], dict[int, list[Block]], str]:
    """The thoughts beside the content, those that belong to a call by its position, and the member
    that they were read from as a plain text."""
    details = objects_of(_value(message.get(_DETAILS)))
    plain, used = [], ""
    if not any(map(says_something, details)):
        for key in REASONING_KEYS:
            text = raw_text(message.get(key))
            if text:
                plain, used = [Thought(text)], key
                break
    places = {call.id: index for index, call in reversed([*enumerate(calls)]) if call.id}
    front: list[Block] = [*plain]
    before: dict[int, list[Block]] = {}
    for detail in details:
        place = places.get(place_of(detail))
        target = front if place is None else before.setdefault(place, [])
        target.append(decode_detail(detail))
    return front, before, used


def decode_thinking(part: object) -> Thought | None:
    """The thought of a content part of kind `thinking`; None for one without its text."""
    if not isinstance(part, dict):
        return None
    thinking = part.get("thinking")
    texts = [thinking] if isinstance(thinking, str) else objects_of(thinking)
    if not isinstance(thinking, str | list):
        return None
    said = [text_of(each if isinstance(each, str) else each.get("text")) for each in texts]
    rest = {key: value for key, value in part.items() if key not in ("type", "thinking")}
    if isinstance(thinking, list) and not _is_one_text(thinking):
        rest["thinking"] = thinking
    return Thought("".join(said), extra_data=lenient_dumps(rest) if rest else None)


def _is_one_text(thinking: Sequence[object]) -> bool:
    (first, *others) = thinking or [None]
    return not others and isinstance(first, dict) and first.keys() <= {"type", "text"}


def _value(raw: bytes | None) -> object:
    return None if raw is None else value_of(raw)
