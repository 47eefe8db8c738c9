"""Requests: a generateContent body as a neutral request."""

from __future__ import annotations

from collections.abc import Mapping

from proxy.errors import InvalidRequest, UpstreamGarbage
from proxy.types.content import Block, Text
from proxy.types.request import NO_CREDENTIALS, Input, Message, ModelRequest
from proxy.wire.gemini.config import decode_config
from proxy.wire.gemini.declarations import decode_choice, decode_tools
from proxy.wire.gemini.names import WIRE, raw_members, renamed_object
from proxy.wire.gemini.parts import CallIds, MessageReader
from proxy.wire.lenient import lenient_dumps, lenient_loads, whole_text
from proxy.wire.members import object_members
from proxy.wire.values import raw_text, text_of

METHODS: Mapping[str, bool] = {"generateContent": False, "streamGenerateContent": True}
"""Whether the answer to a method is a stream."""

_ROLES = {"user": "user", "model": "assistant", "function": "user"}
_SAID = ("contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "serviceTier")


def read_path(path: str) -> tuple[str, bool]:
    """(model, whether a stream is asked for) of a path such as `/v1/models/M:generateContent`.

    Raises:
        InvalidRequest: it is no path of this protocol.
    """
    place, _, method = path.partition("?")[0].rpartition(":")
    model = place.rpartition("/")[2]
    if method not in METHODS or not model:
        raise InvalidRequest(f"`{path.partition('?')[0]}` names no model and method")
    return model, METHODS[method]


def decode_request(
    body: bytes,
    *,
    model_name: str,
    stream: bool,
    credentials: Mapping[str, str] = NO_CREDENTIALS,
) -> ModelRequest:
    """A neutral request to the provider's model `model_name`.

    Raises:
        InvalidRequest: no JSON object, nested too deeply, or `contents` has something else than
            objects.
    """
    try:
        return _decode(body, model_name, stream, credentials)
    except (UpstreamGarbage, RecursionError):
        raise InvalidRequest("The request body is nested too deeply") from None


def _decode(
    body: bytes, model_name: str, stream: bool, credentials: Mapping[str, str]
) -> ModelRequest:
    object_members(body)
    members = raw_members(body.strip())
    config = decode_config(members.get("generationConfig"), members.get("serviceTier"))
    tools, provider_tools = decode_tools(members.get("tools"))
    choice, tool_config = decode_choice(members.get("toolConfig"))
    rest = {name: raw for name, raw in members.items() if name not in _SAID}
    left = {"generationConfig": config.rest, "toolConfig": tool_config}
    rest |= {name: raw for name, raw in left.items() if raw is not None}
    said = decode_input(members)
    if said.system is None and "systemInstruction" in members:
        rest["systemInstruction"] = members["systemInstruction"]
    if config.params.service_tier is None and "serviceTier" in members:
        rest["serviceTier"] = members["serviceTier"]
    return ModelRequest(
        model_name=model_name,
        input=said,
        stream=stream,
        params=config.params,
        tools=tools,
        tool_choice=choice,
        response_format=config.response_format,
        provider_tools=provider_tools,
        choices=config.choices,
        logprobs=config.logprobs,
        top_logprobs=config.top_logprobs,
        rest=rest,
        wire=WIRE,
        credentials=credentials,
    )


def decode_input(members: Mapping[str, bytes]) -> Input:
    """Messages and system text of a body's members. Raises as `decode_request`."""
    reader = MessageReader(CallIds("request"))
    contents = lenient_loads(members.get("contents", b"[]"))
    messages = tuple(_message(reader, each, place) for place, each in enumerate(_listed(contents)))
    parts = decode_system(members.get("systemInstruction"))
    if not parts:
        return Input(messages)
    text = "\n".join(each.text for each in parts if isinstance(each, Text))
    simple = len(parts) == 1 and parts[0] == Text(text)
    return Input(messages, text, () if simple else parts)


def _message(reader: MessageReader, content: object, place: int) -> Message:
    if isinstance(content, str):
        return Message("user", (Text(whole_text(content)),))
    if not isinstance(content, dict):
        raise InvalidRequest(f"contents[{place}] must be an object", param="contents")
    members = renamed_object(content)
    role = text_of(members.get("role"))
    blocks = [block for part in _listed(members.get("parts")) for block in reader.read(part)]
    left = {name: item for name, item in members.items() if name not in ("role", "parts")}
    if role not in ("user", "model"):
        left["role"] = members.get("role")
    if not blocks and "parts" in members:
        left["parts"] = members["parts"]
    extra = lenient_dumps(left) if left else None
    return Message(_ROLES.get(role, role or "user"), tuple(blocks), extra)


def decode_system(raw: bytes | None) -> tuple[Block, ...]:
    """The blocks of a raw `systemInstruction`; one that has none stays in the rest."""
    plain = raw_text(raw)
    if raw is None or plain is not None:
        return () if plain is None else (Text(plain),)
    reader = MessageReader(CallIds("system"))
    parts = _listed(renamed_object(lenient_loads(raw)).get("parts"))
    return tuple(block for part in parts for block in reader.read(part))


def _listed(value: object) -> list[object]:
    """A list's items; a lone value counts as a list of one, as the protocol reads it."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
