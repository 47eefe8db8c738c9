"""Ordinary requests, read for the record at a fraction of the usual cost; see `ordinary`.

Ordinary are messages of text alone, without tools.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Annotated, Any, Literal, TypeAlias

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


_FURTHER = (
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "stop",
    "response_format",
    "reasoning_effort",
    "service_tier",
    "verbosity",
)
_further: Any = attrgetter(*_FURTHER)
_NOTHING_FURTHER = (None,) * len(_FURTHER)


def _params(request: Request) -> bytes:
    """In the order in which they are stored."""
    given: dict[str, object] = {}
    if request.temperature is not None:
        given["temperature"] = request.temperature
    if request.top_p is not None:
        given["top_p"] = request.top_p
    limit, other = request.max_tokens, request.max_completion_tokens
    if other is not None:
        limit = other if limit is None else min(limit, other)
    if limit is not None:
        given["max_tokens"] = limit
    further = _further(request)
    if further != _NOTHING_FURTHER:
        _add_further(given, further)
    return orjson.dumps({"chat_completion": given}) if given else _NO_PARAMS


def _add_further(given: dict[str, object], values: tuple[Any, ...]) -> None:
    for name, value in zip(_FURTHER, values, strict=True):
        if value is None or value == []:
            continue
        if name == "stop":
            given["stop_sequences"] = [value] if isinstance(value, str) else value
        elif name != "response_format":
            given[name] = value
        elif value.type in _JSON_MODES:
            given["json_mode"] = _JSON_MODES[value.type]
