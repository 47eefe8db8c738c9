"""Tools: the protocol's `toolConfig` as OpenAI's form and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import orjson

from proxy.errors import UpstreamUnsupported
from proxy.types.request import NO_REST, ModelRequest
from proxy.wire.converse import WIRE
from proxy.wire.converse.blocks import cache_mark
from proxy.wire.converse.raws import as_list, as_object, to_list, to_object
from proxy.wire.members import list_items, object_members, value_of
from proxy.wire.values import raw_text

PLACES = "places"
"""Not the protocol's: where in the list the client's tools stood, then the others."""
NO_PARAMETERS = b'{"type":"object","properties":{}}'


class ToolConfig(NamedTuple):
    """A `toolConfig` in neutral form; see `ModelRequest`."""

    tools: bytes | None = None
    provider_tools: tuple[bytes, ...] = ()
    choice: bytes | None = None
    rest: Mapping[str, bytes] = NO_REST
    """Members that the neutral form does not say."""


def decode_tool_config(raw: bytes | None) -> ToolConfig:
    """A `toolConfig` as it is sent.

    What follows a tool that the provider runs itself stands among these, cache points included;
    where a client's tool follows, `rest` says at which places they all stood.
    """
    rest = as_object(raw)
    tools: list[dict[str, bytes]] = []
    own: dict[int, bytes] = {}
    items = as_list(rest.get("tools"))
    for place, item in enumerate(items):
        members, mark = as_object(item), cache_mark(item)
        if list(members) == ["toolSpec"] and (tool := _decode_tool(members["toolSpec"])):
            tools.append(tool)
        elif mark is not None and tools and not own and "cache_control" not in tools[-1]:
            tools[-1]["cache_control"] = mark
        else:
            own[place] = item
    places = sorted(range(len(items)), key=lambda place: place in own)
    if items:
        del rest["tools"]
    if places != sorted(places):
        rest[PLACES] = orjson.dumps(places)
    choice = _decode_choice(rest.get("toolChoice"))
    if choice is not None:
        del rest["toolChoice"]
    listed = to_list([to_object(tool) for tool in tools]) if tools else None
    return ToolConfig(listed, tuple(own.values()), choice, rest)


def _decode_tool(raw: bytes) -> dict[str, bytes] | None:
    spec = as_object(raw)
    schema = as_object(spec.get("inputSchema"))
    if list(schema) != ["json"] or "name" not in spec:
        return None
    function = {"name": spec.pop("name")}
    if raw_text(spec.get("description")):
        function["description"] = spec.pop("description")
    function["parameters"] = schema["json"]
    del spec["inputSchema"]
    if "strict" in spec:
        function["strict"] = spec.pop("strict")
    tool = {"type": b'"function"', "function": to_object(function)}
    return {**tool, "toolSpec": to_object(spec)} if spec else tool


def _decode_choice(raw: bytes | None) -> bytes | None:
    match as_object(raw):
        case {"auto": _, **rest} if not rest:
            return b'"auto"'
        case {"any": _, **rest} if not rest:
            return b'"required"'
        case {"tool": tool, **rest} if not rest:
            name = as_object(tool).get("name", b'""')
            return to_object({"type": b'"function"', "function": to_object({"name": name})})
    return None


def encode_tool_config(request: ModelRequest, rest: Mapping[str, bytes]) -> bytes | None:
    """The `toolConfig`; None when no tool is offered or none may be called.

    Raises:
        UpstreamUnsupported: a tool that is no function.
    """
    choice = None if request.tool_choice is None else value_of(request.tool_choice)
    if choice == "none":
        return None
    tools = [] if request.tools is None else list_items(request.tools)
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        tools, choice = _allowed(tools, choice)
    items: list[bytes] = []
    for tool in tools:
        items += _encode_tool(object_members(tool))
    items += request.provider_tools
    if not items and not rest:
        return None
    rest = dict(rest)
    config = {"tools": to_list(_placed(items, rest.pop(PLACES, None))), **rest}
    if choice is not None and (items or request.wire == WIRE):
        config.setdefault("toolChoice", _encode_choice(choice))
    return to_object(config)


def _placed(items: list[bytes], raw: bytes | None) -> list[bytes]:
    """The tools as they stood, if they still are as many."""
    places = None if raw is None else value_of(raw)
    if not isinstance(places, list) or sorted(places) != list(range(len(items))):
        return items
    return [item for _, item in sorted(zip(places, items, strict=True))]


def _encode_tool(tool: Mapping[str, bytes]) -> list[bytes]:
    if "function" not in tool:
        kind = raw_text(tool.get("type"))
        raise UpstreamUnsupported(f"`tools`: this provider has no tools of type `{kind}`")
    function = as_object(tool["function"])
    schema = function.get("parameters") or NO_PARAMETERS
    spec = {"name": function.get("name", b'""')}
    if raw_text(function.get("description")):
        spec["description"] = function["description"]
    spec["inputSchema"] = to_object({"json": NO_PARAMETERS if schema == b"null" else schema})
    if function.get("strict") == b"true":
        spec["strict"] = b"true"
    spec.update(as_object(tool.get("toolSpec")))
    encoded = [to_object({"toolSpec": to_object(spec)})]
    if "cache_control" in tool:
        encoded.append(cache_point(tool["cache_control"]))
    return encoded


def cache_point(mark: bytes) -> bytes:
    """The cache point that stands for a neutral `cache_control`."""
    point = {"type": b'"default"'}
    if "ttl" in (given := as_object(mark)):
        point["ttl"] = given["ttl"]
    return to_object({"cachePoint": to_object(point)})


def _allowed(tools: Sequence[bytes], choice: Mapping[str, object]) -> tuple[list[bytes], object]:
    """A choice of some tools as a list of those tools, and a choice that the protocol knows."""
    allowed = choice.get("allowed_tools")
    given = allowed if isinstance(allowed, dict) else {}
    names = {_name_of(tool) for tool in given.get("tools") or ()}
    kept = [raw for raw in tools if _name_of(value_of(raw)) in names]
    return kept, given.get("mode", "auto")


def _name_of(tool: object) -> object:
    function = tool.get("function") if isinstance(tool, dict) else None
    return function.get("name") if isinstance(function, dict) else None


def _encode_choice(choice: object) -> bytes:
    if choice == "required":
        return b'{"any":{}}'
    if isinstance(choice, dict):
        return orjson.dumps({"tool": {"name": _name_of(choice)}})
    return b'{"auto":{}}'
