"""Requests: a client's body as a neutral request.

What the neutral form says in a member of its own (`tools`, `text.format`, `reasoning.effort`, ...)
is taken out; all the rest of the body stays as `rest`.
"""

from __future__ import annotations

from collections.abc import Mapping

from proxy.types.request import NO_CREDENTIALS, ModelRequest, Params
from proxy.wire.members import object_members, value_of
from proxy.wire.responses.forms import dump_raw, nested, read_tools
from proxy.wire.responses.input import decode_input
from proxy.wire.responses.parts import Raw
from proxy.wire.values import object_of, raw_flag, raw_integer, raw_number, raw_text, text_of

__all__ = ["decode_input", "decode_params", "decode_request"]

WIRE = "responses"
LOGPROBS = "message.output_text.logprobs"
"""The entry of `include` that asks for log probabilities."""

_JSON_MODES = {"text": "off", "json_object": "on", "json_schema": "strict"}
_TAKEN = frozenset(
    {
        "model",
        "stream",
        "input",
        "instructions",
        "temperature",
        "top_p",
        "max_output_tokens",
        "service_tier",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "top_logprobs",
        "seed",
        "presence_penalty",
        "frequency_penalty",
    }
)
"""Members that the neutral request holds whole."""
_TAKEN_INNER: Mapping[str, tuple[str, ...]] = {
    "text": ("format", "verbosity"),
    "reasoning": ("effort",),
}
"""Those of which it holds some members."""


def decode_request(
    body: bytes,
    *,
    model_name: str,
    stream: bool,
    credentials: Mapping[str, str] = NO_CREDENTIALS,
) -> ModelRequest:
    """A neutral request to the provider's model `model_name`.

    Raises:
        InvalidRequest: no JSON object, or `input` is neither a text nor a list of objects.
    """
    members = object_members(body)
    tools, hosted = read_tools(members.get("tools", b"null"))
    answer_format = raw_object(members.get("text")).get("format")
    choice = members.get("tool_choice")
    return ModelRequest(
        model_name=model_name,
        input=decode_input(members),
        stream=stream,
        params=decode_params(members),
        tools=tools,
        tool_choice=None if choice in (None, b"null") else nested(choice),
        response_format=None if answer_format in (None, b"null") else nested(answer_format),
        parallel_tool_calls=raw_flag(members.get("parallel_tool_calls")),
        provider_tools=hosted,
        logprobs=_wants_logprobs(members.get("include")),
        top_logprobs=_integer(members.get("top_logprobs")),
        rest=_rest(members),
        wire=WIRE,
        credentials=credentials,
    )


def decode_params(members: Raw) -> Params:
    """The parameters among a body's top-level members."""
    text = _object(members.get("text"))
    mode = text_of(object_of(text.get("format")).get("type"))
    return Params(
        temperature=raw_number(members.get("temperature")),
        top_p=raw_number(members.get("top_p")),
        max_tokens=_integer(members.get("max_output_tokens")),
        seed=_integer(members.get("seed")),
        presence_penalty=raw_number(members.get("presence_penalty")),
        frequency_penalty=raw_number(members.get("frequency_penalty")),
        json_mode=_JSON_MODES.get(mode),
        reasoning_effort=text_of(_object(members.get("reasoning")).get("effort")) or None,
        service_tier=raw_text(members.get("service_tier")),
        verbosity=text_of(text.get("verbosity")) or None,
    )


def raw_object(raw: bytes | None) -> dict[str, bytes]:
    """The raw members of an object; none where it is none."""
    return {} if raw is None or not raw.startswith(b"{") else object_members(raw)


def _integer(raw: bytes | None) -> int | None:
    """A whole number of 64 bits; others cannot be written."""
    value = raw_integer(raw)
    return value if value is not None and abs(value) < 2**63 else None


def _rest(members: Raw) -> dict[str, bytes]:
    rest = {key: raw for key, raw in members.items() if key not in _TAKEN and raw != b"null"}
    for key, taken in _TAKEN_INNER.items():
        inner = raw_object(rest.get(key))
        kept = {name: raw for name, raw in inner.items() if name not in taken or raw == b"null"}
        if kept:
            rest[key] = dump_raw(kept)
        elif inner:
            del rest[key]
    return rest


def _wants_logprobs(include: bytes | None) -> bool | None:
    entries = None if include is None else value_of(include)
    return True if isinstance(entries, list) and LOGPROBS in entries else None


def _object(raw: bytes | None) -> Mapping[str, object]:
    return object_of(None if raw is None else value_of(raw))
