"""Edits of a JSON object's top level that leave every other byte as it was.

Whitespace, key order, the spelling of numbers, escapes, duplicate keys and fields that nobody here
knows survive.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType

import msgspec
import orjson

from proxy.errors import InvalidRequest
from proxy.types.edits import Edit, apply_edits
from proxy.wire.lenient import whole_text
from proxy.wire.members import (
    Member,
    list_items,
    locate_members,
    member,
    object_members,
    place_of,
    raw_members,
    value_of,
)

__all__ = [
    "CREDENTIALS",
    "EXTENSION",
    "NATIVE_CREDENTIALS",
    "NO_PEEK",
    "BodyPeek",
    "member",
    "model_edits",
    "object_members",
    "peek",
    "replace_system",
    "splice",
    "splice_edits",
    "system_text_of",
    "without_credentials",
]

EXTENSION = "tensorzero::"
"""Top-level keys that begin so are ours, and never reach a provider."""
CREDENTIALS = "tensorzero::credentials"
"""The one of them that holds secrets."""

NATIVE_CREDENTIALS = "credentials"
"""The same in the native API, where it has no prefix."""

SYSTEM_ROLES = ("system", "developer")

_NOTHING: Mapping[str, bytes] = MappingProxyType({})


class BodyPeek(msgspec.Struct, frozen=True):
    """What routing needs to know of a request's body."""

    model: str
    """Empty when the body names none."""
    stream: bool
    include_usage: bool
    """Whether the client asked for the usage chunk of a stream."""
    has_messages: bool
    members: Mapping[str, msgspec.Raw | bytes]
    """All top-level members, raw; of a form none."""
    extensions: Mapping[str, bytes]
    """Raw JSON values of the keys that begin with `tensorzero::`, by full key."""


NO_PEEK = BodyPeek("", False, False, False, _NOTHING, _NOTHING)
"""Of a body that is not read."""


def peek(body: bytes, *, model_needed: bool = True, lenient: bool = False) -> BodyPeek:
    """Read the few fields that decide where a request goes.

    `lenient`: of an endpoint that nobody knows, where these names may mean something else; what is
    not of the expected kind is then not looked at.

    Raises:
        InvalidRequest: no JSON object in UTF-8, or `model`, `stream` or `stream_options` are not
            what they must be. `param` names the field.
    """
    members = raw_members(body)
    stream, options = members.get("stream"), members.get("stream_options")
    name = _peek_model(members.get("model"), needed=model_needed, lenient=lenient)
    if stream is None:
        streamed = False
    else:
        streamed = bytes(stream) == b"true" if lenient else _peek_stream(bytes(stream))
    usage = options is not None and not lenient and _peek_include_usage(bytes(options))
    extensions = _NOTHING
    if EXTENSION in "\n".join(members):
        extensions = {
            key: bytes(members[key]) for key in members if key.startswith(EXTENSION)
        } or _NOTHING
    return BodyPeek(name, streamed, usage, "messages" in members, members, extensions)


def _peek_model(raw: msgspec.Raw | bytes | None, *, needed: bool, lenient: bool) -> str:
    if raw is None:
        if needed:
            raise InvalidRequest("you must provide a `model` parameter", param="model")
        return ""
    name = value_of(bytes(raw))
    if isinstance(name, str):
        return name
    if lenient or (name is None and not needed):
        return ""
    raise InvalidRequest("`model` must be a string", param="model")


def _peek_stream(raw: bytes) -> bool:
    if raw in (b"true", b"false", b"null"):
        return raw == b"true"
    raise InvalidRequest("`stream` must be true or false", param="stream")


def _peek_include_usage(raw: bytes) -> bool:
    options = value_of(raw)
    if options is None:
        return False
    if not isinstance(options, dict):
        raise InvalidRequest("`stream_options` must be an object", param="stream_options")
    return options.get("include_usage") is True


def splice(
    body: bytes,
    *,
    replace: Mapping[str, bytes] = _NOTHING,
    remove: Collection[str] | Callable[[str], bool] = (),
    append_missing: Mapping[str, bytes] = _NOTHING,
    members: Sequence[Member] | None = None,
) -> bytes:
    """Change top-level members of a JSON object; the values given are raw JSON.

    `replace` puts values in place of those that are there (each time, for a key given twice) and
    adds none. `remove` cuts members out. `append_missing` adds, at the end, those that are absent
    or were removed. `members` is what `locate_members` says of this body, if it is known.

    Raises:
        InvalidRequest: the body is no JSON object in UTF-8.
    """
    edits = splice_edits(
        body, replace=replace, remove=remove, append_missing=append_missing, members=members
    )
    return apply_edits(body, edits) if edits else body


