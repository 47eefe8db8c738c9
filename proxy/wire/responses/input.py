"""Requests: instructions and items as a neutral input.

Lenient: an item or a part that has no neutral form is kept as it is, because the relay lets
anything pass. What stands with the provider (a previous response, a conversation, a stored prompt)
is not here to be read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from proxy.errors import InvalidRequest
from proxy.types.content import Block, Text, ToolCall, ToolResult, Unknown
from proxy.types.request import Input, Message
from proxy.wire.lenient import lenient_dumps, lenient_loads, lenient_object
from proxy.wire.members import list_items, object_members
from proxy.wire.responses.extras import MESSAGE_FIELDS, Members, call_extra, dump_said, result_extra
from proxy.wire.responses.parts import Raw, decode_content
from proxy.wire.responses.response import CALL_ARGUMENTS, decode_thought
from proxy.wire.values import compact_json, object_of, raw_text

SYSTEM_ROLES = ("system", "developer")
RESULTS = ("function_call_output", "custom_tool_call_output")
INSTRUCTIONS = "instructions"

_CALLS = dict(CALL_ARGUMENTS)


def decode_input(members: Raw) -> Input:
    """The neutral input: instructions and system texts joined, items gathered into turns.

    What a model gave in a row (reasoning, a message, calls) is one message of the assistant; the
    results of tools that follow one another are one message of the user.

    Raises:
        InvalidRequest: `input` is neither a text nor a list of objects.
    """
    turns = _Turns()
    turns.add_instructions(members.get(INSTRUCTIONS, b"null"))
    given = members.get("input", b"null")
    if given.startswith(b'"'):
        turns.add_message("user", decode_content(given))
    elif given != b"null":
        for position, raw in enumerate(_items(given)):
            try:
                turns.add(object_members(raw), raw)
            except InvalidRequest as error:
                raise InvalidRequest(
                    f"input[{position}] must be an object", param="input"
                ) from error
    return turns.input()


def _items(given: bytes) -> list[bytes]:
    try:
        return list_items(given)
    except InvalidRequest as error:
        raise InvalidRequest("`input` must be a text or a list", param="input") from error


class _Turns:
    """Takes a client's items one by one."""

    def __init__(self) -> None:
        self._system: list[Text] = []
        self._messages: list[Message] = []
        self._open = ""  # `assistant` or `results`, while items of that side follow one another
        self._spoken = False  # whether the open turn has its message
        self._extra: bytes | None = None  # of the open turn
        self._blocks: list[Block] = []
        self._tools: dict[str, str] = {}  # name of the tool, by the id of its call

    def add(self, item: Raw, raw: bytes) -> None:
        kind = raw_text(item.get("type")) or ""
        role = raw_text(item.get("role")) or ""
        if kind in _CALLS:
            self._add_item("assistant", self._decode_call(item, _CALLS[kind], raw))
        elif kind in RESULTS:
            self._add_item("results", self._decode_result(item, raw))
        elif kind == "reasoning":
            self._add_item("assistant", decode_thought(object_of(lenient_loads(raw))))
        elif kind not in ("message", ""):
            answered = kind.endswith(("_output", "_response"))
            self._add_item("results" if answered else "assistant", Unknown(raw))
        elif role in SYSTEM_ROLES and _is_text(decode_content(item.get("content", b"null"))):
            self._add_system(item.get("content", b"null"), object_of(lenient_loads(raw)))
        elif role:
            self._add_turn(role, item, raw)
        else:  # without a kind and a role: a reference to an item
            self._add_item("assistant", Unknown(raw))

    def add_instructions(self, content: bytes) -> None:
        """What stands before all items."""
        self._system += (block for block in decode_content(content) if isinstance(block, Text))

    def add_message(self, role: str, content: Iterable[Block], extra: bytes | None = None) -> None:
        """A message of anybody but the model."""
        self._close()
        self._messages.append(Message(role, tuple(content), extra))

    def input(self) -> Input:
        self._close()
        texts = [block.text for block in self._system]
        plain = self._system == [Text(text) for text in texts[:1]]
        return Input(
            tuple(self._messages),
            "\n".join(texts) if texts else None,
            () if plain else tuple(self._system),
        )

    def _add_turn(self, role: str, item: Raw, raw: bytes) -> None:
        """A message of the user, of the model, or of a role that nobody here knows."""
        members = object_of(lenient_loads(raw))
        content = item.get("content", b"null")
        further = {key: value for key, value in members.items() if key not in MESSAGE_FIELDS}
        if role != "assistant":
            self.add_message(role, decode_content(content), lenient_dumps({"item": further}))
            return
        if self._open != role or self._spoken:
            self._close()
        self._open, self._spoken = role, True
        blocks = tuple(decode_content(content, members))
        if not blocks:
            blocks = (Unknown(raw),)
        elif not _is_text(blocks):
            at = [len(self._blocks), len(self._blocks) + len(blocks)]
            self._extra = lenient_dumps({"item": further, "at": at})
        self._blocks += blocks

    def _add_system(self, content: bytes, members: Members) -> None:
        """Keeps the place, which the joined system text does not tell."""
        at = [len(self._messages), len(self._blocks)]
        item = {key: value for key, value in members.items() if key not in ("type", "content")}
        place: Members = {"item": item, "at": at}
        for block in decode_content(content):
            if isinstance(block, Text):
                self._system.append(_placed(block, place))
                place = {"more": True}

    def _add_item(self, side: str, block: Block) -> None:
        if self._open != side:
            self._close()
            self._open = side
        self._blocks.append(block)

    def _close(self) -> None:
        if self._open:
            role = "user" if self._open == "results" else self._open
            self._messages.append(Message(role, tuple(self._blocks), self._extra))
        self._open, self._blocks, self._spoken, self._extra = "", [], False, None

    def _decode_call(self, item: Raw, arguments: str, raw: bytes) -> ToolCall:
        given = item.get(arguments, b'""')
        text = raw_text(given)
        call = ToolCall(
            raw_text(item.get("call_id")) or raw_text(item.get("id")) or "",
            raw_text(item.get("name")) or "",
            compact_json(given) if text is None else text,
            call_extra(object_of(lenient_loads(raw))),
        )
        self._tools[call.id] = call.name
        return call

    def _decode_result(self, item: Raw, raw: bytes) -> ToolResult:
        identifier = raw_text(item.get("call_id")) or ""
        extra = result_extra(object_of(lenient_loads(raw)))
        name, given = self._tools.get(identifier, ""), item.get("output", b"null")
        text = raw_text(given)
        if text is not None or not given.startswith(b"["):
            said = compact_json(given) if text is None else text
            return ToolResult(identifier, name, said, extra=extra)
        parts = tuple(decode_content(given))
        said = "".join(part.text for part in parts if isinstance(part, Text))
        lone = parts == (Text(said),)
        return ToolResult(identifier, name, said, parts=() if lone else parts, extra=extra)


def _placed(block: Text, place: Members) -> Text:
    known = {} if block.extra is None else lenient_object(block.extra)
    return replace(block, extra=dump_said({**known, **place}))


def _is_text(content: Iterable[Block]) -> bool:
    """Whether there is text, and no files, or other parts."""
    blocks = tuple(content)
    return bool(blocks) and all(isinstance(block, Text) for block in blocks)
