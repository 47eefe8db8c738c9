"""Neutral tools, and the choice among them, in the protocol's form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from proxy.errors import UpstreamUnsupported
from proxy.types.request import ModelRequest
from proxy.wire.gemini.declarations import FUNCTIONS, PARAMETERS
from proxy.wire.gemini.names import WIRE
from proxy.wire.gemini.schema import schema_member
from proxy.wire.lenient import lenient_loads
from proxy.wire.values import object_of, objects_of, text_of

Item = dict[str, object]

_ABOUT = ("properties", "additionalProperties", "$schema", "title", "description")
_MODES = {"auto": "AUTO", "required": "ANY", "none": "NONE"}


def encode_tools(request: ModelRequest, more: Sequence[Item] = ()) -> list[object]:
    """`tools`: the functions in one item, then each tool of the provider in its own.

    A choice of some tools, of which none need be called, is made by offering only those: the
    protocol's own list would force a call.

    Raises:
        UpstreamUnsupported: a tool is neither a function nor the provider's.
    """
    own = request.wire == WIRE
    allowed = None if own else _optional_names(_choice(request))
    tools = [_declaration(tool, own=own) for tool in _functions(request)]
    kept = [tool for tool in tools if allowed is None or tool.get("name") in allowed]
    functions: list[object] = [{FUNCTIONS: kept}] if kept else []
    return [*functions, *map(lenient_loads, request.provider_tools), *more]


def encode_choice(request: ModelRequest, *, own: bool) -> Item | None:
    """`toolConfig`; without functions there is nothing to choose from."""
    choice = _choice(request)
    if choice is None or not (own or _functions(request)):
        return None
    mode, names = _mode(choice)
    config: Item = {"mode": _MODES.get(mode, "AUTO")}
    if names and mode == "required":
        config["allowedFunctionNames"] = names
    return {"functionCallingConfig": config}


def _choice(request: ModelRequest) -> object:
    return None if request.tool_choice is None else lenient_loads(request.tool_choice)


def _mode(choice: object) -> tuple[str, list[str]]:
    """(`auto`, `required` or `none`, the names of the tools that may be called)."""
    if not isinstance(choice, dict):
        return text_of(choice), []
    if choice.get("type") == "allowed_tools":
        allowed = object_of(choice.get("allowed_tools"))
        return text_of(allowed.get("mode")), [
            _name(each) for each in objects_of(allowed.get("tools"))
        ]
    return "required", [_name(choice)]


def _name(choice: Mapping[str, object]) -> str:
    return text_of(object_of(choice.get("function")).get("name"))


def _optional_names(choice: object) -> list[str] | None:
    mode, names = _mode(choice)
    return names if mode == "auto" and names else None


def _functions(request: ModelRequest) -> list[Mapping[str, object]]:
    return objects_of([] if request.tools is None else lenient_loads(request.tools))


def _declaration(tool: Mapping[str, object], *, own: bool) -> Item:
    function = tool.get("function")
    if not isinstance(function, dict):
        kind = text_of(tool.get("type"))
        raise UpstreamUnsupported(f"a tool of type `{kind}` cannot be given to this provider")
    names = ("name", "description")
    declaration: Item = {name: function[name] for name in names if function.get(name) is not None}
    if own:
        beside = {name: item for name, item in tool.items() if name not in ("type", "function")}
        return {**declaration, **beside}
    return {**declaration, **_parameters(function.get("parameters"))}


def _parameters(schema: object) -> Item:
    """A function without parameters has none at all: an object without members is refused."""
    members = object_of(schema)
    if not members.get("properties") and not members.keys() - {"type", "required", *_ABOUT}:
        return {}
    return schema_member(schema, *PARAMETERS)
