"""A client's tools and its choice among them, in the JSON that is stored of them.

Here a function's members stand flat beside its type. Tools that the provider itself runs (a web
search, a remote server) are no tools of the client's and stay in the raw request alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from proxy.wire.lenient import whole_text
from proxy.wire.members import list_items, object_members, value_of
from proxy.wire.values import raw_text

_MODES = ("none", "auto", "required")
_NAMED = ("function", "custom")

Raw = Mapping[str, bytes]


def tools_to_json(members: Raw) -> bytes:
    """A JSON list of tools, schemas as the client spelled them; empty bytes when it gave none."""
    tools = [stored for tool in _given_tools(members) if (stored := _tool(tool)) is not None]
    return orjson.dumps(tools) if tools else b""


def tool_choice_to_json(members: Raw) -> bytes:
    """`"auto"`, `"none"`, `"required"` or `{"specific": name}`; empty bytes without tools."""
    if not _given_tools(members):
        return b""
    return orjson.dumps(_choice(value_of(members.get("tool_choice", b"null"))))


def _given_tools(members: Raw) -> list[Raw]:
    tools = members.get("tools", b"null")
    raws = list_items(tools) if tools.startswith(b"[") else []
    return [object_members(raw) for raw in raws if raw.startswith(b"{")]


def _tool(tool: Raw) -> dict[str, object] | None:
    kind = raw_text(tool.get("type"))
    if kind == "custom":
        shown = {key: orjson.Fragment(raw) for key, raw in tool.items() if key != "type"}
        return {"type": "openai_custom", **shown}
    if kind != "function":
        return None
    return {
        "type": "function",
        "name": orjson.Fragment(tool.get("name", b'""')),
        "description": orjson.Fragment(tool.get("description", b'""')),
        "parameters": orjson.Fragment(tool.get("parameters", b"{}")),
        "strict": tool.get("strict") == b"true",
    }


def _choice(choice: object) -> object:
    if isinstance(choice, str):
        return choice if choice in _MODES else "auto"
    if not isinstance(choice, dict):
        return "auto"
    if choice.get("type") == "allowed_tools":
        return _choice(choice.get("mode"))
    name = choice.get("name")
    if choice.get("type") in _NAMED and isinstance(name, str):
        return {"specific": whole_text(name)}
    return "auto"
