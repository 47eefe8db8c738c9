"""Requests: a neutral request as a chat completion body for a provider.

Order of members and form of messages are those that TensorZero sends: results of tools as messages
of their own before what the user says, a lone text as a string rather than as a list of parts.

A request that came in this protocol goes out as its client wrote it: what only the client knows of
its provider (further members, names of messages, a parameter that this vendor is not said to have)
is not taken from it. Of one from elsewhere, what the vendor lacks is left out, and named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import orjson

from proxy.errors import UpstreamUnsupported
from proxy.types.content import Json
from proxy.types.request import ModelRequest, Params, Texts
from proxy.wire.addressee import ANYBODY, Addressee
from proxy.wire.chat_completions.dialect import (
    BUDGET,
    DETAIL,
    EFFORT,
    JSON_MODE,
    PLAIN,
    THINKING,
    VERBOSITY,
    Dialect,
)
from proxy.wire.chat_completions.encode_messages import (
    JSON_INSTRUCTION,
    MessageEncoder,
    encode_texts,
    has_details,
    mentions_json,
)
from proxy.wire.chat_completions.extra import dumps, spread
from proxy.wire.chat_completions.request import json_mode_of
from proxy.wire.chat_completions.rest import WIRE
from proxy.wire.lenient import lenient_loads
from proxy.wire.members import list_items
from proxy.wire.values import object_of, objects_of

__all__ = ["JSON_INSTRUCTION", "encode_request", "ignored_params", "mentions_json"]

SCHEMA_MODES = (None, "strict")
_JSON_MODES = ("on", "strict")
"""Those that are asked for by a `response_format`."""
_JSON_OBJECT: Json = {"type": "json_object"}


def encode_request(
    request: ModelRequest,
    dialect: Dialect = PLAIN,
    *,
    body_defaults: Mapping[str, bytes],
    addressee: Addressee = ANYBODY,
) -> bytes:
    """The body. Tools and response format keep their bytes.

    `body_defaults` has raw members for what the request leaves out.

    Raises:
        InvalidRequest: a block stands where it cannot, or is a template not yet rendered.
        UpstreamUnsupported: the protocol has no form for a file, or for a member of a request that
            came in another.
    """
    params, choices = request.params, request.choices
    body: dict[str, object] = {
        "messages": _messages(request, dialect, addressee),
        "model": request.model_name,
    }
    _add_sampling(body, params)
    body["stream"] = request.stream
    if request.stream or request.rest:
        options = _stream_options(request, dialect)
        if options is not None:
            body["stream_options"] = options
    if params.json_mode in _JSON_MODES or request.response_format is not None:
        response_format = _response_format(request, dialect)
        if response_format is not None:
            body["response_format"] = response_format
    if request.tools is not None or request.provider_tools:
        _add(body, _tools(request, dialect.allow_lists))
    if params.has_manners:
        _add(body, _manners(params, dialect, request.wire == WIRE))
    if choices is not None:
        body["n"] = choices
    if request.logprobs is not None or request.top_logprobs is not None:
        _add(body, _logprobs(request, dialect))
    if dialect.renames:
        body = {dialect.renames.get(key, key): item for key, item in body.items()}
    if request.rest or body_defaults:
        for key, raw in (*_rest(request).items(), *body_defaults.items()):
            body.setdefault(key, orjson.Fragment(raw))
    return dumps(body)


def _add_sampling(body: dict[str, object], params: Params) -> None:
    """The parameters that every vendor has; one after the other, which costs the least."""
    if params.temperature is not None:
        body["temperature"] = params.temperature
    if params.max_tokens is not None:
        body["max_completion_tokens"] = params.max_tokens
    if params.seed is not None:
        body["seed"] = params.seed
    if params.top_p is not None:
        body["top_p"] = params.top_p
    if params.presence_penalty is not None:
        body["presence_penalty"] = params.presence_penalty
    if params.frequency_penalty is not None:
        body["frequency_penalty"] = params.frequency_penalty


def _add(body: dict[str, object], members: Json) -> None:
    """Those that say something."""
    for key, item in members.items():
        if item is not None:
            body[key] = item


def ignored_params(request: ModelRequest, dialect: Dialect) -> tuple[str, ...]:
    """What `encode_request` leaves out, for the vendor has no place for it."""
    if request.wire == WIRE:
        return (BUDGET,) if BUDGET in dialect.unknown(request.params) else ()
    params = request.params
    said = params.has_manners or params.json_mode in _JSON_MODES
    if not said and DETAIL not in dialect.lacks:
        return ()
    lost_names = list(dialect.unknown(params))
    if params.json_mode in _JSON_MODES and JSON_MODE in dialect.lacks:
        lost_names.append(JSON_MODE)
    if params.json_mode == "strict" and not dialect.schemas and request.response_format:
        lost_names.append(JSON_MODE)
    if DETAIL in dialect.lacks and has_details(request.input.messages):
        lost_names.append(DETAIL)
    return tuple(dict.fromkeys(lost_names)) if lost_names else ()


def _messages(request: ModelRequest, dialect: Dialect, addressee: Addressee) -> list[Json]:
    own, said = request.wire == WIRE, request.input
    if type(said.messages) is Texts and not said.system_parts and request.params.json_mode != "on":
        return encode_texts(said)
    encoder = MessageEncoder(dialect, addressee, own=own)
    json_instruction = not own and request.params.json_mode == "on"
    return encoder.encode(said, json_instruction=json_instruction)


def _rest(request: ModelRequest) -> Mapping[str, bytes]:
    if request.wire in (WIRE, ""):
        return {key: raw for key, raw in request.rest.items() if key != "stream_options"}
    for name in request.rest:
        raise UpstreamUnsupported(f"`{name}` cannot be said to this provider")
    return {}


def _stream_options(request: ModelRequest, dialect: Dialect) -> Json | None:
    """The client's own, and the wish for usage where it has to be said."""
    given = request.rest.get("stream_options")
    asked = {"include_usage": True} if request.stream and dialect.include_usage else {}
    return {**asked, **spread(given)} if given else asked or None


