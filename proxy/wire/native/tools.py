"""The tools that a caller brings along, and its choice among them, in the API's own form."""

from __future__ import annotations

from proxy.errors import InvalidRequest
from proxy.wire.envelope.tools import MODES, ToolChoice
from proxy.wire.members import object_members
from proxy.wire.serde import (
    check_known,
    fail,
    given,
    is_object,
    is_string,
    optional_string,
    read_flag,
    read_items,
    read_object,
    read_string,
    read_word,
    required,
    unknown_variant,
    wrong_type,
)

FUNCTION_KINDS = ("function", "client_side_function")
CHOICES = (*MODES, "specific")


def read_additional_tools(raw: bytes, path: str) -> bytes:
    """The list, checked and unchanged.

    An item is `{"type"?, "name", "description", "parameters", "strict"?}`, or
    `{"type": "openai_custom", "name", "description"?, "format"?}`.
    """
    for index, item in enumerate(read_items(raw, path)):
        _check_tool(item, f"{path}[{index}]")
    return raw


def _check_tool(raw: bytes, path: str) -> None:
    try:
        tool = read_object(raw, "", "struct FunctionTool")
        kind = tool.get("type")
        if kind is None:
            _check_function(tool)
            return
        word = read_word(kind, "type", (*FUNCTION_KINDS, "openai_custom"))
        inner = {name: value for name, value in tool.items() if name != "type"}
        (_check_function if word in FUNCTION_KINDS else _check_custom)(inner)
    except InvalidRequest as error:
        why = "Failed to parse as `Tool` (tagged) or `FunctionTool` (untagged)"
        raise fail(path, f"{why}: {error}") from error


def _check_function(tool: dict[str, bytes]) -> None:
    check_known(tool, "", ("description", "parameters", "name", "strict"))
    read_string(required(tool, "", "description"), "description")
    required(tool, "", "parameters")
    read_string(required(tool, "", "name"), "name")
    strict = given(tool.get("strict"))
    if strict is not None:
        read_flag(strict, "strict")


def _check_custom(tool: dict[str, bytes]) -> None:
    check_known(tool, "", ("name", "description", "format"))
    read_string(required(tool, "", "name"), "name")
    optional_string(tool, "", "description")
    shape = given(tool.get("format"))
    if shape is not None:
        _check_format(shape)


def _check_format(raw: bytes) -> None:
    """`{"type": "text"}`, or a grammar."""
    members = read_object(raw, "format", "internally tagged enum OpenAICustomToolFormat")
    kind = read_word(required(members, "format", "type"), "format.type", ("text", "grammar"))
    if kind == "text":
        return
    path = "format.grammar"
    grammar = read_object(
        required(members, "format", "grammar"), path, "struct OpenAIGrammarDefinition"
    )
    read_word(required(grammar, path, "syntax"), f"{path}.syntax", ("lark", "regex"))
    read_string(required(grammar, path, "definition"), f"{path}.definition")


def read_native_tool_choice(raw: bytes, path: str) -> ToolChoice:
    """`"none"`, `"auto"`, `"required"`, or `{"specific": name}`."""
    if is_string(raw):
        mode = read_word(raw, path, CHOICES)
        if mode == "specific":
            raise fail(path, "invalid type: unit variant, expected newtype variant")
        return ToolChoice(mode)
    if not is_object(raw):
        raise wrong_type(raw, path, "string or map")
    members = object_members(raw)
    if len(members) != 1:
        raise fail(path, "invalid value: map, expected map with a single key")
    (name, value), *_ = members.items()
    if name not in CHOICES:
        raise unknown_variant(path, name, CHOICES)
    if name == "specific":
        return ToolChoice("specific", name=read_string(value, f"{path}.specific"))
    if given(value) is not None:
        raise wrong_type(value, path, "unit")
    return ToolChoice(name)
