"""Inference parameters: OpenAI's members, `tensorzero::params`, and which of them wins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from proxy.types.request import Params
from proxy.wire.serde import (
    I32,
    check_known,
    given,
    is_string,
    optional_string,
    read_f32,
    read_flag,
    read_integer,
    read_object,
    read_string,
    read_strings,
    read_u32,
    read_word,
    required,
)

SERVICE_TIERS = ("auto", "default", "priority", "flex")
JSON_MODES = ("off", "on", "strict", "tool")
FORMATS = ("text", "json_schema", "json_object")

_MODE_OF_FORMAT = {"text": "off", "json_object": "on", "json_schema": "strict"}


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """What the answer is to look like."""

    raw: bytes
    json_mode: str
    schema: bytes | None = None


def read_response_format(raw: bytes, path: str) -> ResponseFormat:
    members = read_object(raw, path, "internally tagged enum OpenAICompatibleResponseFormat")
    kind = read_word(required(members, path, "type"), path, FORMATS)
    if kind != "json_schema":
        return ResponseFormat(raw, _MODE_OF_FORMAT[kind])
    info = read_object(required(members, path, "json_schema"), path, "struct JsonSchemaInfo")
    read_string(required(info, path, "name"), path)
    optional_string(info, path, "description")
    strict = given(info.get("strict"))
    if strict is not None:
        read_flag(strict, path)
    return ResponseFormat(raw, "strict", given(info.get("schema")))


def read_stop(raw: bytes, path: str) -> tuple[str, ...]:
    """A list of strings, or one."""
    return (read_string(raw, path),) if is_string(raw) else read_strings(raw, path)


def read_service_tier(raw: bytes, path: str) -> str:
    return read_word(raw, path, SERVICE_TIERS)


def read_json_mode(raw: bytes, path: str) -> str:
    """One of `JSON_MODES`, or the old name of `tool`."""
    return "tool" if raw == b'"implicit_tool"' else read_word(raw, path, JSON_MODES)


Reader = Callable[[bytes, str], Any]

OPENAI_PARAMS: Mapping[str, Reader] = {
    "temperature": read_f32,
    "top_p": read_f32,
    "presence_penalty": read_f32,
    "frequency_penalty": read_f32,
    "max_tokens": read_u32,
    "max_completion_tokens": read_u32,
    "seed": read_u32,
    "stop": read_stop,
    "reasoning_effort": read_string,
    "verbosity": read_string,
    "service_tier": read_service_tier,
}

_NATIVE_PARAMS: Mapping[str, Reader] = {
    "temperature": read_f32,
    "max_tokens": read_u32,
    "seed": read_u32,
    "top_p": read_f32,
    "presence_penalty": read_f32,
    "frequency_penalty": read_f32,
    "json_mode": read_json_mode,
    "stop_sequences": read_strings,
    "reasoning_effort": read_string,
    "service_tier": read_service_tier,
    "thinking_budget_tokens": lambda raw, path: read_integer(raw, path, I32, "i32"),
    "verbosity": read_string,
}


def read_native_params(raw: bytes, path: str) -> Params:
    """`{"chat_completion": {…}}`."""
    outer = read_object(raw, path, "struct InferenceParams")
    check_known(outer, path, ("chat_completion",))
    inner = given(outer.get("chat_completion"))
    if inner is None:
        return Params()
    path = f"{path}.chat_completion"
    members = read_object(inner, path, "struct ChatCompletionInferenceParams")
    check_known(members, path, tuple(_NATIVE_PARAMS))
    values = {name: raw for name, raw in members.items() if raw != b"null"}
    return Params(
        **{name: _NATIVE_PARAMS[name](raw, f"{path}.{name}") for name, raw in values.items()}
    )


def merge_params(values: Mapping[str, Any]) -> Params:
    """The parameters in force: native ones win, of two limits the smaller one counts.

    `values` are the members of the body, read.
    """
    limits = [values.get(name) for name in ("max_tokens", "max_completion_tokens")]
    response_format: ResponseFormat | None = values.get("response_format")
    params = Params(
        temperature=values.get("temperature"),
        top_p=values.get("top_p"),
        max_tokens=min((limit for limit in limits if limit is not None), default=None),
        seed=values.get("seed"),
        presence_penalty=values.get("presence_penalty"),
        frequency_penalty=values.get("frequency_penalty"),
        stop_sequences=values.get("stop"),
        json_mode=response_format.json_mode if response_format else None,
        reasoning_effort=values.get("reasoning_effort"),
        service_tier=values.get("service_tier"),
        verbosity=values.get("verbosity"),
    )
    native: Params = values.get("tensorzero::params") or Params()
    named = {item.name: getattr(native, item.name) for item in fields(Params)}
    return replace(params, **{name: value for name, value in named.items() if value is not None})


def format_in_force(given_format: ResponseFormat | None, json_mode: str | None) -> bytes | None:
    """The `response_format` that the body gave, unless `tensorzero::params` has another mode."""
    if given_format is None or json_mode != given_format.json_mode:
        return None
    return given_format.raw
