"""Requests: a client's body as a neutral input and parameters.

Lenient: an item or a part that has no neutral form is kept as it is, because the relay lets
anything pass. What stands with the provider (a previous response, a conversation, a stored prompt)
is not here to be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from proxy.errors import InvalidRequest
from proxy.types.content import Block, Text, ToolCall, ToolResult, Unknown, UrlFile
from proxy.types.request import Input, Message, Params
from proxy.wire.chat_completions.files import decode_audio, decode_file, decode_image
from proxy.wire.members import list_items, object_members, value_of
from proxy.wire.responses.response import CALL_ARGUMENTS, decode_thought
from proxy.wire.values import (
    compact_json,
    object_of,
    raw_integer,
    raw_number,
    raw_text,
    text_of,
)

SYSTEM_ROLES = ("system", "developer")
TEXT_PARTS = ("input_text", "output_text", "text")
RESULTS = ("function_call_output", "custom_tool_call_output")

Raw = Mapping[str, bytes]
"""An object's members by key, values as raw JSON."""

_JSON_MODES = {"text": "off", "json_object": "on", "json_schema": "strict"}
_CALLS = dict(CALL_ARGUMENTS)


def decode_params(members: Raw) -> Params:
    """The parameters among a body's top-level members."""
    text = _object(members.get("text"))
    mode = text_of(object_of(text.get("format")).get("type"))
    return Params(
        temperature=raw_number(members.get("temperature")),
        top_p=raw_number(members.get("top_p")),
        max_tokens=raw_integer(members.get("max_output_tokens")),
        json_mode=_JSON_MODES.get(mode),
        reasoning_effort=text_of(_object(members.get("reasoning")).get("effort")) or None,
        service_tier=raw_text(members.get("service_tier")),
        verbosity=text_of(text.get("verbosity")) or None,
    )


def decode_input(members: Raw) -> Input:
    """The neutral input: instructions and system texts joined, items gathered into turns.

    What a model gave in a row (reasoning, a message, calls) is one message of the assistant; the
    results of tools that follow one another are one message of the user.

    Raises:
        InvalidRequest: `input` is neither a text nor a list of objects.
    """
    turns = _Turns()
    turns.add_system(_decode_content(members.get("instructions", b"null")))
    given = members.get("input", b"null")
    if given.startswith(b'"'):
        turns.add_message("user", _decode_content(given))
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
        self._system: list[str] = []
        self._messages: list[Message] = []
        self._open = ""  # `assistant` or `results`, while items of that side follow one another
        self._spoken = False  # whether the open turn has its message
        self._blocks: list[Block] = []
        self._tools: dict[str, str] = {}  # name of the tool, by the id of its call

    def add(self, item: Raw, raw: bytes) -> None:
        kind = raw_text(item.get("type")) or ""
        role = raw_text(item.get("role")) or ""
        if kind in _CALLS:
            self._add_item("assistant", self._decode_call(item, _CALLS[kind]))
        elif kind in RESULTS:
            self._add_item("results", self._decode_result(item))
        elif kind == "reasoning":
            self._add_item("assistant", decode_thought(_object(raw)))
        elif kind not in ("message", ""):
            answered = kind.endswith(("_output", "_response"))
            self._add_item("results" if answered else "assistant", Unknown(raw))
        elif role in SYSTEM_ROLES:
            self.add_system(_decode_content(item.get("content", b"null")))
        elif role:
            self.add_message(role, _decode_content(item.get("content", b"null")))
        else:  # without a kind and a role: a reference to an item
            self._add_item("assistant", Unknown(raw))

    def add_system(self, content: Iterator[Block]) -> None:
        self._system += [block.text for block in content if isinstance(block, Text)]

    def add_message(self, role: str, content: Iterator[Block]) -> None:
        if role == "assistant" and self._open == "assistant" and not self._spoken:
            self._blocks += content
            self._spoken = True
            return
        self._close()
        if role == "assistant":
            self._open, self._blocks, self._spoken = role, list(content), True
        else:
            self._messages.append(Message(role, tuple(content)))

    def input(self) -> Input:
        self._close()
        return Input(tuple(self._messages), "\n".join(self._system) if self._system else None)

    def _add_item(self, side: str, block: Block) -> None:
        if self._open != side:
            self._close()
            self._open = side
        self._blocks.append(block)

    def _close(self) -> None:
        if self._open:
            role = "user" if self._open == "results" else self._open
            self._messages.append(Message(role, tuple(self._blocks)))
        self._open, self._blocks, self._spoken = "", [], False

    def _decode_call(self, item: Raw, arguments: str) -> ToolCall:
        given = item.get(arguments, b'""')
        text = raw_text(given)
        call = ToolCall(
            raw_text(item.get("call_id")) or raw_text(item.get("id")) or "",
            raw_text(item.get("name")) or "",
            compact_json(given) if text is None else text,
        )
        self._tools[call.id] = call.name
        return call

    def _decode_result(self, item: Raw) -> ToolResult:
        identifier = raw_text(item.get("call_id")) or ""
        given = item.get("output", b"null")
        text = raw_text(given)
        name = self._tools.get(identifier, "")
        return ToolResult(identifier, name, compact_json(given) if text is None else text)


def _decode_content(content: bytes) -> Iterator[Block]:
    text = raw_text(content)
    if text is not None:
        yield Text(text)
    elif content.startswith(b"["):
        for raw in list_items(content):
            yield _decode_part(raw)
    elif content != b"null":
        yield Unknown(content)


def _decode_part(raw: bytes) -> Block:
    if not raw.startswith(b"{"):
        text = raw_text(raw)
        return Unknown(raw) if text is None else Text(text)
    part = object_members(raw)
    kind, text = raw_text(part.get("type")), raw_text(part.get("text"))
    block: Block | None = None
    if kind in TEXT_PARTS and text is not None:
        block = Text(text)
    elif kind == "input_image":
        block = _decode_image(part)
    elif kind == "input_file":
        block = _decode_file(part)
    elif kind == "input_audio":
        block = decode_audio(part)
    return block or Unknown(raw)


def _decode_image(part: Raw) -> Block | None:
    """An image's address stands flat here. One that was uploaded before has no neutral form."""
    url, detail = part.get("image_url", b"null"), part.get("detail", b"null")
    return decode_image({"image_url": b'{"url":%b,"detail":%b}' % (url, detail)})


def _decode_file(part: Raw) -> Block | None:
    url, name = raw_text(part.get("file_url")), part.get("filename", b"null")
    if url is not None:
        return UrlFile(url, filename=raw_text(name))
    data = part.get("file_data", b"null")
    return decode_file({"file": b'{"file_data":%b,"filename":%b}' % (data, name)})


def _object(raw: bytes | None) -> Mapping[str, object]:
    return object_of(None if raw is None else value_of(raw))
