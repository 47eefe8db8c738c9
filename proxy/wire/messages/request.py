"""Requests: a body in this protocol as a neutral request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

import orjson

from proxy.errors import InvalidRequest
from proxy.types.content import Block, Text
from proxy.types.request import NO_CREDENTIALS, Input, Message, ModelRequest, Params
from proxy.wire.members import list_items, object_members
from proxy.wire.messages.content import ContentDecoder, Raw, further, items_of, members_of
from proxy.wire.values import raw_flag, raw_integer, raw_number, raw_text

WIRE = "messages"

SERVICE_TIERS: Mapping[str, str] = MappingProxyType({"auto": "auto", "standard_only": "default"})
"""The neutral word, by the protocol's."""

_READ = frozenset(
    {
        "model",
        "messages",
        "system",
        "stream",
        "max_tokens",
        "temperature",
        "top_p",
        "stop_sequences",
        "tools",
    }
)
"""Members that the neutral form says whole."""


def decode_request(
    body: bytes,
    *,
    model_name: str | None = None,
    stream: bool | None = None,
    credentials: Mapping[str, str] = NO_CREDENTIALS,
) -> ModelRequest:
    """A neutral request, to the body's own model and streamed as it says, unless told otherwise.

    Raises:
        InvalidRequest: no JSON object, or `messages` is no list of objects.
    """
    members = object_members(body)
    rest = {key: raw for key, raw in members.items() if key not in _READ and raw != b"null"}
    thinking, output = _take_thinking(rest), _take_output_format(rest)
    params = _decode_params(members, rest)
    choice = _take_choice(rest)
    tools, provider_tools = _decode_tools(members.get("tools"))
    return ModelRequest(
        model_name=raw_text(members.get("model")) or "" if model_name is None else model_name,
        input=_decode_input(members),
        stream=(raw_flag(members.get("stream")) or False) if stream is None else stream,
        params=replace(
            params,
            json_mode=None if output is None else "strict",
            reasoning_effort=thinking.effort,
            service_tier=_take_service_tier(rest),
            thinking_budget_tokens=thinking.budget,
        ),
        tools=tools,
        tool_choice=choice.choice,
        response_format=output,
        parallel_tool_calls=choice.parallel,
        provider_tools=provider_tools,
        rest=rest,
        wire=WIRE,
        credentials=credentials,
    )


# What is said.


def _decode_input(members: Raw) -> Input:
    decoder = ContentDecoder()
    system = members.get("system", b"null")
    parts: tuple[Block, ...] = () if system.startswith(b'"') else tuple(decoder.decode(system))
    texts = [part.text for part in parts if isinstance(part, Text)]
    return Input(
        tuple(_decode_message(raw, decoder) for raw in _messages(members.get("messages"))),
        "\n".join(texts) if parts else raw_text(system),
        parts,
    )


def _messages(raw: bytes | None) -> list[bytes]:
    try:
        messages = list_items(raw or b"")
    except InvalidRequest as error:
        raise InvalidRequest("`messages` must be a list", param="messages") from error
    for position, message in enumerate(messages):
        if not message.startswith(b"{"):
            raise InvalidRequest(f"messages[{position}] must be an object", param="messages")
    return messages


def _decode_message(raw: bytes, decoder: ContentDecoder) -> Message:
    members = object_members(raw)
    content = tuple(decoder.decode(members.get("content", b"null")))
    extra = further(members, "role", "content" if content else "role")
    return Message(raw_text(members.get("role")) or "", content, extra)


# Tools.


class _Choice(NamedTuple):
    choice: bytes | None = None
    """In OpenAI's form."""
    parallel: bool | None = None


def _take_choice(rest: dict[str, bytes]) -> _Choice:
    """A choice that says more than OpenAI's can stays in the rest."""
    members = dict(members_of(rest.get("tool_choice")))
    disabled = raw_flag(members.get("disable_parallel_tool_use"))
    parallel = None if disabled is None else not disabled
    if disabled is not None:
        del members["disable_parallel_tool_use"]
    match {key: raw_text(raw) for key, raw in members.items()}:
        case {"type": "auto", **others} if not others:
            choice = b'"auto"'
        case {"type": "any", **others} if not others:
            choice = b'"required"'
        case {"type": "none", **others} if not others and parallel is None:
            choice = b'"none"'
        case {"type": "tool", "name": str(name), **others} if name and not others:
            choice = orjson.dumps({"type": "function", "function": {"name": name}})
        case _:
            return _Choice()
    del rest["tool_choice"]
    return _Choice(choice, parallel)


