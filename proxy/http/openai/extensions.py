"""What a caller tells us beside OpenAI's own request: headers, or `tensorzero::` members."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from uuid import UUID

import msgspec
import orjson

from proxy.errors import InvalidRequest, NotSupported
from proxy.http import web
from proxy.types.ids import parse_episode_id
from proxy.wire.splice import CREDENTIALS

EPISODE = "tensorzero::episode_id"
VARIANT = "tensorzero::variant_name"
TAGS = "tensorzero::tags"
KNOWN = frozenset({EPISODE, VARIANT, TAGS, CREDENTIALS})

EPISODE_HEADER = "x-tensorzero-episode-id"
VARIANT_HEADER = "x-tensorzero-variant-name"
TAGS_HEADER = "x-tensorzero-tags"

_strings = msgspec.json.Decoder(dict[str, str])


@dataclass(frozen=True, slots=True)
class Extensions:
    """A header goes before the member of the same meaning."""

    episode_id: UUID | None
    variant_name: str | None
    tags: bytes
    """JSON object of strings; empty bytes for none."""
    credentials: Mapping[str, str]


NO_EXTENSIONS = Extensions(None, None, b"", MappingProxyType({}))


def read_extensions(request: web.BaseRequest, members: Mapping[str, bytes]) -> Extensions:
    """`members` are the raw JSON values of the body's `tensorzero::` members.

    Raises:
        InvalidRequest: one of them is not what it must be.
        NotSupported: one of them is not known on the relay.
    """
    get = request.headers.get
    said = (get(EPISODE_HEADER), get(VARIANT_HEADER), get(TAGS_HEADER))
    values = _values(members)
    episode = said[0] or values.get(EPISODE)
    pinned = said[1] or values.get(VARIANT)
    credentials = values.get(CREDENTIALS)
    return Extensions(
        episode_id=parse_episode_id(_text(episode, EPISODE)) if episode else None,
        variant_name=_text(pinned, VARIANT) if pinned else None,
        tags=_tags(said[2], values),
        credentials={} if credentials is None else _checked(credentials, CREDENTIALS),
    )


def _values(members: Mapping[str, bytes]) -> Mapping[str, object]:
    for name in members:
        if name not in KNOWN:
            raise NotSupported(
                f"`{name}` is not served below /v1, which knows {', '.join(sorted(KNOWN))}; "
                "TensorZero's own address, /openai/v1, knows more.",
                param=name,
            )
    return {name: _value(name, raw) for name, raw in members.items()}


def _value(name: str, raw: bytes) -> object:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"`{name}` cannot be read: {error}", param=name) from error


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise InvalidRequest(f"`{name}` must be a string", param=name)
    return value


def _tags(header: str | None, values: Mapping[str, object]) -> bytes:
    """The tags as a JSON object of strings, or nothing."""
    value = values.get(TAGS)
    if header is not None:
        try:
            value = _strings.decode(header)
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise InvalidRequest(
                f"the header `x-tensorzero-tags` must be a JSON object of strings: {error}"
            ) from error
    if value is None:
        return b""
    tags = _checked(value, TAGS)
    for name in tags:
        if name.startswith("tensorzero::"):
            raise InvalidRequest(f"Tag name cannot start with 'tensorzero::': {name}", param=TAGS)
    return orjson.dumps(tags) if tags else b""


def _checked(value: object, name: str) -> Mapping[str, str]:
    try:
        return msgspec.convert(value, dict[str, str])
    except msgspec.ValidationError as error:
        raise InvalidRequest(
            f"`{name}` must be an object of strings: {error}", param=name
        ) from error
