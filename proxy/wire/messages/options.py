"""Members of a body beside what is said and the tools: how long, how thoughtful, for whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import orjson

from proxy.errors import InvalidRequest, UpstreamUnsupported
from proxy.types.request import ModelRequest
from proxy.wire.messages.content import NULL, members_of
from proxy.wire.messages.request import SERVICE_TIERS, WIRE
from proxy.wire.values import raw_flag, raw_integer, raw_text

Members = dict[str, bytes]
"""Raw members of a body."""


class Thinking(NamedTuple):
    """How much is thought before the answer; each is left out when None."""

    thinking: Mapping[str, object] | None = None
    effort: str | None = None
    """The member of `output_config`."""


_TIERS: Mapping[str, str] = MappingProxyType(
    {"priority": "auto", **{ours: theirs for theirs, ours in SERVICE_TIERS.items()}}
)
_EFFORTS: Mapping[str, str] = MappingProxyType({"minimal": "low"})
"""The nearest word, for those that the protocol lacks."""
_LACKING = ("seed", "presence_penalty", "frequency_penalty", "verbosity")


def encode_thinking(effort: str | None, budget: int | None) -> Thinking:
    """What a neutral effort or budget asks for.

    Raises:
        InvalidRequest: there are both, which exclude each other.
    """
    if effort is not None and budget is not None:
        raise InvalidRequest(
            "`reasoning_effort` and `thinking_budget_tokens` exclude each other for this provider"
        )
    if budget is not None:
        return Thinking({"type": "enabled", "budget_tokens": budget})
    if effort is None:
        return Thinking()
    if effort == "none":
        return Thinking({"type": "disabled"})
    return Thinking({"type": "adaptive"}, _EFFORTS.get(effort, effort))


def encode_service_tier(tier: str | None) -> str | None:
    """The protocol's word; None for a tier that it does not have."""
    return None if tier is None else _TIERS.get(tier)


def lacking_params(request: ModelRequest, *, has_service_tiers: bool) -> list[str]:
    """The parameters that are given and that the protocol has no place for."""
    params = request.params
    lacking = [name for name in _LACKING if getattr(params, name) is not None]
    tiers = _TIERS if has_service_tiers else ()
    if params.service_tier is not None and params.service_tier not in tiers:
        lacking.append("service_tier")
    return lacking


def check_supported(request: ModelRequest) -> None:
    """Raise UpstreamUnsupported where an answer is wanted that the protocol cannot give."""
    if (request.choices or 1) != 1:
        raise UpstreamUnsupported("`n`: this provider gives one answer to a request")
    if request.logprobs or request.top_logprobs:
        raise UpstreamUnsupported("`logprobs`: this provider tells no log probabilities")


def encode_rest(request: ModelRequest) -> tuple[Members, list[str]]:
    """What the neutral form has no fields for, and the names of what is left out of it.

    Raises:
        UpstreamUnsupported: a member of another protocol would change the answer, and has no
            equivalent.
    """
    if request.wire == WIRE:
        return dict(request.rest), []
    members: Members = {}
    ignored = []
    for key, raw in request.rest.items():
        if raw in _NOTHING.get(key, _EMPTY):
            continue
        if key in _WITHOUT_EFFECT:
            ignored.append(key)
            continue
        translate = _TRANSLATED.get(key)
        if translate is None:
            raise UpstreamUnsupported(f"`{key}`: this provider has nothing like it")
        translated = translate(key, raw)
        if not translated:
            ignored.append(key)
        members = {**translated, **members}
    return members, ignored


def _same(key: str, raw: bytes) -> Members:
    return {key: raw}


def _user(key: str, raw: bytes) -> Members:
    return {"metadata": b'{"user_id":' + raw + b"}"}


def _metadata(key: str, raw: bytes) -> Members:
    """Of a client's notes on a request, the one that the protocol knows."""
    user = members_of(raw).get("user_id")
    return {} if user is None else _user(key, user)


def _reasoning(key: str, raw: bytes) -> Members:
    """Of other protocols' word for it what has an equivalent."""
    given = members_of(raw)
    budget, effort = raw_integer(given.get("max_tokens")), raw_text(given.get("effort"))
    enabled = raw_flag(given.get("enabled"))
    if enabled is False:
        effort, budget = "none", None
    if enabled and effort is None and budget is None:
        return {"thinking": orjson.dumps({"type": "adaptive"})}
    asked = encode_thinking(effort if budget is None else None, budget)
    members = {} if asked.thinking is None else {"thinking": orjson.dumps(asked.thinking)}
    if asked.effort is not None:
        members["output_config"] = orjson.dumps({"effort": asked.effort})
    return members


_EMPTY = (NULL, b"[]", b"{}", b'""')
_NOTHING: Mapping[str, tuple[bytes, ...]] = MappingProxyType(
    {
        "modalities": (*_EMPTY, b'["text"]'),
        "stream_options": (*_EMPTY, b'{"include_usage":true}', b'{"include_usage": true}'),
    }
)
"""Values that ask for nothing, of members of which some values do."""

_WITHOUT_EFFECT = frozenset(
    {
        "prediction",
        "prompt_cache_key",
        "prompt_cache_retention",
        "store",
        "stream_options",
        "usage",
    }
)
"""They concern what is kept, counted or sped up, never what is answered."""

_TRANSLATED: Mapping[str, Callable[[str, bytes], Members]] = MappingProxyType(
    {
        "cache_control": _same,
        "container": _same,
        "context_management": _same,
        "inference_geo": _same,
        "mcp_servers": _same,
        "metadata": _metadata,
        "output_config": _same,
        "reasoning": _reasoning,
        "safety_identifier": _user,
        "speed": _same,
        "thinking": _same,
        "top_k": _same,
        "user": _user,
    }
)
