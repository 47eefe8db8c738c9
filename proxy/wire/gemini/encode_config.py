"""Neutral parameters as `generationConfig`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from proxy.types.request import ModelRequest, Params
from proxy.wire.gemini.config import JSON_TYPE, SCHEMAS
from proxy.wire.gemini.names import WIRE
from proxy.wire.gemini.schema import schema_member
from proxy.wire.lenient import lenient_object
from proxy.wire.values import object_of

_TIERS: Mapping[str, str] = MappingProxyType(
    {"default": "standard", "standard": "standard", "flex": "flex", "priority": "priority"}
)
_AUTO = "auto"
"""As if nothing were said."""
_NO_THINKING = "none"
_JSON_KINDS = ("json_object", "json_schema")


def encode_config(request: ModelRequest) -> dict[str, object]:
    """The members that are given."""
    params = request.params
    members: dict[str, object] = {
        "stopSequences": params.stop_sequences,
        "temperature": params.temperature,
        "topP": params.top_p,
        "presencePenalty": params.presence_penalty,
        "frequencyPenalty": params.frequency_penalty,
        "maxOutputTokens": params.max_tokens,
        "seed": params.seed,
        "thinkingConfig": _thinking(params) or None,
        "candidateCount": request.choices,
        "responseLogprobs": request.logprobs,
        "logprobs": request.top_logprobs,
        **_format(request),
    }
    return {name: value for name, value in members.items() if value is not None}


def encode_tier(request: ModelRequest, *, own: bool) -> tuple[str | None, tuple[str, ...]]:
    """(the tier in the protocol's words, the parameter's name if it has no word for it)."""
    tier = request.params.service_tier
    if own or tier is None:
        return tier, ()
    if tier in _TIERS:
        return _TIERS[tier], ()
    return None, () if tier == _AUTO else ("service_tier",)


def _thinking(params: Params) -> dict[str, object]:
    effort, budget = params.reasoning_effort, params.thinking_budget_tokens
    if effort == _NO_THINKING:
        effort, budget = None, 0 if budget is None else budget
    members = {"thinkingBudget": budget, "thinkingLevel": effort}
    return {name: value for name, value in members.items() if value is not None}


def _format(request: ModelRequest) -> dict[str, object]:
    """What the JSON mode asks for; without one, the request's own `response_format`."""
    mode = request.params.json_mode
    given = lenient_object(request.response_format or b"{}")
    kind = given.get("type")
    if mode not in (None, "on", "strict") or (mode is None and kind not in _JSON_KINDS):
        return {}
    if kind != "json_schema":
        return {"responseMimeType": JSON_TYPE}
    beside = {name: given[name] for name in SCHEMAS if name in given}
    if request.wire == WIRE and beside:
        return {"responseMimeType": JSON_TYPE, **beside}
    schema = object_of(given.get("json_schema")).get("schema")
    return {"responseMimeType": JSON_TYPE, **_schema(schema)}


def _schema(schema: object) -> dict[str, object]:
    return schema_member(schema, *SCHEMAS[:2]) if isinstance(schema, dict) else {}
