"""Neutral requests: what is said to a model, and how it is to answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from operator import attrgetter
from types import MappingProxyType
from typing import Any

import msgspec
import orjson

from proxy.types.content import Block, Json
from proxy.types.immutable import immutable, replace


@immutable
class Message:
    """One turn. `role` is `user` or `assistant`; other words of a client are kept as they are."""

    role: str
    content: tuple[Block, ...]
    extra: bytes | None = None
    """Raw JSON object of a message's further members, for the protocol they came from."""

    def as_json(self) -> Json:
        return {"role": self.role, "content": [block.as_json() for block in self.content]}


class Texts(tuple[Message, ...]):
    """Messages of which each is one plain text and nothing else: by their type those who come after
    know that there is nothing to look for in them."""

    __slots__ = ()


@immutable
class Input:
    """What is said to the model. A `system` of bytes is raw JSON: arguments for a template."""

    messages: tuple[Message, ...]
    system: str | bytes | None = None
    system_parts: tuple[Block, ...] = ()
    """The system text in its parts, where these say more than their text, such as where to cache.
    `system` is then their texts, joined."""


@immutable
class Params:
    """Inference parameters; None is not given. Field names are those of the stored JSON."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    stop_sequences: tuple[str, ...] | None = None
    json_mode: str | None = None
    reasoning_effort: str | None = None
    service_tier: str | None = None
    verbosity: str | None = None
    thinking_budget_tokens: int | None = None

    @property
    def has_manners(self) -> bool:
        """Whether more is given than what every vendor has."""
        return _manners_of(self) != _NO_MANNERS


_manners_of = attrgetter(
    "stop_sequences", "reasoning_effort", "service_tier", "verbosity", "thinking_budget_tokens"
)
_NO_MANNERS = (None,) * 5

NO_PARAMS = Params()
NO_CREDENTIALS: Mapping[str, str] = MappingProxyType({})
NO_REST: Mapping[str, bytes] = MappingProxyType({})


@immutable
class Extras:
    """The `extra_body` and `extra_headers` that apply to a call, as rules and as their effect."""

    body_rules: bytes = b'{"extra_body":null,"inference_extra_body":[]}'
    """Raw JSON: the variant's list and the request's."""
    header_rules: bytes = b'{"variant_extra_headers":null,"inference_extra_headers":[]}'
    body: bytes = b"{}"
    """All body rules applied to an empty object."""
    headers: tuple[tuple[str, str], ...] = ()


NO_EXTRAS = Extras()


@immutable
class ModelRequest:
    """All that a provider needs for one call of a model."""

    model_name: str
    """The provider's own name of the model."""
    input: Input
    stream: bool = False
    params: Params = NO_PARAMS
    tools: bytes | None = None
    """This and the next two are raw JSON in OpenAI's form."""
    tool_choice: bytes | None = None
    response_format: bytes | None = None
    parallel_tool_calls: bool | None = None
    provider_tools: tuple[bytes, ...] = ()
    """Tools that the provider runs itself, each raw JSON in its own form."""
    choices: int | None = None
    """How many answers are asked for; None is one."""
    logprobs: bool | None = None
    """Whether log probabilities of the answer's tokens are asked for."""
    top_logprobs: int | None = None
    """Of how many tokens at each place."""
    rest: Mapping[str, bytes] = field(default_factory=lambda: NO_REST)
    """Raw members of a body in the protocol `wire` that none of these fields says."""
    wire: str = ""
    """The protocol from which this was decoded; empty when from none."""
    credentials: Mapping[str, str] = field(default_factory=lambda: NO_CREDENTIALS, repr=False)
    """Values that the caller sent for `dynamic::` locations, by name."""
    extras: Extras = NO_EXTRAS


def given_params(params: Params) -> dict[str, Any]:
    """What is given of the parameters, by the names of their fields, in the fields' order."""
    given: dict[str, Any] = msgspec.to_builtins(params)
    return given


def with_mode(params: Params, mode: str) -> Params:
    """The same with this JSON mode."""
    return replace(params, json_mode=mode)


def input_to_json(value: Input) -> bytes:
    """The stored form: `{"system"?, "messages": [{"role", "content": [blocks]}]}`."""
    messages = [message.as_json() for message in value.messages]
    if value.system is None:
        return orjson.dumps({"messages": messages})
    system: object = value.system
    if isinstance(value.system, bytes):
        system = orjson.Fragment(value.system)
    return orjson.dumps({"system": system, "messages": messages})


def messages_to_json(messages: tuple[Message, ...]) -> bytes:
    """The messages alone: `model_inference_data.input_messages`."""
    return orjson.dumps([message.as_json() for message in messages])


def params_to_json(params: Params) -> bytes:
    """The stored form: `{"chat_completion": {only what is given}}`."""
    return orjson.dumps({"chat_completion": given_params(params)})
