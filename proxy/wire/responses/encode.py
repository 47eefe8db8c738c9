"""Requests: a neutral request as a body for a provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from proxy.errors import UpstreamUnsupported
from proxy.types.request import ModelRequest, Params
from proxy.wire.addressee import ANYBODY, Addressee
from proxy.wire.chat_completions.encode import JSON_INSTRUCTION, SCHEMA_MODES
from proxy.wire.lenient import whole_text
from proxy.wire.members import list_items
from proxy.wire.responses.encode_input import Manner, encode_items, said_in
from proxy.wire.responses.extras import shown
from proxy.wire.responses.forms import custom_names, flat, flat_tool
from proxy.wire.responses.request import LOGPROBS, WIRE
from proxy.wire.responses.rest import search_tool, translated_rest
from proxy.wire.values import raw_text

SEALED_REASONING = "reasoning.encrypted_content"
"""The entry of `include` that asks for reasoning which can be sent back."""

IGNORED = ("stop_sequences", "thinking_budget_tokens")
"""Parameters that the protocol has no place for, and that are left out with a warning."""

_JSON_OBJECT = b'{"type":"json_object"}'


def encode_request(
    request: ModelRequest,
    *,
    include: Sequence[str] = (),
    provider_tools: Sequence[bytes] = (),
    addressee: Addressee = ANYBODY,
) -> bytes:
    """The body. `include` are entries that its `include` is to have in any case; `provider_tools`
    (raw JSON) the tools of the configuration, which stand before the request's own.

    Raises:
        InvalidRequest: a block stands where it cannot, or is a template not yet rendered.
        UpstreamUnsupported: the protocol has no form for what is asked; the text names it.
    """
    if (request.choices or 1) > 1:
        raise UpstreamUnsupported("this provider's API gives one answer only: `n` cannot be more")
    rest = translated_rest(request.rest, request.wire)
    members: dict[str, object] = {
        "model": request.model_name or None,
        **_input(request, addressee),
        **_sampling(request.params),
        **_tools(request, provider_tools),
        **{whole_text(key): orjson.Fragment(raw) for key, raw in rest.items()},
        **_manners(request, rest, include),
        "stream": request.stream,
    }
    return orjson.dumps({key: value for key, value in members.items() if value is not None})


def ignored_params(params: Params) -> tuple[str, ...]:
    """The names of parameters that are given and not sent."""
    return tuple(name for name in IGNORED if getattr(params, name) is not None)


def _input(request: ModelRequest, addressee: Addressee) -> dict[str, object]:
    manner = Manner(request.wire, addressee, custom_names(request.tools))
    instructions, items = encode_items(request.input, manner)
    if request.params.json_mode == "on" and not manner.own:
        _ask_for_json(items)
    return {"instructions": instructions, "input": items if items or not manner.own else None}


def _ask_for_json(items: list[object]) -> None:
    """In JSON mode, messages that never speak of JSON are refused."""
    if any("json" in text.lower() for text in said_in(items)):
        return
    match items:
        case [{"role": "system", "content": [{"type": "input_text", "text": text}]}, *_]:
            text = f"{JSON_INSTRUCTION}\n\n{text}"
            del items[0]
        case _:
            text = JSON_INSTRUCTION
    content = [{"type": "input_text", "text": text}]
    items.insert(0, {"type": "message", "role": "system", "content": content})


def _sampling(params: Params) -> dict[str, object]:
    return {
        "temperature": params.temperature,
        "max_output_tokens": params.max_tokens,
        "seed": params.seed,
        "top_p": params.top_p,
        "presence_penalty": params.presence_penalty,
        "frequency_penalty": params.frequency_penalty,
        "service_tier": params.service_tier,
    }


def _tools(request: ModelRequest, provider_tools: Sequence[bytes]) -> dict[str, object]:
    """The client's tools, then those that the provider runs.

    Choice and parallel calls are refused where no tool is offered.
    """
    own = request.wire == WIRE
    given = () if request.tools is None else list_items(request.tools)
    tools = [
        *(flat_tool(raw, own=own) for raw in given),
        *provider_tools,
        *request.provider_tools,
        *(() if own else search_tool(request.rest)),
    ]
    if not tools and not own:
        return {}
    choice = request.tool_choice
    return {
        "tools": [orjson.Fragment(raw) for raw in tools] or None,
        "tool_choice": None if choice is None else orjson.Fragment(flat(choice, own=own)),
        "parallel_tool_calls": request.parallel_tool_calls,
    }


def _manners(
    request: ModelRequest, rest: Mapping[str, bytes], include: Sequence[str]
) -> dict[str, object]:
    """The members that say several things, with what the rest of the body says in them."""
    params = request.params
    wanted = [*include, *([LOGPROBS] if request.logprobs else [])]
    return {
        "text": _merged(
            rest.get("text"), {"format": _format(request), "verbosity": params.verbosity}
        ),
        "reasoning": _merged(rest.get("reasoning"), {"effort": params.reasoning_effort}),
        "include": _include(rest.get("include"), wanted),
        "top_logprobs": request.top_logprobs,
    }


def _merged(raw: bytes | None, more: Mapping[str, object]) -> object:
    said = {key: value for key, value in more.items() if value is not None}
    if not said:
        return None if raw is None else orjson.Fragment(raw)
    return {**shown(raw), **said}


def _include(raw: bytes | None, wanted: Sequence[str]) -> object:
    given = list_items(raw) if raw is not None and raw.startswith(b"[") else []
    missing = [each for each in wanted if each not in map(raw_text, given)]
    if not missing:
        return None if raw is None else orjson.Fragment(raw)
    return [*map(orjson.Fragment, given), *missing]


def _format(request: ModelRequest) -> object:
    """What the JSON mode asks for; without one, the request's own."""
    mode, given = request.params.json_mode, request.response_format
    if given is not None and (mode in SCHEMA_MODES or request.wire == WIRE):
        return orjson.Fragment(flat(given, own=request.wire == WIRE))
    return orjson.Fragment(_JSON_OBJECT) if mode in ("on", "strict") else None