def _decode_tools(raw: bytes | None) -> tuple[bytes | None, tuple[bytes, ...]]:
    """The client's own tools in OpenAI's form, and those that the provider has itself."""
    tools: list[bytes] = []
    provider_tools: list[bytes] = []
    for item in items_of(raw):
        members = members_of(item)
        if members.get("type", b"null") in (b"null", b'"custom"') and "name" in members:
            tools.append(_decode_tool(members))
        else:
            provider_tools.append(item)
    return b"[" + b",".join(tools) + b"]" if tools else None, tuple(provider_tools)


_FUNCTION_KEYS = {
    "name": "name",
    "description": "description",
    "input_schema": "parameters",
    "strict": "strict",
}


def _decode_tool(members: Raw) -> bytes:
    function = {
        theirs: orjson.Fragment(members[key])
        for key, theirs in _FUNCTION_KEYS.items()
        if key in members
    }
    others = {
        key: orjson.Fragment(raw)
        for key, raw in members.items()
        if key not in _FUNCTION_KEYS and key != "type" and raw != b"null"
    }
    return orjson.dumps({"type": "function", "function": function, **others})


# How it is to be answered. Each takes out of `rest` what it could say in neutral form.


def _decode_params(members: Raw, rest: dict[str, bytes]) -> Params:
    """Those under their own names; what is of another type than it should be stays in the rest."""
    values = {key: read(members.get(key)) for key, read in _PARAMS.items()}
    for key, value in values.items():
        if value is None and members.get(key, b"null") != b"null":
            rest[key] = members[key]
    return Params(**values)  # type: ignore[arg-type]


class _Thinking(NamedTuple):
    budget: int | None = None
    effort: str | None = None


def _take_thinking(rest: dict[str, bytes]) -> _Thinking:
    """A budget is neutral when nothing else is said, an effort when thinking is adaptive."""
    thinking = members_of(rest.get("thinking"))
    kind, budget = raw_text(thinking.get("type")), raw_integer(thinking.get("budget_tokens"))
    if kind == "enabled" and budget is not None and len(thinking) == 2:
        del rest["thinking"]
        return _Thinking(budget=budget)
    output = dict(members_of(rest.get("output_config")))
    effort = raw_text(output.pop("effort", None))
    if kind != "adaptive" or len(thinking) > 1 or effort is None:
        return _Thinking()
    del rest["thinking"]
    _put_back(rest, "output_config", output)
    return _Thinking(effort=effort)


def _take_output_format(rest: dict[str, bytes]) -> bytes | None:
    """The schema that the answer must fit, as a `response_format`; `output_format` is the member's
    older name."""
    output = dict(members_of(rest.get("output_config")))
    given = output.pop("format", None)
    schema = _schema(given)
    if schema is not None:
        _put_back(rest, "output_config", output)
    elif (schema := _schema(rest.get("output_format"))) is not None:
        del rest["output_format"]
    if schema is None:
        return None
    named = {"name": "response", "strict": True, "schema": orjson.Fragment(schema)}
    return orjson.dumps({"type": "json_schema", "json_schema": named})


def _schema(raw: bytes | None) -> bytes | None:
    given = members_of(raw)
    fits = raw_text(given.get("type")) == "json_schema" and len(given) == 2
    return given.get("schema") if fits else None


def _put_back(rest: dict[str, bytes], key: str, members: Raw) -> None:
    others = further(members)
    if others is None:
        del rest[key]
    else:
        rest[key] = others


def _take_service_tier(rest: dict[str, bytes]) -> str | None:
    tier = SERVICE_TIERS.get(raw_text(rest.get("service_tier")) or "")
    if tier is not None:
        del rest["service_tier"]
    return tier


def _strings(raw: bytes | None) -> tuple[str, ...] | None:
    texts = [text for item in items_of(raw) if (text := raw_text(item)) is not None]
    return tuple(texts) or None


_PARAMS: Mapping[str, Callable[[bytes | None], object]] = MappingProxyType(
    {
        "temperature": raw_number,
        "top_p": raw_number,
        "max_tokens": raw_integer,
        "stop_sequences": _strings,
    }
)
