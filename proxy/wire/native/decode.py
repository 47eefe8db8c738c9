"""What the record needs to know of a request, from the body that was kept of it."""

from __future__ import annotations

import orjson

from proxy.types.content import Json
from proxy.types.decoded import DecodedInput
from proxy.types.request import input_to_json, messages_to_json, params_to_json
from proxy.wire.chat_completions.decode import ChatCompletionsDecoder
from proxy.wire.members import list_items, object_members
from proxy.wire.native.request import decode_inference_request


class NativeDecoder(ChatCompletionsDecoder):
    """See `types.decoded.Decoder`. Only requests differ: answers are recorded as providers sent
    them."""

    def decode_input(self, endpoint: str, request_body: bytes) -> DecodedInput:
        return decode_input(request_body)


def decode_input(request_body: bytes) -> DecodedInput:
    """The meaning of an inference's body.

    Raises:
        InvalidRequest: it is none of this API.
    """
    request = decode_inference_request(request_body)
    system = request.input.system
    tools = request.additional_tools
    return DecodedInput(
        input=input_to_json(request.input),
        system=system.decode() if isinstance(system, bytes) else system,
        messages=messages_to_json(request.input.messages),
        params=params_to_json(request.params),
        dynamic_tools=b"" if tools is None else _stored_tools(tools),
        tool_choice=b"" if request.choice is None else request.choice.as_native(),
        parallel_tool_calls=request.parallel_tool_calls,
    )


def _stored_tools(raw: bytes) -> bytes:
    """The list with all members of each tool, in the order in which they are stored."""
    return orjson.dumps([_stored_tool(object_members(item)) for item in list_items(raw)])


def _stored_tool(tool: dict[str, bytes]) -> Json:
    if tool.get("type") == b'"openai_custom"':
        return {name: orjson.Fragment(value) for name, value in tool.items()}
    return {
        "type": "function",
        "name": orjson.Fragment(tool["name"]),
        "description": orjson.Fragment(tool["description"]),
        "parameters": orjson.Fragment(tool["parameters"]),
        "strict": tool.get("strict") == b"true",
    }
