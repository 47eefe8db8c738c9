"""Tools and the choice among them: OpenAI's form as the protocol's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import orjson

from proxy.errors import UpstreamUnsupported
from proxy.types.request import ModelRequest
from proxy.wire.members import list_items, value_of
from proxy.wire.messages.content import members_of
from proxy.wire.values import object_of, objects_of, raw_text, text_of

_NO_PARAMETERS = b'{"type":"object","properties":{}}'
_KINDS: Mapping[str, str] = {"auto": "auto", "required": "any", "none": "none"}


class Tools(NamedTuple):
    """Both are left out when None."""

    tools: list[orjson.Fragment] | None = None
    choice: Mapping[str, object] | None = None


def encode_tools(request: ModelRequest, *, enforces_schemas: bool, own: bool = False) -> Tools:
    """The client's tools, then those that the provider has itself. Without `enforces_schemas`,
    nothing is said of whether arguments must fit. What is the protocol's `own` is left as it is.

    Raises:
        UpstreamUnsupported: a tool takes free text, which the protocol does not have.
    """
    raws = [] if request.tools is None else list_items(request.tools)
    choice = None if request.tool_choice is None else value_of(request.tool_choice)
    allowed = object_of(object_of(choice).get("allowed_tools"))
    if allowed:
        names = {_chosen_name(each) for each in objects_of(allowed.get("tools"))}
        raws = [raw for raw in raws if _name_of(raw) in names]
        choice = allowed.get("mode")
    tools = [_encode_tool(raw, enforces_schemas, own) for raw in raws]
    tools += [orjson.Fragment(raw) for raw in request.provider_tools]
    if not tools and not own:
        return Tools()
    return Tools(tools or None, _encode_choice(choice, request.parallel_tool_calls))


def _encode_tool(raw: bytes, enforces_schemas: bool, own: bool) -> orjson.Fragment:
    """A tool that is no function is one of the protocol's own, and is left as it is."""
    members = members_of(raw)
    if "custom" in members:
        raise UpstreamUnsupported("tools of type `custom` cannot be given to this provider")
    if "function" not in members:
        return orjson.Fragment(raw)
    function = members_of(members["function"])
    tool: dict[str, object] = {"name": orjson.Fragment(function.get("name", b'""'))}
    if function.get("description", b"null") != b"null":
        tool["description"] = orjson.Fragment(function["description"])
    schema = function.get("parameters", b"null")
    tool["input_schema"] = orjson.Fragment(schema if own else _parameters(schema))
    if enforces_schemas and function.get("strict", b"null") != b"null":
        tool["strict"] = orjson.Fragment(function["strict"])
    beside = (key for key in members if key not in ("type", "function"))
    tool |= {key: orjson.Fragment(members[key]) for key in beside}
    return orjson.Fragment(orjson.dumps(tool))


def _parameters(raw: bytes) -> bytes:
    """The schema; the protocol insists that it says that it is one of an object."""
    members = members_of(raw)
    if not members:
        return _NO_PARAMETERS
    if "type" in members:
        return raw
    return orjson.dumps(
        {"type": "object", **{key: orjson.Fragment(each) for key, each in members.items()}}
    )


def _encode_choice(choice: object, parallel: bool | None) -> Mapping[str, object] | None:
    encoded: dict[str, object]
    name = _chosen_name(object_of(choice))
    if name:
        encoded = {"type": "tool", "name": name}
    elif isinstance(choice, str) and choice in _KINDS:
        encoded = {"type": _KINDS[choice]}
    elif parallel is False:
        encoded = {"type": "auto"}
    else:
        return None
    if parallel is not None and encoded["type"] != "none":
        encoded["disable_parallel_tool_use"] = not parallel
    return encoded


def _chosen_name(chosen: Mapping[str, object]) -> str:
    return text_of(object_of(chosen.get("function") or chosen.get("custom")).get("name"))


def _name_of(raw: bytes) -> str | None:
    members = members_of(raw)
    return raw_text(members_of(members.get("function") or raw).get("name"))
