"""What stands beside messages and tools in a body, and what has no place in one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import orjson

from proxy.errors import UpstreamUnsupported
from proxy.types.request import NO_REST, ModelRequest
from proxy.wire.converse import WIRE
from proxy.wire.converse.raws import as_object, to_object
from proxy.wire.members import value_of
from proxy.wire.values import raw_integer

TIERS = frozenset({"default", "flex", "priority", "reserved"})

HINTS = frozenset(
    {
        "prediction",
        "prompt_cache_key",
        "prompt_cache_retention",
        "reasoning",
        "safety_identifier",
        "store",
        "usage",
        "user",
    }
)
"""Members of a chat completion that change no answer's meaning, or are ignored as `Params` are."""

TRANSLATED = frozenset({"metadata", "thinking", "top_k"})
SAID_ELSEWHERE = frozenset({"model", "stream", "stream_options"})
_NOTHING = frozenset({b"null", b"{}", b"[]", b"false"})

Members = dict[str, bytes]


def own_rest(request: ModelRequest) -> Mapping[str, bytes]:
    """The members that came in this protocol."""
    return request.rest if request.wire == WIRE else NO_REST


def foreign_rest(request: ModelRequest) -> Mapping[str, bytes]:
    """The members that came in another one and say anything."""
    if request.wire == WIRE:
        return NO_REST
    said = request.rest.items()
    return {key: raw for key, raw in said if raw not in _NOTHING and key not in SAID_ELSEWHERE}


def check_request(request: ModelRequest) -> None:
    """Raise UpstreamUnsupported for what the protocol cannot do and nobody would notice."""
    if request.choices is not None and request.choices > 1:
        raise UpstreamUnsupported("`n`: this provider gives one answer to a request")
    if request.logprobs or request.top_logprobs:
        raise UpstreamUnsupported("`logprobs`: this provider tells no log probabilities")
    for name, raw in foreign_rest(request).items():
        if name in HINTS or name in TRANSLATED:
            continue
        if name == "modalities" and value_of(raw) == ["text"]:
            continue
        raise UpstreamUnsupported(f"`{name}`: this provider has nothing like it")


def ignored_params(request: ModelRequest) -> Iterator[str]:
    """Names of parameters that have no place in a body."""
    params = request.params
    for name in (
        "seed",
        "presence_penalty",
        "frequency_penalty",
        "reasoning_effort",
        "verbosity",
    ):
        if getattr(params, name) is not None:
            yield name
    if params.service_tier not in (None, "auto", *TIERS):
        yield "service_tier"
    if request.parallel_tool_calls is False and request.tools is not None:
        yield "parallel_tool_calls"
    yield from (name for name in foreign_rest(request) if name in HINTS)


def inference_config(request: ModelRequest) -> Members:
    params = request.params
    given = {
        "maxTokens": params.max_tokens,
        "temperature": params.temperature,
        "topP": params.top_p,
        "stopSequences": params.stop_sequences,
    }
    config = {name: orjson.dumps(value) for name, value in given.items() if value is not None}
    return {**config, **as_object(own_rest(request).get("inferenceConfig"))}


def model_fields(request: ModelRequest, top_k_path: tuple[str, ...]) -> Members:
    """The members that the protocol hands on to the model; `top_k_path` is where this one looks
    for `top_k`."""
    fields = as_object(own_rest(request).get("additionalModelRequestFields"))
    foreign = foreign_rest(request)
    budget = request.params.thinking_budget_tokens
    if budget is None:
        budget = raw_integer(as_object(foreign.get("reasoning")).get("max_tokens"))
    if budget is not None:
        thinking = {"type": "enabled", "budget_tokens": budget}
        fields.setdefault("thinking", orjson.dumps(thinking))
    elif "thinking" in foreign:
        fields["thinking"] = foreign["thinking"]
    if "top_k" in foreign:
        value = foreign["top_k"]
        for name in reversed(top_k_path[1:]):
            value = to_object({name: value})
        fields[top_k_path[0]] = value
    return fields


def service_tier(request: ModelRequest) -> Members:
    tier = request.params.service_tier
    if tier is None or (tier not in TIERS and request.wire != WIRE):
        return {}
    return {"type": orjson.dumps(tier)}


def text_format(response_format: bytes | None) -> bytes:
    """The `textFormat` for a schema in OpenAI's form."""
    named = as_object(as_object(response_format).get("json_schema"))
    said = {"schema": orjson.dumps(named.get("schema", b"{}").decode())}
    for name in ("name", "description"):
        if named.get(name, b"null") != b"null":
            said[name] = named[name]
    structure = to_object({"jsonSchema": to_object(said)})
    return to_object({"type": b'"json_schema"', "structure": structure})
