"""Requests: a client's chat completion body as a neutral request.

The mapping of messages is TensorZero's, but lenient: a role or a content part that it does not
know is kept, as it is, rather than refused, because the relay lets anything pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from proxy.types.request import NO_CREDENTIALS, ModelRequest, Params
from proxy.wire.chat_completions.extra import NULL, leftover, members_of, raw_object
from proxy.wire.chat_completions.messages import TOOL_ROLES, Raw, decode_input, decode_parts
from proxy.wire.chat_completions.rest import WIRE
from proxy.wire.chat_completions.system import SYSTEM_ROLES
from proxy.wire.lenient import whole_text
from proxy.wire.members import object_members, value_of
from proxy.wire.splice import EXTENSION
from proxy.wire.values import raw_flag, raw_integer, raw_number, raw_text

__all__ = [
    "SYSTEM_ROLES",
    "TOOL_ROLES",
    "Raw",
    "decode_input",
    "decode_params",
    "decode_parts",
    "decode_request",
]

_JSON_MODES = {"text": "off", "json_object": "on", "json_schema": "strict"}
_READ = (
    "messages",
    "model",
    "stream",
    "stream_options",
    "tools",
    "tool_choice",
    "response_format",
)
_PARAMS: Mapping[str, str] = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "stop": "stop_sequences",
    "reasoning_effort": "reasoning_effort",
    "service_tier": "service_tier",
    "verbosity": "verbosity",
}
"""The field of `Params` that says a member."""


def decode_request(
    body: bytes,
    *,
    model_name: str,
    stream: bool,
    credentials: Mapping[str, str] = NO_CREDENTIALS,
) -> ModelRequest:
    """A neutral request to the provider's model `model_name`.

    Raises:
        InvalidRequest: no JSON object, or `messages` is no list of objects.
    """
    members = object_members(body)
    params = decode_params(members)
    flags = {key: raw_flag(members.get(key)) for key in ("parallel_tool_calls", "logprobs")}
    counts = {key: raw_integer(members.get(key)) for key in ("n", "top_logprobs")}
    read = {key for key, value in (*flags.items(), *counts.items()) if value is not None}
    read |= {key for key, name in _PARAMS.items() if getattr(params, name) is not None}
    return ModelRequest(
        model_name=model_name,
        input=decode_input(members.get("messages", b"")),
        stream=stream,
        params=params,
        tools=_given(members.get("tools")),
        tool_choice=_given(members.get("tool_choice")),
        response_format=_given(members.get("response_format")),
        parallel_tool_calls=flags["parallel_tool_calls"],
        choices=counts["n"],
        logprobs=flags["logprobs"],
        top_logprobs=counts["top_logprobs"],
        rest=_rest(members, read),
        wire=WIRE,
        credentials=credentials,
    )


def _rest(members: Raw, read: set[str]) -> dict[str, bytes]:
    """What none of the neutral fields says."""
    rest = {
        key: raw
        for key, raw in leftover(members, (*_READ, *read)).items()
        if not key.startswith(EXTENSION)
    }
    options = raw_object(leftover(members_of(members.get("stream_options")), ("include_usage",)))
    return rest if options is None else {**rest, "stream_options": options}


def decode_params(members: Raw) -> Params:
    """The parameters among a body's top-level members; of the two limits the smaller one."""
    limits = [raw_integer(members.get(key)) for key in ("max_tokens", "max_completion_tokens")]
    return Params(
        temperature=raw_number(members.get("temperature")),
        top_p=raw_number(members.get("top_p")),
        max_tokens=min((limit for limit in limits if limit is not None), default=None),
        seed=raw_integer(members.get("seed")),
        presence_penalty=raw_number(members.get("presence_penalty")),
        frequency_penalty=raw_number(members.get("frequency_penalty")),
        stop_sequences=_strings(members.get("stop")),
        json_mode=json_mode_of(members.get("response_format")),
        reasoning_effort=raw_text(members.get("reasoning_effort")),
        service_tier=raw_text(members.get("service_tier")),
        verbosity=raw_text(members.get("verbosity")),
    )


def _given(raw: bytes | None) -> bytes | None:
    return None if raw == NULL else raw


def _strings(raw: bytes | None) -> tuple[str, ...] | None:
    value = None if raw is None else value_of(raw)
    if isinstance(value, str):
        return (whole_text(value),)
    items: Sequence[object] = value if isinstance(value, list) else ()
    return tuple(whole_text(item) for item in items if isinstance(item, str)) or None


def json_mode_of(response_format: bytes | None) -> str | None:
    """The JSON mode that a response format asks for."""
    value = None if response_format is None else value_of(response_format)
    kind = value.get("type") if isinstance(value, dict) else None
    return _JSON_MODES.get(kind) if isinstance(kind, str) else None