def _manners(params: Params, dialect: Dialect, own: bool) -> Json:
    """The parameters that are more than sampling, which vendors have or lack."""
    lacks = frozenset() if own else dialect.lacks
    tier = params.service_tier
    return {
        "stop": params.stop_sequences,
        **_thinking(params, dialect, own),
        "service_tier": tier if own or dialect.knows_tier(tier) else None,
        "verbosity": None if VERBOSITY in lacks else params.verbosity,
    }


def _thinking(params: Params, dialect: Dialect, own: bool) -> Json:
    """How much it is to think, in the members that the vendor has for it."""
    lost = not own and (EFFORT in dialect.lacks or dialect.takes_one(params))
    effort, budget = None if lost else params.reasoning_effort, params.thinking_budget_tokens
    if dialect.reasoning_object:
        asked = {"effort": None if own else effort, "max_tokens": budget}
        given = {key: value for key, value in asked.items() if value is not None}
        return {"reasoning_effort": effort if own else None, "reasoning": given or None}
    if budget is None or not dialect.budget:
        return {"reasoning_effort": effort}
    if dialect.budget == THINKING:
        enabled = {"type": "enabled", "budget_tokens": budget}
        return {"reasoning_effort": effort, THINKING: enabled}
    return {"reasoning_effort": effort, dialect.budget: budget}


def _logprobs(request: ModelRequest, dialect: Dialect) -> Json:
    if request.logprobs and dialect.counted_logprobs:
        return {"logprobs": request.top_logprobs or 1}
    return {"logprobs": request.logprobs, "top_logprobs": request.top_logprobs}


def _response_format(request: ModelRequest, dialect: Dialect) -> object:
    """What the JSON mode asks for; without one, the request's own."""
    mode, given = request.params.json_mode, request.response_format
    if request.wire == WIRE and given is not None and mode == json_mode_of(given):
        return orjson.Fragment(given)
    if JSON_MODE in dialect.lacks:
        return None
    if given is not None and mode in SCHEMA_MODES and (mode is None or dialect.schemas):
        return orjson.Fragment(given)
    return _JSON_OBJECT if mode in _JSON_MODES else None


def _tools(request: ModelRequest, allow_lists: bool) -> Json:
    """Choice and parallel calls are refused by providers where no tool is offered."""
    tools, choice = _all_tools(request), request.tool_choice
    if tools and choice and not allow_lists:
        tools, choice = _only_allowed(tools, choice)
    if tools is None or not tools.strip(b"[] \t\r\n"):
        return {}
    return {
        "tools": orjson.Fragment(tools),
        "tool_choice": None if choice is None else orjson.Fragment(choice),
        "parallel_tool_calls": request.parallel_tool_calls,
    }


def _all_tools(request: ModelRequest) -> bytes | None:
    """The tools, with those that the provider runs itself behind them."""
    if not request.provider_tools:
        return request.tools
    own = [] if request.tools is None else list_items(request.tools)
    return b"[" + b",".join((*own, *request.provider_tools)) + b"]"


def _only_allowed(tools: bytes, choice: bytes) -> tuple[bytes, bytes]:
    """A choice of some tools as a list of those tools, and a choice that any provider knows."""
    chosen = object_of(lenient_loads(choice))
    if chosen.get("type") != "allowed_tools":
        return tools, choice
    allowed = object_of(chosen.get("allowed_tools"))
    names = set(_tool_names(objects_of(allowed.get("tools"))))
    kept = [
        raw
        for raw in list_items(tools)
        if names & set(_tool_names(objects_of([lenient_loads(raw)])))
    ]
    mode = orjson.dumps(allowed.get("mode") or "auto")
    return b"[" + b",".join(kept) + b"]", mode


def _tool_names(tools: Iterable[Mapping[str, object]]) -> Iterable[str]:
    for tool in tools:
        name = object_of(tool.get("custom") or tool.get("function")).get("name")
        if isinstance(name, str):
            yield name
