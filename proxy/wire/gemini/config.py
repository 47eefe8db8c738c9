"""`generationConfig` in neutral form: parameters, structured output, choices, log probabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from proxy.types.request import Params
from proxy.wire.dumps import dumps
from proxy.wire.gemini.names import raw_members
from proxy.wire.gemini.schema import as_json_schema
from proxy.wire.lenient import whole_text
from proxy.wire.members import value_of
from proxy.wire.values import raw_flag, raw_integer, raw_number, raw_text

JSON_TYPE = "application/json"
SCHEMAS = ("responseSchema", "responseJsonSchema", "_responseJsonSchema")
"""Names under which a schema of the answer may stand; all but the first hold JSON Schema."""

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Config:
    """What a request's `generationConfig` says; `rest` is raw JSON of what has no field."""

    params: Params
    response_format: bytes | None
    choices: int | None
    logprobs: bool | None
    top_logprobs: int | None
    rest: bytes | None


def decode_config(raw: bytes | None, service_tier: bytes | None) -> Config:
    """The meaning of a `generationConfig` (raw JSON) and of the body's `serviceTier`."""
    left = raw_members(raw)
    thinking = raw_members(left.get("thinkingConfig"))
    response_format = _take_format(left)
    params = Params(
        temperature=_take(left, "temperature", raw_number),
        top_p=_take(left, "topP", raw_number),
        max_tokens=_take(left, "maxOutputTokens", raw_integer),
        seed=_take(left, "seed", raw_integer),
        presence_penalty=_take(left, "presencePenalty", raw_number),
        frequency_penalty=_take(left, "frequencyPenalty", raw_number),
        stop_sequences=_take(left, "stopSequences", _texts),
        json_mode=_json_mode(response_format),
        reasoning_effort=_take(thinking, "thinkingLevel", raw_text),
        service_tier=raw_text(service_tier),
        thinking_budget_tokens=_take(thinking, "thinkingBudget", raw_integer),
    )
    choices = _take(left, "candidateCount", raw_integer)
    logprobs = _take(left, "responseLogprobs", raw_flag)
    top_logprobs = _take(left, "logprobs", raw_integer)
    if "thinkingConfig" in left:
        left["thinkingConfig"] = dumps(thinking)
    rest = dumps(left) if left else None
    return Config(params, response_format, choices, logprobs, top_logprobs, rest)


def _take(
    left: dict[str, bytes], name: str, read: Callable[[bytes | None], _Value | None]
) -> _Value | None:
    """A member's value, which then is no longer left; None when it cannot be read so."""
    value = read(left.get(name))
    if value is not None:
        del left[name]
    return value


def _texts(raw: bytes | None) -> tuple[str, ...] | None:
    value = None if raw is None else value_of(raw)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return None
    return tuple(map(whole_text, value))


def _take_format(left: dict[str, bytes]) -> bytes | None:
    """JSON mode in OpenAI's form. Beside the schema in its neutral form stands the one given,
    under its name."""
    if raw_text(left.get("responseMimeType")) != JSON_TYPE:
        return None
    del left["responseMimeType"]
    given = [name for name in SCHEMAS if name in left]
    if not given:
        return dumps({"type": "json_object"})
    name = given[0]
    raw = left.pop(name)
    schema = as_json_schema(raw) if name == SCHEMAS[0] else raw
    named = {"name": "response", "schema": schema}
    return dumps({"type": "json_schema", "json_schema": named, name: raw})


def _json_mode(response_format: bytes | None) -> str | None:
    if response_format is None:
        return None
    return "strict" if b'"json_schema"' in response_format[:30] else "on"
