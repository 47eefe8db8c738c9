"""A client's tools and its choice among them, in the JSON that is stored of them."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from proxy.types.request import ModelRequest
from proxy.wire.lenient import whole_text
from proxy.wire.members import list_items, object_members, value_of

_MODES = ("none", "auto", "required")


def tools_to_json(request: ModelRequest) -> bytes:
    """A JSON list of tools, schemas as the client spelled them; empty bytes when it gave none."""
    if request.tools is None or not request.tools.startswith(b"["):
        return b""
    raws = (raw for raw in list_items(request.tools) if raw.startswith(b"{"))
    return orjson.dumps([_tool(object_members(raw)) for raw in raws])


def tool_choice_to_json(request: ModelRequest) -> bytes:
    """`"auto"`, `"none"`, `"required"` or `{"specific": name}`; empty bytes without tools."""
    if request.tools is None:
        return b""
    choice = None if request.tool_choice is None else value_of(request.tool_choice)
    return orjson.dumps(_choice(choice))


def _tool(tool: Mapping[str, bytes]) -> dict[str, object]:
    custom = tool.get("custom", b"")
    if custom.startswith(b"{"):
        members = object_members(custom)
        shown = {key: orjson.Fragment(raw) for key, raw in members.items()}
        return {"type": "openai_custom", **shown}
    inner = tool.get("function", b"")
    function = object_members(inner) if inner.startswith(b"{") else {}
    return {
        "type": "function",
        "name": orjson.Fragment(function.get("name", b'""')),
        "description": orjson.Fragment(function.get("description", b'""')),
        "parameters": orjson.Fragment(function.get("parameters", b"{}")),
        "strict": function.get("strict") == b"true",
    }


def _choice(choice: object) -> object:
    if isinstance(choice, str):
        return choice if choice in _MODES else "auto"
    if not isinstance(choice, dict):
        return "auto"
    allowed = choice.get("allowed_tools")
    if isinstance(allowed, dict):
        return _choice(allowed.get("mode"))
    named = choice.get("function") or choice.get("custom")
    name = named.get("name") if isinstance(named, dict) else None
    return {"specific": whole_text(name)} if isinstance(name, str) else "auto"
