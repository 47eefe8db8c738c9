"""Ordinary requests, read for the record at a fraction of the usual cost; see `ordinary`.

Ordinary are messages of text alone, without tools.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec
import orjson

from proxy.types.decoded import DecodedInput
from proxy.wire.chat_completions.ordinary import UNREADABLE

Integer: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Number: TypeAlias = Integer | float | None


class _Part(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    type: Literal["text"]
    text: str


class _Message(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[_Part]


class _Format(msgspec.Struct, gc=False):
    type: str | None = None


class Request(msgspec.Struct, gc=False):
    """A body, as far as it is looked at."""

    messages: list[_Message]
    temperature: Number = None
    top_p: Number = None
    max_tokens: Integer | None = None
    max_completion_tokens: Integer | None = None
    seed: Integer | None = None
    presence_penalty: Number = None
    frequency_penalty: Number = None
    stop: str | list[str] | None = None
    response_format: _Format | None = None
    reasoning_effort: str | None = None
    service_tier: str | None = None
    verbosity: str | None = None
    parallel_tool_calls: bool | None = None
    tools: None = None


_decode_request = msgspec.json.Decoder(Request).decode
_JSON_MODES = {"text": "off", "json_object": "on", "json_schema": "strict"}
_TEXT = b'{"type":"text","text":'
_TURNS = {
    "user": b'{"role":"user","content":[' + _TEXT,
    "assistant": b'{"role":"assistant","content":[' + _TEXT,
}
_NO_PARAMS = b'{"chat_completion":{}}'


def read_request(body: bytes) -> DecodedInput | None:
    """What a request means."""
    try:
        if not body.isascii():
            body.decode()
        return describe_ordinary(_decode_request(body))
    except UNREADABLE:
        return None


def describe_ordinary(request: Request) -> DecodedInput:
    """What is recorded of a request."""
    said: list[str] = []
    turns: list[bytes] = []
    for message in request.messages:
        content, head = message.content, _TURNS.get(message.role)
        if isinstance(content, str):
            if head is None:
                said.append(content)
            else:
                turns.append(head + orjson.dumps(content) + b"}]}")
        elif head is None:
            said += [part.text for part in content]
        else:
            turns.append(head.removesuffix(_TEXT) + _parts(content))
    messages = b"[" + b",".join(turns) + b"]"
    system, told = None, b'{"messages":'
    if said:
        system = "\n".join(said)
        told = b'{"system":' + orjson.dumps(system) + b',"messages":'
    return DecodedInput(
        told + messages + b"}",
        system,
        messages,
        _params(request),
        b"",
        b"",
        request.parallel_tool_calls,
    )


def _parts(content: list[_Part]) -> bytes:
    return b",".join([_TEXT + orjson.dumps(part.text) + b"}" for part in content]) + b"]}"


def _params(request: Request) -> bytes:
    """In the order in which they are stored."""
    given: dict[str, object] = {}
    if request.temperature is not None:
        given["temperature"] = request.temperature
    if request.top_p is not None:
        given["top_p"] = request.top_p
    limits = [request.max_tokens, request.max_completion_tokens]
    if limits != [None, None]:
        given["max_tokens"] = min(limit for limit in limits if limit is not None)
    if request.seed is not None:
        given["seed"] = request.seed
    if request.presence_penalty is not None:
        given["presence_penalty"] = request.presence_penalty
    if request.frequency_penalty is not None:
        given["frequency_penalty"] = request.frequency_penalty
    if request.stop is not None and request.stop != []:
        given["stop_sequences"] = [request.stop] if isinstance(request.stop, str) else request.stop
    if request.response_format is not None and request.response_format.type in _JSON_MODES:
        given["json_mode"] = _JSON_MODES[request.response_format.type]
    for name in ("reasoning_effort", "service_tier", "verbosity"):
        value = getattr(request, name)
        if value is not None:
            given[name] = value
    return orjson.dumps({"chat_completion": given}) if given else _NO_PARAMS
