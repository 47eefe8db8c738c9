"""The tools that a caller brings along, and its choice among them."""

from __future__ import annotations

import orjson

from proxy.types.immutable import immutable
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
)

KINDS = ("function", "custom")
MODES = ("none", "auto", "required")


@immutable
class ToolChoice:
    """Which tools may, or must, be called."""

    mode: str
    """`none`, `auto`, `required`, or `specific`."""
    name: str | None = None
    """The tool that must be called, for `specific`."""
    allowed: tuple[str, ...] | None = None

    def as_native(self) -> bytes:
        """JSON: the mode as a string, or `{"specific": name}`."""
        return orjson.dumps({"specific": self.name} if self.name is not None else self.mode)


def read_tools(raw: bytes, path: str) -> bytes:
    """The list, checked and unchanged."""
    for index, item in enumerate(read_items(raw, path)):
        _check_tool(item, f"{path}[{index}]")
    return raw


def _check_tool(raw: bytes, path: str) -> None:
    tool = read_object(raw, path, "internally tagged enum OpenAICompatibleTool")
    kind = read_word(required(tool, path, "type"), path, KINDS)
    inner = read_object(required(tool, path, kind), path, _STRUCTS[kind])
    read_string(required(inner, path, "name"), path)
    optional_string({"description": inner.get("description", b"null")}, path, "description")
    if kind == "function":
        required(inner, path, "parameters")
        strict = given(inner.get("strict"))
        if strict is not None:
            read_flag(strict, path)


_STRUCTS = {
    "function": "struct OpenAICompatibleFunctionTool",
    "custom": "struct OpenAICustomTool",
}


def read_tool_choice(raw: bytes, path: str) -> ToolChoice:
    """A mode, a named function, or a list of allowed tools with a mode."""
    if is_string(raw):
        mode = read_string(raw, path)
        if mode not in MODES:
            raise fail(path, f"Invalid tool choice string: {mode}")
        return ToolChoice(mode)
    if not is_object(raw):
        raise fail(path, "Tool choice must be a string or object")
    choice = read_object(raw, path, "a map")
    if "type" not in choice:
        raise fail(path, "Tool choice field must have a 'type' field if it is an object")
    if not is_string(choice["type"]):
        raise fail(path, "Tool choice 'type' field must be a string")
    kind = read_string(choice["type"], path)
    if kind == "function":
        return ToolChoice("specific", name=_named(raw, path))
    if kind == "allowed_tools":
        return _allowed(choice, path)
    raise fail(path, f"Invalid tool choice type: {kind}")


def _named(raw: bytes, path: str) -> str:
    choice = read_object(raw, path, "struct OpenAICompatibleNamedToolChoice")
    read_string(required(choice, path, "type"), path)
    function = read_object(required(choice, path, "function"), path, "struct FunctionName")
    return read_string(required(function, path, "name"), path)


def _allowed(choice: dict[str, bytes], path: str) -> ToolChoice:
    if "allowed_tools" not in choice:
        raise fail(path, "Missing 'allowed_tools' field in allowed_tools type")
    allowed = read_object(choice["allowed_tools"], path, "struct OpenAICompatibleAllowedTools")
    names = tuple(_named(item, path) for item in read_items(required(allowed, path, "tools"), path))
    mode = read_word(required(allowed, path, "mode"), path, ("auto", "required"))
    return ToolChoice(mode, allowed=names)


def read_provider_tools(raw: bytes, path: str) -> tuple[bytes, ...]:
    """`[{"scope"?: null | {"model_name", "provider_name"?}, "tool": …}]`, each item raw."""
    items = read_items(raw, path)
    for index, item in enumerate(items):
        _check_provider_tool(item, f"{path}[{index}]")
    return tuple(items)


def _check_provider_tool(raw: bytes, path: str) -> None:
    tool = read_object(raw, path, "struct ProviderTool")
    check_known(tool, path, ("scope", "tool"))
    required(tool, path, "tool")
    scope = given(tool.get("scope"))
    if scope is not None:
        where = f"{path}.scope"
        members = read_object(scope, where, "struct ModelProvider")
        read_string(required(members, where, "model_name"), f"{where}.model_name")
        optional_string(members, where, "provider_name")
