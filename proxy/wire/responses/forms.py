"""Tools, the choice among them and the answer's format, in this protocol's flat form and in that of
chat completions, which is the neutral one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import orjson

from proxy.wire.lenient import whole_text
from proxy.wire.members import list_items, object_members
from proxy.wire.values import raw_text

Raw = Mapping[str, bytes]

CLIENT_TOOLS = ("function", "custom")
ALLOWED_TOOLS = "allowed_tools"
JSON_SCHEMA = "json_schema"

_INNER: Mapping[str, tuple[str, ...]] = {
    "function": ("name", "description", "parameters", "strict"),
    "custom": ("name", "description", "format"),
    ALLOWED_TOOLS: ("mode", "tools"),
    JSON_SCHEMA: ("name", "description", "schema", "strict"),
}
"""Of each type, the members that stand in an object of their own there, and flat here."""

_NO_PARAMETERS = b'{"type":"object","properties":{}}'


def read_tools(tools: bytes) -> tuple[bytes | None, tuple[bytes, ...]]:
    """(the client's tools in neutral form, those that the provider runs as they came)."""
    own: list[bytes] = []
    hosted: list[bytes] = []
    for raw in list_items(tools) if tools.startswith(b"[") else ():
        if _kind(raw) in CLIENT_TOOLS:
            own.append(nested(raw))
        else:
            hosted.append(raw)
    return _list(own) if own else None, tuple(hosted)


def nested(raw: bytes) -> bytes:
    """A tool, a choice or a format in neutral form; what is of another type as it came."""
    kind, members = _kind(raw), _members(raw)
    if kind not in _INNER or kind in members:
        return raw
    inner = {key: value for key, value in members.items() if key in _INNER[kind]}
    if kind == ALLOWED_TOOLS and "tools" in inner:
        inner["tools"] = _list(map(nested, list_items(inner["tools"])))
    if kind == "custom" and "format" in inner:
        inner["format"] = _nested_format(inner["format"])
    outer = {key: value for key, value in members.items() if key not in inner}
    return dump_raw({**outer, kind: dump_raw(inner)})


def flat(raw: bytes, *, own: bool = True) -> bytes:
    """The way back. `own` says that the request was in this protocol: nothing is to be added."""
    kind, members = _kind(raw), _members(raw)
    inner = members.get(kind, b"") if kind in _INNER else b""
    if not inner.startswith(b"{") or (own and "name" in members):  # so it came
        return raw
    outer = {key: value for key, value in members.items() if key not in (kind, "type")}
    flattened = {"type": members["type"], **object_members(inner), **outer}
    if kind == ALLOWED_TOOLS and "tools" in flattened:
        flattened["tools"] = _list(flat(each) for each in list_items(flattened["tools"]))
    if kind == "custom" and "format" in flattened:
        flattened["format"] = _flat_format(flattened["format"])
    return dump_raw(flattened)


def flat_tool(raw: bytes, *, own: bool) -> bytes:
    """A tool of the client's. What a chat completion leaves out has other defaults there: schemas
    are not strict, and there may be none."""
    tool = flat(raw, own=own)
    if own or _kind(tool) != "function":
        return tool
    members = {"parameters": _NO_PARAMETERS, "strict": b"false", **object_members(tool)}
    return dump_raw({key: value for key, value in members.items() if value != b"null"})


def custom_names(tools: bytes | None) -> Collection[str]:
    """The names of the client's custom tools, whose calls are items of another type."""
    raws = [] if tools is None else list_items(tools)
    custom = (_members(raw).get("custom", b"") for raw in raws)
    return {raw_text(object_members(each).get("name")) or "" for each in custom if each[:1] == b"{"}


def dump_raw(members: Raw) -> bytes:
    """An object of raw members."""
    return orjson.dumps({whole_text(key): orjson.Fragment(raw) for key, raw in members.items()})


def _nested_format(raw: bytes) -> bytes:
    members = _members(raw)
    if _kind(raw) != "grammar" or "grammar" in members:
        return raw
    grammar = {key: value for key, value in members.items() if key != "type"}
    return dump_raw({"type": members["type"], "grammar": dump_raw(grammar)})


def _flat_format(raw: bytes) -> bytes:
    members = _members(raw)
    grammar = members.get("grammar", b"")
    if not grammar.startswith(b"{"):
        return raw
    return dump_raw({"type": members["type"], **object_members(grammar)})


def _list(raws: Iterable[bytes]) -> bytes:
    return b"[" + b",".join(raws) + b"]"


def _members(raw: bytes) -> dict[str, bytes]:
    return object_members(raw) if raw.startswith(b"{") else {}


def _kind(raw: bytes) -> str:
    return raw_text(_members(raw).get("type")) or ""
