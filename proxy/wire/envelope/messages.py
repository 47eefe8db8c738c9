"""OpenAI's messages as native input: system text in front, results of tools as what a user says.

Reading comes first and looks at shapes only; converting follows when the rest of the body has been
found good, so that of two faults the same one is reported as by TensorZero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

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
from proxy.types.immutable import immutable
from proxy.types.request import Input, Message
from proxy.wire.envelope.content import ContentReader, compact
from proxy.wire.envelope.errors import refuse
from proxy.wire.members import object_members
from proxy.wire.plain_messages import PlainMessage, as_turns, read_plain_messages, role_of
from proxy.wire.serde import (
    USIZE,
    fail,
    given,
    is_object,
    is_string,
    missing,
    optional_string,
    read_integer,
    read_items,
    read_object,
    read_string,
    read_word,
    required,
    unknown_variant,
    wrong_type,
)

ROLES = ("developer", "system", "user", "assistant", "tool")
SYSTEM_ROLES = ("developer", "system")
_SYSTEM = frozenset(SYSTEM_ROLES)
EXTRA_KINDS = ("thought", "unknown")


@immutable
class Extra:
    """A thought or an unknown block, and where among the other blocks it is to stand."""

    block: Block
    index: int | None = None


@immutable
class Said:
    """One message, its shape checked, its content (raw JSON) not yet looked into."""

    role: str
    content: bytes | None
    calls: tuple[ToolCall, ...] = ()
    extras: tuple[Extra, ...] = ()
    tool_call_id: str = ""


def read_plain_input(raw: bytes) -> Input | None:
    """The input, where all messages are texts, and only the first may be the system's; None for
    all others, which `read_messages` and `convert_messages` read, with the same result."""
    said = read_plain_messages(raw)
    return None if said is None else plain_input(said)


def plain_input(said: list[PlainMessage]) -> Input | None:
    """The same of messages that are read."""
    system, turns = None, said
    if said and said[0].role in SYSTEM_ROLES:
        system, turns = said[0].content, said[1:]
    roles = map(role_of, turns)
    return Input(as_turns(turns), system) if _SYSTEM.isdisjoint(roles) else None


def read_messages(raw: bytes, path: str) -> tuple[Said, ...]:
    """Check the shapes of all messages.

    Raises:
        InvalidRequest: naming the message, such as `messages[0]`.
    """
    items = read_items(raw, path)
    return tuple(_read_message(item, f"{path}[{index}]") for index, item in enumerate(items))


def _read_message(raw: bytes, path: str) -> Said:
    if not is_object(raw):
        if raw[:1] in b"-0123456789":
            raise fail(path, "invalid type: number, expected object")
        raise wrong_type(raw, path, "object")
    message = object_members(raw)
    tag = message.get("role", b"")
    if not is_string(tag):
        raise fail(path, "TensorZeroDerive: missing tag field `role`")
    role = read_string(tag, path)
    if role == "assistant":
        return _read_assistant(message, path)
    if role == "tool":
        identifier = required(message, path, "tool_call_id")
        identifier_text = read_string(identifier, f"{path}: tool_call_id")
        return Said(role, given(message.get("content")), tool_call_id=identifier_text)
    if role not in ROLES:
        raise unknown_variant(path, role, ROLES)
    return Said(role, required(message, path, "content"))


def _read_assistant(message: Mapping[str, bytes], path: str) -> Said:
    calls, extras = given(message.get("tool_calls")), given(message.get("tensorzero_extra_content"))
    return Said(
        "assistant",
        given(message.get("content")),
        () if calls is None else _read_calls(calls, f"{path}: tool_calls"),
        () if extras is None else _read_extras(extras, f"{path}: tensorzero_extra_content"),
    )


def _read_calls(raw: bytes, path: str) -> tuple[ToolCall, ...]:
    items = read_items(raw, path)
    return tuple(_read_call(item, f"{path}.[{index}]") for index, item in enumerate(items))


def _read_call(raw: bytes, path: str) -> ToolCall:
    call = read_object(raw, path, "struct OpenAICompatibleToolCall")
    identifier = read_string(required(call, path, "id"), f"{path}.id")
    read_string(required(call, path, "type"), f"{path}.type")
    inner = f"{path}.function"
    function = read_object(
        required(call, path, "function"), inner, "struct OpenAICompatibleFunctionCall"
    )
    name = read_string(required(function, inner, "name"), f"{inner}.name")
    arguments = read_string(required(function, inner, "arguments"), f"{inner}.arguments")
    return ToolCall(identifier, name, arguments)


def _read_extras(raw: bytes, path: str) -> tuple[Extra, ...]:
    items = read_items(raw, path)
    return tuple(_read_extra(item, f"{path}.[{index}]") for index, item in enumerate(items))


def _read_extra(raw: bytes, path: str) -> Extra:
    extra = read_object(raw, path, "internally tagged enum ExtraContentBlock")
    kind = read_word(required(extra, path, "type"), path, EXTRA_KINDS)
    index = given(extra.get("insert_index"))
    block = _read_thought(extra, path) if kind == "thought" else _read_unknown(extra, path)
    return Extra(block, None if index is None else read_integer(index, path, USIZE, "usize"))


def _read_thought(extra: Mapping[str, bytes], path: str) -> Thought:
    return Thought(
        optional_string(extra, path, "text"),
        optional_string(extra, path, "signature"),
        given(extra.get("summary")),
        optional_string(extra, path, "provider_type"),
        given(extra.get("extra_data")),
    )


def _read_unknown(extra: Mapping[str, bytes], path: str) -> Unknown:
    if "data" not in extra:
        raise missing(path, "data")
    return Unknown(
        extra["data"],
        optional_string(extra, path, "model_name"),
        optional_string(extra, path, "provider_name"),
    )


def convert_messages(messages: Sequence[Said]) -> tuple[Input, tuple[str, ...]]:
    """The native input, and sentences for the log, each once.

    Raises:
        InvalidRequest: in the endpoint's own voice.
    """
    converter = _Converter()
    for position, said in enumerate(messages):
        converter.add(said, first=position == 0)
    return converter.input(), tuple(dict.fromkeys(converter.warnings))


class _Converter:
    """Takes messages one by one."""

    def __init__(self) -> None:
        self._content = ContentReader()
        self._system = _System()
        self._messages: list[Message] = []
        self._results: list[Block] = []
        self._tools: dict[str, str] = {}  # name of the tool, by the id of its call
        self.warnings = self._content.warnings

    def add(self, said: Said, *, first: bool) -> None:
        if said.role == "tool":
            self._results.append(self._result(said))
            return
        self._merge_results()
        if said.role in SYSTEM_ROLES:
            self._add_system(said, first)
        elif said.role == "user":
            self._say("user", self._content.read(said.content or b"null", "user"))
        else:
            self._add_assistant(said)

    def input(self) -> Input:
        self._merge_results()
        return Input(tuple(self._messages), self._system.value)

    def _say(self, role: str, blocks: Sequence[Block]) -> None:
        self._messages.append(Message(role, tuple(blocks)))

    def _merge_results(self) -> None:
        """All results of tools that follow one another make one message of the user."""
        if self._results:
            self._say("user", self._results)
            self._results = []

    def _result(self, said: Said) -> ToolResult:
        name = self._tools.get(said.tool_call_id)
        if name is None:
            raise refuse("tool call id not found")
        return ToolResult(said.tool_call_id, name, _result_text(said.content))

    def _add_system(self, said: Said, first: bool) -> None:
        known = self._system.value is not None
        for block in self._content.read(said.content or b"null", "system"):
            self._system.add(block)
        if known:
            self.warnings.append(
                "There are several system messages; they were joined and moved to the front."
            )
        elif not first:
            self.warnings.append("A system message was moved to the front.")

    def _add_assistant(self, said: Said) -> None:
        blocks: list[Block] = []
        if said.content is not None:
            blocks += self._content.read(said.content, "assistant")
        blocks += said.calls
        self._tools.update({call.id: call.name for call in said.calls})
        self._say("assistant", _with_extras(blocks, said.extras))


def _with_extras(blocks: list[Block], extras: Sequence[Extra]) -> list[Block]:
    """Indexed ones by ascending index, then those without one in front, in their order."""
    placed = [(extra.index, extra.block) for extra in extras if extra.index is not None]
    for index, block in sorted(placed, key=lambda item: item[0]):
        blocks.insert(index, block)  # beyond the end is the end
    return [*(extra.block for extra in extras if extra.index is None), *blocks]


def _result_text(content: bytes | None) -> str:
    """The JSON text of a result: a string keeps its quotes, nothing is `null`."""
    if content is None:
        return "null"
    if is_string(content):
        return orjson.dumps(read_string(content, "")).decode()
    return compact(content)


class _System:
    """What the system messages make up: joined texts, or the arguments of one template."""

    def __init__(self) -> None:
        self.value: str | bytes | None = None

    def add(self, block: Block) -> None:
        if isinstance(block, Template):
            if self.value is not None:
                raise refuse("System message cannot contain template with other content")
            self.value = block.arguments
        elif isinstance(block, Text | RawText):
            self._add_text(block.text if isinstance(block, Text) else block.value)
        else:
            raise refuse("System message must contain only text or template content blocks")

    def _add_text(self, text: str) -> None:
        if isinstance(self.value, bytes):
            raise refuse("Cannot add text after template system message")
        self.value = text if self.value is None else f"{self.value}\n{text}"