def splice_edits(
    body: bytes,
    *,
    replace: Mapping[str, bytes] = _NOTHING,
    remove: Collection[str] | Callable[[str], bool] = (),
    append_missing: Mapping[str, bytes] = _NOTHING,
    members: Sequence[Member] | None = None,
) -> list[Edit]:
    """What `splice` changes."""
    drop = remove if callable(remove) else frozenset(remove).__contains__
    if members is None:
        members = locate_members(body)
    present: set[str] = set()
    edits: list[Edit] = []
    for position, (key, _, value, end) in enumerate(members):
        if drop(key):
            edits.append(_cut(members, position, bool(present)))
            continue
        present.add(key)
        if key in replace:
            edits.append((value, end, replace[key]))
    added = {key: raw for key, raw in append_missing.items() if key not in present}
    if added:
        place = members[-1][3] if members else body.index(b"{") + 1
        edits.append((place, place, _new_members(added, after_others=bool(present))))
    return edits


def model_edits(body: bytes, members: Mapping[str, msgspec.Raw | bytes], name: str) -> list[Edit]:
    """What puts another model's name in place of the one that a body has at its top level.

    `members` is what `peek` says of the body. Raises nothing.
    """
    raw = orjson.dumps(name)
    place = place_of(body, members, "model")
    if place is not None:
        return [(*place, raw)]
    return splice_edits(body, replace={"model": raw}, members=locate_members(body, members))


def without_credentials(body: bytes, key: str = CREDENTIALS) -> bytes:
    """The body as it may be recorded; nothing when it is no JSON object."""
    try:
        return splice(body, remove=(key,))
    except InvalidRequest:
        return b""


def _cut(members: Sequence[Member], position: int, after_others: bool) -> Edit:
    """Take a member out, with the comma before it or, if no kept one is there, the one after."""
    _, start, _, end = members[position]
    if after_others:
        return (members[position - 1][3], end, b"")
    following = position + 1
    return (start, members[following][1] if following < len(members) else end, b"")


def _new_members(added: Mapping[str, bytes], *, after_others: bool) -> bytes:
    text = b",".join(orjson.dumps(key) + b":" + raw for key, raw in added.items())
    return b"," + text if after_others else text


def system_text_of(messages: bytes) -> str | None:
    """The text of all system and developer messages, joined by LF; None when there are none.

    `messages` is the raw value of a chat request's `messages`, or empty bytes. Content that is no
    text counts for nothing.

    Raises:
        InvalidRequest: it is no list.
    """
    found = [message for raw in _messages(messages) if (message := _system_message(raw))]
    texts = [text for message in found for text in _texts_of(message.get("content"))]
    return whole_text("\n".join(texts)) if found else None


def replace_system(messages: bytes, system_text: str | None) -> bytes:
    """Put one system message in place of the leading system and developer messages.

    It keeps the role of the first that it replaces. None removes the leading ones. The other
    messages stay byte for byte.

    Raises:
        InvalidRequest: `messages` is no list.
    """
    items = _messages(messages)
    role: object = "system"
    leading = 0
    for raw in items:
        message = _system_message(raw)
        if message is None:
            break
        role = role if leading else message["role"]
        leading += 1
    kept = items[leading:]
    if system_text is not None:
        kept.insert(0, orjson.dumps({"role": role, "content": system_text}))
    return b"[" + b",".join(kept) + b"]"


def _messages(raw: bytes) -> list[bytes]:
    if not raw:
        return []
    try:
        return list_items(raw)
    except InvalidRequest as error:
        raise InvalidRequest("`messages` must be a list", param="messages") from error


def _system_message(raw: bytes) -> dict[str, object] | None:
    """The decoded message if its role is `system` or `developer`, else None."""
    if b"system" not in raw and b"developer" not in raw:
        return None
    message = value_of(raw)
    if isinstance(message, dict) and message.get("role") in SYSTEM_ROLES:
        return message
    return None


def _texts_of(content: object) -> list[str]:
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return [text for text in texts if isinstance(text, str)]
