"""Requests: a client's chat completion body as a neutral request.

The mapping of messages is TensorZero's, but lenient: a role or a content part that it does not
know is kept, as it is, rather than refused, because the relay lets anything pass.
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
from proxy.types.request import NO_CREDENTIALS, Input, Message, ModelRequest, Params
from proxy.wire.chat_completions.files import FILE_PARTS
from proxy.wire.lenient import whole_text
from proxy.wire.members import list_items, object_members, value_of
from proxy.wire.values import compact_json, raw_flag, raw_integer, raw_number, raw_text

SYSTEM_ROLES = ("system", "developer")
TOOL_ROLES = ("tool", "function")

Raw = Mapping[str, bytes]
"""An object's members by key, values as raw JSON."""

_JSON_MODES = {"text": "off", "json_object": "on", "json_schema": "strict"}


def decode_request(
    body: bytes,
    *,
    model_name: str,
    stream: bool,
    credentials: Mapping[str, str] = NO_CREDENTIALS,
) -> ModelRequest:
    """A neutral request to the provider's model `model_name`.

    Raises:
        InvalidRequest: no JSON object, or `messages` is no list of objects.
    """
    members = object_members(body)
    return ModelRequest(
        model_name=model_name,
        input=decode_input(members.get("messages", b"")),
        stream=stream,
        params=decode_params(members),
        tools=_given(members.get("tools")),
        tool_choice=_given(members.get("tool_choice")),
        response_format=_given(members.get("response_format")),
        parallel_tool_calls=raw_flag(members.get("parallel_tool_calls")),
        credentials=credentials,
    )


def decode_params(members: Raw) -> Params:
    """The parameters among a body's top-level members; of the two limits the smaller one."""
    limits = [raw_integer(members.get(key)) for key in ("max_tokens", "max_completion_tokens")]
    return Params(
        temperature=raw_number(members.get("temperature")),
        top_p=raw_number(members.get("top_p")),
        max_tokens=min((limit for limit in limits if limit is not None), default=None),
        seed=raw_integer(members.get("seed")),
        presence_penalty=raw_number(members.get("presence_penalty")),
        frequency_penalty=raw_number(members.get("frequency_penalty")),
        stop_sequences=_strings(members.get("stop")),
        json_mode=_json_mode(members.get("response_format")),
        reasoning_effort=raw_text(members.get("reasoning_effort")),
        service_tier=raw_text(members.get("service_tier")),
        verbosity=raw_text(members.get("verbosity")),
    )


def decode_input(messages: bytes) -> Input:
    """The native input: system texts in front and joined, tool results merged into user messages.

    `messages` is the raw value of the body's member.

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
        self._system: list[str] = []
        self._arguments: bytes | None = None
        self._messages: list[Message] = []
        self._results: list[ToolResult] = []
        self._tools: dict[str, str] = {}  # name of the tool, by the id of its call

    def add(self, message: Raw) -> None:
        role = raw_text(message.get("role")) or ""
        if role in TOOL_ROLES:
            self._results.append(self._decode_result(message))
            return
        self._merge_results()
        if role in SYSTEM_ROLES:
            self._add_system(message)
        else:
            self._add_turn(role, message)

    def input(self) -> Input:
        self._merge_results()
        if self._arguments is not None and not self._system:
            return Input(tuple(self._messages), self._arguments)
        return Input(tuple(self._messages), "\n".join(self._system) if self._system else None)

    def _merge_results(self) -> None:
        """All results of tools that follow one another make one message of the user."""
        if self._results:
            self._messages.append(Message("user", tuple(self._results)))
            self._results = []

    def _decode_result(self, message: Raw) -> ToolResult:
        identifier = raw_text(message.get("tool_call_id")) or ""
        name = self._tools.get(identifier) or raw_text(message.get("name")) or ""
        return ToolResult(identifier, name, compact_json(message.get("content", b"null")))

    def _add_system(self, message: Raw) -> None:
        for block in decode_parts(message.get("content", b"null"), "system"):
            if isinstance(block, Text):
                self._system.append(block.text)
            elif isinstance(block, RawText):
                self._system.append(block.value)
            elif isinstance(block, Template):
                self._arguments = block.arguments

    def _add_turn(self, role: str, message: Raw) -> None:
        calls = list(_decode_calls(message))
        self._tools.update({call.id: call.name for call in calls})
        content = decode_parts(message.get("content", b"null"), role)
        blocks: list[Block] = [*_decode_thoughts(message), *content, *calls]
        refusal = raw_text(message.get("refusal"))
        if refusal:
            blocks.append(Unknown(orjson.dumps({"type": "refusal", "refusal": refusal})))
        self._messages.append(Message(role, tuple(blocks)))


def decode_parts(content: bytes, role: str) -> Iterator[Block]:
    """The blocks of a raw `content`: one for a string, one for each part of a list."""
    text = raw_text(content)
    if text is not None:
        yield Text(text)
    elif content.startswith(b"["):
        for raw in list_items(content):
            yield _decode_part(raw, role)
    elif content != b"null":
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
    block = decode_file(part) if decode_file else _decode_text_part(kind, part, role)
    return block or Unknown(raw)


def _decode_text_part(kind: str, part: Raw, role: str) -> Block | None:
    text, value = raw_text(part.get("text")), raw_text(part.get("value"))
    name, arguments = raw_text(part.get("name")), part.get("arguments")
    old_arguments = part.get("tensorzero::arguments")
    if kind == "text" and text is not None:
        return Text(text)
    if kind == "text" and old_arguments is not None:
        return Template(role, old_arguments)
    if kind == "tensorzero::raw_text" and value is not None:
        return RawText(value)
    if kind == "tensorzero::template" and name is not None and arguments is not None:
        return Template(name, arguments)
    return None


def _decode_calls(message: Raw) -> Iterator[ToolCall]:
    calls = message.get("tool_calls", b"null")
    for raw in list_items(calls) if calls.startswith(b"[") else ():
        if not raw.startswith(b"{"):
            continue
        call = object_members(raw)
        yield _decode_call(raw_text(call.get("id")) or "", call)
    legacy = message.get("function_call", b"null")
    if legacy.startswith(b"{"):
        yield _decode_call("", {"function": legacy})


def _decode_call(identifier: str, call: Raw) -> ToolCall:
    inner = call.get("function") or call.get("custom") or b"{}"
    function = object_members(inner) if inner.startswith(b"{") else {}
    arguments = function.get("arguments") or function.get("input") or b'""'
    text = raw_text(arguments)
    name = raw_text(function.get("name")) or ""
    return ToolCall(identifier, name, compact_json(arguments) if text is None else text)


def _decode_thoughts(message: Raw) -> Iterator[Thought]:
    for key in ("reasoning_content", "reasoning"):
        text = raw_text(message.get(key))
        if text:
            yield Thought(text)
            return


def _given(raw: bytes | None) -> bytes | None:
    return None if raw == b"null" else raw


def _value(raw: bytes | None) -> object:
    return None if raw is None else value_of(raw)


def _strings(raw: bytes | None) -> tuple[str, ...] | None:
    value = _value(raw)
    if isinstance(value, str):
        return (whole_text(value),)
    items: Sequence[object] = value if isinstance(value, list) else ()
    return tuple(whole_text(item) for item in items if isinstance(item, str)) or None


def _json_mode(raw: bytes | None) -> str | None:
    value = _value(raw)
    kind = value.get("type") if isinstance(value, dict) else None
    return _JSON_MODES.get(kind) if isinstance(kind, str) else None
