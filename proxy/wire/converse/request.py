"""Requests: a body in this protocol as a neutral request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import orjson

from proxy.errors import InvalidRequest
from proxy.types.content import Block, Text, ToolCall, ToolResult
from proxy.types.request import Input, Message, ModelRequest, Params
from proxy.wire.converse import WIRE
from proxy.wire.converse.blocks import decode_blocks
from proxy.wire.converse.raws import as_list, as_object, to_object
from proxy.wire.converse.tools import decode_tool_config
from proxy.wire.members import list_items, object_members
from proxy.wire.values import raw_integer, raw_number, raw_text

Members = dict[str, bytes]


def decode_request(body: bytes, *, model_name: str, stream: bool) -> ModelRequest:
    """A neutral request; what the model is called and whether it streams stands in the path.

    Members that have no neutral field are its `rest`; of those that have one for a part of what
    they say, the other part.

    Raises:
        InvalidRequest: no JSON object, or `messages` is no list of objects.
    """
    members = object_members(body)
    messages = _decode_messages(members.pop("messages", b"[]"))
    system = decode_blocks(as_list(members.pop("system", None)))
    params = _decode_params(members)
    response_format = _take_format(members)
    tools = decode_tool_config(members.pop("toolConfig", None))
    if tools.rest:
        members["toolConfig"] = to_object(tools.rest)
    return ModelRequest(
        model_name=model_name,
        input=_input(messages, system),
        stream=stream,
        params=replace(params, json_mode="strict") if response_format else params,
        tools=tools.tools,
        tool_choice=tools.choice,
        response_format=response_format,
        provider_tools=tools.provider_tools,
        rest=members,
        wire=WIRE,
    )


def _input(messages: tuple[Message, ...], system: tuple[Block, ...]) -> Input:
    texts = [block.text for block in system if isinstance(block, Text)]
    plain = all(block == Text(text) for block, text in zip(system, texts, strict=False))
    parts = () if len(texts) == len(system) == 1 and plain else system
    return Input(messages, "\n".join(texts) if texts else None, parts)


def _decode_messages(raw: bytes) -> tuple[Message, ...]:
    names: dict[str, str] = {}  # of the tool, by the id of its call
    messages = []
    for position, item in enumerate(list_items(raw)):
        try:
            members = object_members(item)
        except InvalidRequest as error:
            raise InvalidRequest(f"messages[{position}] must be an object") from error
        role = raw_text(members.pop("role", None)) or ""
        blocks = decode_blocks(as_list(members.pop("content", None)))
        names.update({block.id: block.name for block in blocks if isinstance(block, ToolCall)})
        extra = to_object(members) if members else None
        messages.append(Message(role, tuple(_named(blocks, names)), extra))
    return tuple(messages)


def _named(blocks: Iterable[Block], names: dict[str, str]) -> Iterable[Block]:
    for block in blocks:
        if isinstance(block, ToolResult):
            yield replace(block, name=names.get(block.id, ""))
        else:
            yield block


def _decode_params(members: Members) -> Params:
    """The parameters, which are taken out of the members."""
    config = as_object(members.pop("inferenceConfig", None))
    stops = as_list(config.get("stopSequences"))
    params = Params(
        temperature=raw_number(config.get("temperature")),
        top_p=raw_number(config.get("topP")),
        max_tokens=raw_integer(config.get("maxTokens")),
        stop_sequences=tuple(raw_text(item) or "" for item in stops) or None,
        service_tier=_take_tier(members),
        thinking_budget_tokens=_take_budget(members),
    )
    taken = {
        "temperature": params.temperature,
        "topP": params.top_p,
        "maxTokens": params.max_tokens,
        "stopSequences": params.stop_sequences,
    }
    _put_back(
        members,
        "inferenceConfig",
        {name: raw for name, raw in config.items() if taken.get(name) is None},
    )
    return params


def _put_back(members: Members, name: str, rest: Members) -> None:
    members.pop(name, None)
    if rest:
        members[name] = to_object(rest)


def _take_tier(members: Members) -> str | None:
    tier = as_object(members.get("serviceTier"))
    kind = raw_text(tier.pop("type", None))
    if kind is None or tier:
        return None
    del members["serviceTier"]
    return kind


def _take_budget(members: Members) -> int | None:
    """The tokens that thinking may take, where that is all that is said of it."""
    fields = as_object(members.get("additionalModelRequestFields"))
    thinking = as_object(fields.get("thinking"))
    budget = raw_integer(thinking.get("budget_tokens"))
    if budget is None or raw_text(thinking.get("type")) != "enabled" or len(thinking) != 2:
        return None
    del fields["thinking"]
    _put_back(members, "additionalModelRequestFields", fields)
    return budget


def _take_format(members: Members) -> bytes | None:
    """The schema of the answer in OpenAI's form; it comes as a text that holds JSON."""
    config = as_object(members.get("outputConfig"))
    text_format = as_object(config.get("textFormat"))
    structure = as_object(text_format.get("structure"))
    named = as_object(structure.get("jsonSchema"))
    schema = _json_in(raw_text(named.get("schema")))
    known = named.keys() <= {"schema", "name", "description"}
    if schema is None or not known or len(structure) != 1 or text_format.keys() - _FORMAT:
        return None
    del config["textFormat"]
    _put_back(members, "outputConfig", config)
    return to_object(
        {"type": b'"json_schema"', "json_schema": to_object({**named, "schema": schema})}
    )


_FORMAT = frozenset({"type", "structure"})


def _json_in(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return text.encode()
