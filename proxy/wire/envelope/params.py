"""Inference parameters: OpenAI's members, `tensorzero::params`, and which of them wins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from proxy.types.immutable import immutable
from proxy.types.request import NO_PARAMS, Params, given_params
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


@immutable
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


_FIELDS = {
    **{name: name for name in OPENAI_PARAMS},
    "max_completion_tokens": "max_tokens",
    "stop": "stop_sequences",
}
"""The fields of `Params`, by OpenAI's names."""


def merge_params(values: Mapping[str, Any]) -> Params:
    """The parameters in force: native ones win, of two limits the smaller one counts.

    `values` are the members of the body, read.
    """
    said: dict[str, Any] = {
        _FIELDS[name]: value for name, value in values.items() if name in _FIELDS
    }
    if "max_tokens" in values and "max_completion_tokens" in values:
        said["max_tokens"] = min(values["max_tokens"], values["max_completion_tokens"])
    if "response_format" in values:
        said["json_mode"] = values["response_format"].json_mode
    if "tensorzero::params" in values:
        said |= given_params(values["tensorzero::params"])
    return Params(**said) if said else NO_PARAMS


def format_in_force(given_format: ResponseFormat | None, json_mode: str | None) -> bytes | None:
    """The `response_format` that the body gave, unless `tensorzero::params` has another mode."""
    if given_format is None or json_mode != given_format.json_mode:
        return None
    return given_format.raw
