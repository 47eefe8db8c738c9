"""Requests: a neutral request as a body in this protocol."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from proxy.types.content import Text
from proxy.types.request import Input, ModelRequest
from proxy.wire.addressee import ANYBODY, Addressee
from proxy.wire.converse import WIRE
from proxy.wire.converse.encode_blocks import BlockEncoder
from proxy.wire.converse.fields import (
    check_request,
    foreign_rest,
    ignored_params,
    inference_config,
    model_fields,
    own_rest,
    service_tier,
    text_format,
)
from proxy.wire.converse.raws import as_object, to_list, to_object
from proxy.wire.converse.tools import encode_tool_config
from proxy.wire.encoded import EncodedBody
from proxy.wire.messages.encode_format import encode_format

TOP_K = ("top_k",)
_REBUILT = frozenset(
    {
        "additionalModelRequestFields",
        "inferenceConfig",
        "outputConfig",
        "serviceTier",
        "toolConfig",
    }
)


def encode_request(
    request: ModelRequest,
    *,
    structured: bool = True,
    top_k_path: tuple[str, ...] = TOP_K,
    addressee: Addressee = ANYBODY,
) -> EncodedBody:
    """The body. Numbers and the members of schemas keep their spelling.

    `structured` says whether the model can be held to a schema: where not, and where JSON is wanted
    without one, it is asked for it in words. `top_k_path` is where among its own fields the model
    looks for `top_k`.

    Raises:
        InvalidRequest: a block stands where it cannot, or is a template not yet rendered.
        UpstreamUnsupported: the protocol has no form for what is asked; the text names it.
    """
    check_request(request)
    own = request.wire == WIRE
    rest = own_rest(request)
    blocks = BlockEncoder(addressee, own=own)
    messages = _encode_messages(request.input, blocks, own=own)
    wanted = encode_format(request, enforces_schemas=structured or own)
    output = as_object(rest.get("outputConfig"))
    if wanted.output_format is not None:
        output["textFormat"] = text_format(request.response_format)
    members: dict[str, bytes | None] = {
        "messages": to_list(messages) if messages or not own else None,
        "system": _filled_list(_encode_system(request.input, blocks, wanted.instruction)),
        "inferenceConfig": _filled(inference_config(request)),
        "toolConfig": encode_tool_config(request, as_object(rest.get("toolConfig"))),
        "additionalModelRequestFields": _filled(model_fields(request, top_k_path)),
        "serviceTier": _filled(service_tier(request)) or rest.get("serviceTier"),
        "outputConfig": _filled(output),
        "requestMetadata": foreign_rest(request).get("metadata"),
    }
    members |= {name: raw for name, raw in rest.items() if name not in _REBUILT}
    body = to_object({name: raw for name, raw in members.items() if raw is not None})
    ignored = [*ignored_params(request)]
    ignored += ["json_mode"] * wanted.ignored + ["detail"] * blocks.detail_ignored
    return EncodedBody(body, tuple(ignored))


def _filled(members: Mapping[str, bytes]) -> bytes | None:
    return to_object(members) if members else None


def _filled_list(items: list[bytes]) -> bytes | None:
    return to_list(items) if items else None


def _encode_system(said: Input, blocks: BlockEncoder, instruction: str) -> list[bytes]:
    asked = [Text(instruction)] if instruction else []
    if said.system_parts:
        return blocks.encode([*said.system_parts, *asked])
    system = said.system.decode() if isinstance(said.system, bytes) else said.system
    return blocks.encode(asked if system is None else [Text(system), *asked])


def _encode_messages(said: Input, blocks: BlockEncoder, *, own: bool) -> list[bytes]:
    """The turns that say anything. The protocol wants the speakers to alternate, so turns of one
    speaker that follow each other are one, unless they came like that."""
    turns: list[tuple[str, list[bytes], bytes | None]] = []
    for message in said.messages:
        content = blocks.encode(message.content)
        if not content and (message.content or not own):
            continue
        if turns and turns[-1][0] == message.role and not own:
            turns[-1][1].extend(content)
        else:
            turns.append((message.role, content, message.extra if own else None))
    return [_turn(*turn) for turn in turns]


def _turn(role: str, content: list[bytes], extra: bytes | None) -> bytes:
    return to_object({"role": orjson.dumps(role), "content": to_list(content), **as_object(extra)})
