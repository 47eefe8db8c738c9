"""A demonstration for a chat function: a text, or a list of texts and tool calls."""

from __future__ import annotations

from collections.abc import Mapping

from proxy.errors import InvalidRequest
from proxy.types.content import Text, ToolCall
from proxy.wire.members import list_items, object_members
from proxy.wire.serde import (
    check_known,
    fail,
    is_object,
    is_string,
    read_string,
    required,
    unknown_variant,
    wrong_type,
)
from proxy.wire.values import compact_json

KINDS = ("text", "tool_call")


def decode_demonstration(value: bytes) -> tuple[Text | ToolCall, ...]:
    """The blocks of a raw JSON value. Arguments of a tool come as an object or as its text.

    Raises:
        InvalidRequest: with TensorZero's message.
    """
    if is_string(value):
        return (Text(read_string(value, "value")),)
    if not value.startswith(b"["):
        raise InvalidRequest(
            "Demonstration must be a string or an array of content blocks", param="value"
        )
    try:
        return tuple(_read_block(raw) for raw in list_items(value))
    except InvalidRequest as error:
        raise InvalidRequest(
            f"Invalid demonstration content block: {error}", param="value"
        ) from error


def _read_block(raw: bytes) -> Text | ToolCall:
    if not is_object(raw):
        raise wrong_type(raw, "", "object")
    block = object_members(raw)
    tag = block.pop("type", b"")
    if not is_string(tag):
        raise fail("", "TensorZeroDerive: missing tag field `type`")
    kind = read_string(tag, "")
    if kind == "text":
        check_known(block, "", ("text",))
        return Text(read_string(required(block, "", "text"), "text"))
    if kind == "tool_call":
        return _read_tool_call(block)
    raise unknown_variant("", kind, KINDS)


def _read_tool_call(block: Mapping[str, bytes]) -> ToolCall:
    name = read_string(required(block, "", "name"), "name")
    arguments = required(block, "", "arguments")
    identifier = read_string(required(block, "", "id"), "id")
    text = read_string(arguments, "") if is_string(arguments) else compact_json(arguments)
    return ToolCall(identifier, name, text)
