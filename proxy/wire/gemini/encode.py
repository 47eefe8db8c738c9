"""Requests: a neutral request as a generateContent body.

What a request of this protocol says is sent as it came. In one of another protocol, the first call
of a message that has no signature of thoughts gets one that the protocol does not check
(ai.google.dev/gemini-api/docs/thought-signatures), for newer models refuse calls without.
"""

from __future__ import annotations

from collections.abc import Iterable

from proxy.errors import InvalidRequest
from proxy.types.content import Block, ToolCall
from proxy.types.request import Input, ModelRequest
from proxy.wire.addressee import ANYBODY, Addressee
from proxy.wire.dumps import dumps
from proxy.wire.encoded import EncodedBody
from proxy.wire.gemini.encode_config import encode_config, encode_tier
from proxy.wire.gemini.encode_parts import PartWriter
from proxy.wire.gemini.encode_tools import encode_choice, encode_tools
from proxy.wire.gemini.foreign import Foreign, read_foreign
from proxy.wire.gemini.merging import merged
from proxy.wire.gemini.names import WIRE
from proxy.wire.lenient import lenient_loads, lenient_object

_ROLES = {"user": "user", "assistant": "model"}


def encode_request(request: ModelRequest, addressee: Addressee = ANYBODY) -> EncodedBody:
    """The body of a request.

    Raises:
        InvalidRequest: there is no message, arguments of a call are no JSON object, or a template
            is not rendered yet.
        UpstreamUnsupported: the protocol has no form for something; the text names it.
    """
    own = request.wire == WIRE
    foreign = Foreign() if own else read_foreign(request.rest)
    tools = encode_tools(request, foreign.tools)
    tier, unknown_tier = encode_tier(request, own=own)
    members: dict[str, object] = {
        "contents": _contents(request.input, addressee, own=own),
        "tools": tools,
        "toolConfig": encode_choice(request, own=own),
        "generationConfig": encode_config(request),
        "systemInstruction": _system(request.input, addressee, own=own),
        "serviceTier": tier,
    }
    body: dict[str, object] = {name: item for name, item in members.items() if item}
    for more in (foreign.body, _own_rest(request) if own else {}):
        body = merged(body, more)
    return EncodedBody(_written(body), (*_ignored(request), *unknown_tier, *foreign.ignored))


def _written(body: dict[str, object]) -> bytes:
    try:
        return dumps(body)
    except RecursionError:
        raise InvalidRequest("the request is nested too deeply") from None


def _own_rest(request: ModelRequest) -> dict[str, object]:
    return {name: lenient_loads(raw) for name, raw in request.rest.items()}


def _ignored(request: ModelRequest) -> Iterable[str]:
    if request.params.verbosity is not None:
        yield "verbosity"
    if request.parallel_tool_calls is False:
        yield "parallel_tool_calls"


def _contents(said: Input, addressee: Addressee, *, own: bool) -> list[object]:
    if not said.messages and not own:
        raise InvalidRequest("at least one message is needed", param="messages")
    calls = {
        block.id: block.name
        for message in said.messages
        for block in message.content
        if isinstance(block, ToolCall)
    }
    contents: list[object] = []
    for message in said.messages:
        parts = PartWriter(addressee, calls, own=own).write(message.content)
        extra = lenient_object(message.extra) if own and message.extra else {}
        if parts or own:
            content = {"role": _ROLES.get(message.role, message.role), **extra}
            if parts:
                content["parts"] = parts
            contents.append({name: item for name, item in content.items() if item is not None})
    return contents


def _system(said: Input, addressee: Addressee, *, own: bool) -> dict[str, object] | None:
    blocks: tuple[Block, ...] = said.system_parts
    if not blocks:
        text = said.system.decode() if isinstance(said.system, bytes) else said.system
        return None if text is None else {"parts": [{"text": text}]}
    return {"parts": PartWriter(addressee, {}, own=own).write(blocks)}
