"""`POST /v1/chat/completions` on the relay: read the call, hand it to the service."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import orjson
from aiohttp import web

from proxy.errors import InvalidRequest, NotSupported
from proxy.http.auth import Keys
from proxy.http.client_stream import ClientStream
from proxy.http.headers import request_headers
from proxy.models.credentials import CallCredentials
from proxy.services.relay import RelayCall, RelayService, monotonic, new_call_ids
from proxy.types.ids import parse_episode_id
from proxy.wire.splice import ChatPeek, peek

EPISODE = "tensorzero::episode_id"
VARIANT = "tensorzero::variant_name"
TAGS = "tensorzero::tags"
CREDENTIALS = "tensorzero::credentials"
KNOWN = frozenset({EPISODE, VARIANT, TAGS, CREDENTIALS})

_strings = msgspec.json.Decoder(dict[str, str])


class RelayHandler:
    """Chat completions for OpenAI applications."""

    def __init__(self, service: RelayService, keys: Keys) -> None:
        self._service = service
        self._keys = keys

    async def chat_completions(
        self, request: web.BaseRequest, api_key_name: str
    ) -> web.StreamResponse:
        began = monotonic()
        body = await request.read()
        call = self._call(request, api_key_name, body, began)
        client = ClientStream(request)
        await self._service.relay(call, client)
        return client

    def _call(
        self, request: web.BaseRequest, api_key_name: str, body: bytes, began: float
    ) -> RelayCall:
        seen = peek(body)
        extensions = _extensions(seen)
        headers = request.headers
        inference_id, episode_id = new_call_ids()
        episode = headers.get("x-tensorzero-episode-id") or extensions.get(EPISODE)
        pinned = headers.get("x-tensorzero-variant-name") or extensions.get(VARIANT)
        return RelayCall(
            began=began,
            path=request.path,
            endpoint="chat_completions",
            body=body,
            peek=seen,
            headers=request_headers(request.raw_headers),
            credentials=CallCredentials(
                self._keys.caller_bearer(request), _mapping(extensions, CREDENTIALS)
            ),
            episode_id=parse_episode_id(_text(episode, EPISODE)) if episode else episode_id,
            pinned=_text(pinned, VARIANT) if pinned else None,
            tags=_tags(headers.get("x-tensorzero-tags"), extensions),
            user_agent=headers.get("User-Agent", ""),
            api_key_name=api_key_name,
            id=inference_id,
        )


def _extensions(seen: ChatPeek) -> Mapping[str, object]:
    """The `tensorzero::` members of the body; one that means nothing here is refused by name."""
    if not seen.extensions:
        return {}
    for name in seen.extensions:
        if name not in KNOWN:
            raise NotSupported(
                f"`{name}` is not served on the relay; it knows {', '.join(sorted(KNOWN))}.",
                param=name,
            )
    return {name: orjson.loads(raw) for name, raw in seen.extensions.items()}


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise InvalidRequest(f"`{name}` must be a string", param=name)
    return value


def _mapping(extensions: Mapping[str, object], name: str) -> Mapping[str, str]:
    value = extensions.get(name)
    return {} if value is None else _checked(value, name)


def _tags(header: str | None, extensions: Mapping[str, object]) -> bytes:
    """The tags as a JSON object of strings, or nothing."""
    value = extensions.get(TAGS)
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
