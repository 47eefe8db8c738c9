"""Requests: a neutral request as a body of this protocol.

Form and order of members are those that TensorZero sends: the system text and every content as a
list of blocks. Otherwise than there, `tool_choice` may be `none`, which lets the tools stay that
earlier turns speak of, and blocks keep their cache markers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from proxy.errors import InvalidRequest, UpstreamUnsupported
from proxy.types.content import Block, Text
from proxy.types.request import Input, ModelRequest
from proxy.wire.addressee import ANYBODY, Addressee
from proxy.wire.encoded import EncodedBody
from proxy.wire.messages.blocks import BlockEncoder, Encoded
from proxy.wire.messages.content import members_of
from proxy.wire.messages.encode_format import encode_format
from proxy.wire.messages.encode_tools import encode_tools
from proxy.wire.messages.options import (
    check_supported,
    encode_rest,
    encode_service_tier,
    encode_thinking,
    lacking_params,
)
from proxy.wire.messages.request import WIRE


@dataclass(frozen=True, slots=True)
class Dialect:
    """In what the servers that speak this protocol differ. Requests that were in the protocol are
    passed on whatever the server takes."""

    names_model: bool = True
    """Whether the body names the model."""
    version: tuple[str, str] | None = None
    """Member and value of a body that is to say in which version it speaks."""
    enforces_schemas: bool = True
    """Whether answers and arguments can be made to fit a schema."""
    has_service_tiers: bool = True


def encode_request(
    request: ModelRequest,
    dialect: Dialect,
    *,
    default_max_tokens: int | None = None,
    addressee: Addressee = ANYBODY,
) -> EncodedBody:
    """The body. `default_max_tokens` is for a request that sets no limit: the protocol wants one.

    Raises:
        InvalidRequest: nothing is said, a block stands where it cannot, is a template not yet
            rendered, or a tool call's arguments are no object.
        UpstreamUnsupported: the protocol has no form for what is asked.
    """
    check_supported(request)
    own = request.wire == WIRE
    params = request.params
    blocks = BlockEncoder(addressee, own=own)
    enforces, has_tiers = dialect.enforces_schemas or own, dialect.has_service_tiers or own
    wanted = encode_format(request, enforces_schemas=enforces)
    tools = encode_tools(request, enforces_schemas=enforces, own=own)
    rest, ignored = encode_rest(request)
    tier = encode_service_tier(params.service_tier) if has_tiers else None
    thinking = encode_thinking(params.reasoning_effort, params.thinking_budget_tokens)
    members: dict[str, object] = {
        "model": request.model_name if dialect.names_model else None,
        "messages": _messages(request.input, blocks, own=own),
        "max_tokens": params.max_tokens if own else _max_tokens(request, default_max_tokens),
        "stream": request.stream,
        "output_config": _output_config(rest, thinking.effort, wanted.output_format),
        "system": _system(request.input, blocks, wanted.instruction),
        "temperature": params.temperature,
        "thinking": thinking.thinking,
        "top_p": params.top_p,
        "service_tier": tier,
        "stop_sequences": params.stop_sequences,
        "tool_choice": tools.choice,
        "tools": tools.tools,
    }
    ignored += lacking_params(request, has_service_tiers=has_tiers)
    ignored += ["json_mode"] * wanted.ignored + ["detail"] * blocks.detail_ignored
    given = {key: value for key, value in members.items() if value is not None}
    version = {} if dialect.version is None else dict([dialect.version])
    body = {**version, **_fragments(rest), **given, **version}
    return EncodedBody(orjson.dumps(body), tuple(ignored))


def _messages(said: Input, blocks: BlockEncoder, *, own: bool) -> list[Encoded]:
    encoded = [blocks.encode_message(message) for message in said.messages]
    messages = [message for message in encoded if message is not None]
    if not messages and not own:
        raise InvalidRequest("this provider needs at least one message that says something")
    return messages


def _system(said: Input, blocks: BlockEncoder, instruction: str) -> list[Encoded] | None:
    text = said.system.decode() if isinstance(said.system, bytes) else said.system
    parts: tuple[Block, ...] = said.system_parts or ((Text(text),) if text else ())
    if instruction:
        parts = (*parts, Text(instruction))
    return blocks.encode_all(parts) or None


def _max_tokens(request: ModelRequest, default: int | None) -> int:
    limit = default if request.params.max_tokens is None else request.params.max_tokens
    if limit is None:
        raise UpstreamUnsupported(
            f"`max_tokens`: this provider must be told a limit, and that of "
            f"`{request.model_name}` is not known; set it in the variant or in the request"
        )
    return limit


def _output_config(rest: Mapping[str, bytes], effort: str | None, output_format: object) -> object:
    """What the request says of it in the protocol's own words, and what is added to that."""
    config = _fragments(members_of(rest.get("output_config")))
    if output_format is not None:
        config["format"] = output_format
    if effort is not None:
        config["effort"] = effort
    return config or None


def _fragments(members: Mapping[str, bytes]) -> dict[str, object]:
    return {key: orjson.Fragment(raw) for key, raw in members.items()}
