"""The `tensorzero::` members of a body that are more than a flag or a string."""

from __future__ import annotations

import re
from collections.abc import Mapping
from uuid import UUID

from proxy.config.schema.overrides import OF_THE_CONNECTION
from proxy.errors import InvalidRequest
from proxy.types.immutable import immutable
from proxy.wire.members import object_members
from proxy.wire.serde import (
    fail,
    given,
    is_object,
    is_string,
    read_items,
    read_object,
    read_string,
    read_u32,
    read_word,
    wrong_type,
)

CACHE_MODES = ("on", "off", "read_only", "write_only")

_SCOPES: tuple[set[str], ...] = (
    set(),
    {"variant_name"},
    {"model_name"},
    {"model_name", "provider_name"},
)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_NOT_FOR_CALLERS = OF_THE_CONNECTION | {"host"}
"""With `host`: the operator's key must not be led to another server behind the same address."""
_NOT_IN_HEADER = re.compile(r"[\r\n\0]")

_GROUPS = (8, 4, 4, 4, 12)
_UUID_FORMS = re.compile(
    r"(?:[0-9a-f]{32}|(?P<open>\{)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?(open)\}))\Z",
    re.IGNORECASE,
)
_URN = "urn:uuid:"


@immutable
class CacheOptions:
    """Whether the cache may answer and may be written."""

    enabled: str = "off"
    max_age_s: int | None = None


def read_cache_options(raw: bytes, path: str) -> CacheOptions:
    members = read_object(raw, path, "struct CacheParamsOptions")
    enabled, age = given(members.get("enabled")), given(members.get("max_age_s"))
    return CacheOptions(
        "off" if enabled is None else read_word(enabled, f"{path}.enabled", CACHE_MODES),
        None if age is None else read_u32(age, f"{path}.max_age_s"),
    )


def read_credentials(raw: bytes, path: str) -> dict[str, str]:
    """Names and secrets. What is wrong is said without repeating it."""
    if not is_object(raw):
        raise fail(path, "invalid type, expected a map")
    members = object_members(raw)
    for name, value in members.items():
        if not is_string(value):
            raise fail(f"{path}.{name}", "invalid type, expected a string")
    return {name: read_string(value, path) for name, value in members.items()}


def read_namespace(raw: bytes, path: str) -> str:
    namespace = read_string(raw, path)
    if not namespace:
        raise fail(path, "Namespace identifier cannot be empty")
    if namespace.startswith("tensorzero::"):
        raise fail(path, f"Namespace cannot start with `tensorzero::`: {namespace}")
    return namespace


def read_config_object(raw: bytes, path: str) -> bytes:
    """An object that is looked into elsewhere."""
    read_object(raw, path, "a map")
    return raw


def read_extra_body(raw: bytes, path: str) -> tuple[bytes, ...]:
    """Entries `{pointer, value | delete: true}` with or without a scope, each raw."""
    return _entries(raw, path, "pointer", "ExtraBody")


def read_extra_headers(raw: bytes, path: str) -> tuple[bytes, ...]:
    """Entries `{name, value | delete: true}` with or without a scope, each raw."""
    items = _entries(raw, path, "name", "ExtraHeader")
    for index, item in enumerate(items):
        _check_header(object_members(item), f"{path}[{index}]")
    return items


def _entries(raw: bytes, path: str, target: str, enum: str) -> tuple[bytes, ...]:
    items = read_items(raw, path)
    for index, item in enumerate(items):
        if not is_object(item) or not _is_entry(object_members(item), target):
            why = f"data did not match any variant of untagged enum {enum}"
            raise fail(f"{path}[{index}]", why)
    return tuple(items)


def _is_entry(entry: Mapping[str, bytes], target: str) -> bool:
    actions = entry.keys() & {"value", "delete"}
    named = [name for name in entry if name not in ("value", "delete", "provider_name")]
    return (
        len(actions) == 1
        and entry.get("delete", b"true") == b"true"
        and target in entry
        and entry.keys() - actions - {target} in _SCOPES
        and all(is_string(entry[name]) for name in named)
        and (is_string(entry.get("provider_name", b'""')) or entry["provider_name"] == b"null")
    )


def _check_header(entry: Mapping[str, bytes], path: str) -> None:
    name = read_string(entry["name"], path)
    if not _HEADER_NAME.match(name):
        raise fail(path, "invalid HTTP header name")
    if name.lower() in _NOT_FOR_CALLERS:
        raise fail(path, f"`{name}` belongs to the connection to the provider and cannot be set")
    if "value" in entry and _NOT_IN_HEADER.search(read_string(entry["value"], f"{path}.value")):
        raise fail(path, "invalid HTTP header value")


def read_uuid(raw: bytes, path: str) -> UUID:
    """A UUID of any version, hyphenated or not, in braces or as a URN."""
    if not is_string(raw):
        raise wrong_type(raw, path, "a formatted UUID string")
    return uuid_of(read_string(raw, path), path)


def uuid_of(text: str, path: str) -> UUID:
    """The same of a text."""
    plain = text.removeprefix(_URN)
    if _UUID_FORMS.match(plain) and (plain == text or len(plain) == 36):
        return UUID(plain)
    raise _no_uuid(text, path)


def _no_uuid(text: str, path: str) -> InvalidRequest:
    inner, offset = text, 0
    if len(text) > 1 and text[0] == "{" and text[-1] == "}":
        inner, offset = text[1:-1], 1
    elif text.startswith(_URN):
        inner, offset = text[len(_URN) :], len(_URN)
    return fail(path, "UUID parsing failed: " + _uuid_fault(inner, offset))


def _uuid_fault(text: str, offset: int) -> str:
    for index, character in enumerate(text):
        if character not in "-0123456789abcdefABCDEF":
            at = len(text[:index].encode()) + offset + 1
            return f"invalid character: found `{character}` at {at}"
    groups = text.split("-")
    if len(groups) == 1 and not offset:
        return f"invalid length: expected length 32 for simple format, found {len(text)}"
    if len(groups) != len(_GROUPS):
        return f"invalid group count: expected 5, found {len(groups)}"
    for index, (group, length) in enumerate(zip(groups, _GROUPS, strict=True)):
        if len(group) != length:
            return f"invalid group length in group {index}: expected {length}, found {len(group)}"
    return "failed to parse a UUID"
