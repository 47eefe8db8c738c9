"""Tools and the choice among them, in neutral form."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from proxy.errors import InvalidRequest
from proxy.wire.dumps import dumps
from proxy.wire.gemini.names import raw_members
from proxy.wire.gemini.schema import as_json_schema
from proxy.wire.members import list_items, value_of
from proxy.wire.values import raw_text

FUNCTIONS = "functionDeclarations"
PARAMETERS = ("parameters", "parametersJsonSchema")
"""Where a declaration's schema stands, as a `Schema` and as JSON Schema."""

_MODES: Mapping[str, str] = MappingProxyType({"AUTO": "auto", "ANY": "required", "NONE": "none"})


def decode_tools(raw: bytes | None) -> tuple[bytes | None, tuple[bytes, ...]]:
    """(functions in OpenAI's form, tools that the provider runs itself) of a raw `tools`.

    Raises:
        InvalidRequest: something in it is no object.
    """
    functions: list[bytes] = []
    others: list[bytes] = []
    for each in _items(raw):
        members = _object(each)
        functions += map(_function, _items(members.pop(FUNCTIONS, None)))
        others += (dumps({name: item}) for name, item in members.items())
    return dumps(functions) if functions else None, tuple(others)


def _function(raw: bytes) -> bytes:
    """A declaration; its members that have no other place stand beside `function`."""
    members = _object(raw)
    function: dict[str, bytes] = {}
    for name in ("name", "description"):
        if name in members:
            function[name] = members.pop(name)
    own, general = (members.get(name) for name in PARAMETERS)
    schema = general if own is None else as_json_schema(own)
    if schema is not None:
        function["parameters"] = schema
    return dumps({"type": "function", "function": function, **members})


def decode_choice(raw: bytes | None) -> tuple[bytes | None, bytes | None]:
    """(choice in OpenAI's form, what it does not say) of a raw `toolConfig`."""
    left = raw_members(raw)
    calling = raw_members(left.get("functionCallingConfig"))
    if calling:
        del left["functionCallingConfig"]
    given = raw_text(calling.get("mode")) or ""
    names = _names(calling.get("allowedFunctionNames"))
    mode = _MODES.get(given.upper(), "auto")
    choice = _choice(mode, names) if given else None
    if mode == "required":
        calling.pop("allowedFunctionNames", None)
    if mode != "auto" or (given.upper() == "AUTO" and not names):
        calling.pop("mode", None)
    if calling:
        left["functionCallingConfig"] = dumps(calling)
    return choice, dumps(left) if left else None


def _choice(mode: str, names: list[str]) -> bytes:
    if not names:
        return dumps(mode)
    chosen = [{"type": "function", "function": {"name": name}} for name in names]
    if mode == "required" and len(names) == 1:
        return dumps(chosen[0])
    allowed = {"mode": mode, "tools": chosen}
    return dumps({"type": "allowed_tools", "allowed_tools": allowed})


def _names(raw: bytes | None) -> list[str]:
    value = None if raw is None else value_of(raw)
    names = value if isinstance(value, list) else [value]
    return [name for name in names if isinstance(name, str)]


def _items(raw: bytes | None) -> list[bytes]:
    if raw is None or raw == b"null":
        return []
    return list_items(raw) if raw.startswith(b"[") else [raw]


def _object(raw: bytes) -> dict[str, bytes]:
    if not raw.startswith(b"{"):
        raise InvalidRequest("an item of `tools` must be an object", param="tools")
    return raw_members(raw)
