"""Requests: a neutral request as a chat completion body for a provider.

Order of members and form of messages are those that TensorZero sends: results of tools as messages
of their own before what the user says, a lone text as a string rather than as a list of parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson

from proxy.errors import InvalidRequest, UpstreamUnsupported
from proxy.types.content import (
    Base64File,
    Block,
    Json,
    RawText,
    StoredFile,
    Template,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Unknown,
    UrlFile,
)
from proxy.types.request import Input, Message, ModelRequest, Params
from proxy.wire.chat_completions.encode_files import encode_base64_file, encode_url_file
from proxy.wire.members import list_items

JSON_INSTRUCTION = "Respond using JSON."
"""In JSON mode OpenAI refuses messages that never speak of JSON."""

SCHEMA_MODES = (None, "strict")
_JSON_OBJECT: Json = {"type": "json_object"}


@dataclass(frozen=True, slots=True)
class Addressee:
    """Who gets the request, by the configuration's names; blocks for others are left out."""

    model_name: str | None = None
    provider_name: str | None = None
    provider_type: str | None = None

    def gets(self, block: Unknown | Thought) -> bool:
        """Whether the block is for everybody, or for this one."""
        if isinstance(block, Thought):
            return block.provider_type in (None, self.provider_type)
        return block.model_name in (None, self.model_name) and (
            block.provider_name in (None, self.provider_name)
        )

    def part_of(self, said: Input) -> Input:
        """The input without blocks for others."""
        if all(self._gets_all(message) for message in said.messages):
            return said
        messages = (
            Message(message.role, tuple(block for block in message.content if self._takes(block)))
            for message in said.messages
        )
        return Input(tuple(messages), said.system)

    def _gets_all(self, message: Message) -> bool:
        return all(map(self._takes, message.content))

    def _takes(self, block: Block) -> bool:
        return not isinstance(block, Unknown | Thought) or self.gets(block)


ANYBODY = Addressee()


def encode_request(
    request: ModelRequest,
    *,
    include_usage: bool,
    renames: Mapping[str, str],
    body_defaults: Mapping[str, bytes],
    reasoning_key: str | None = None,
    allow_lists: bool = True,
    addressee: Addressee = ANYBODY,
) -> bytes:
    """The body. Tools and response format keep their bytes.

    `include_usage` asks a stream for its usage; `renames` has the provider's own names of members,
    `body_defaults` raw members for what the request leaves out; `reasoning_key` is the member of a
    message in which the provider takes thoughts back: without it they are dropped. To a provider
    without `allow_lists` only those tools are offered that may be called.

    Raises:
        InvalidRequest: a block stands where it cannot, or is a template not yet rendered.
        UpstreamUnsupported: the protocol has no form for a file.
    """
    members = {
        "messages": encode_messages(
            request.input,
            json_instruction=request.params.json_mode == "on",
            reasoning_key=reasoning_key,
            addressee=addressee,
        ),
        "model": request.model_name,
        **_sampling(request.params),
        "stream": request.stream,
        "stream_options": {"include_usage": True} if request.stream and include_usage else None,
        "response_format": _response_format(request),
        **_tools(request, allow_lists),
        **_manners(request.params),
    }
    body = {renames.get(key, key): item for key, item in members.items() if item is not None}
    for key, raw in body_defaults.items():
        body.setdefault(key, orjson.Fragment(raw))
    return orjson.dumps(body)


def encode_messages(
    value: Input,
    *,
    json_instruction: bool = False,
    reasoning_key: str | None = None,
    addressee: Addressee = ANYBODY,
) -> list[Json]:
    """The messages, the system text as the first; raises as `encode_request`.

    With `json_instruction`, a system text asks for JSON where no message mentions it.
    """
    system = value.system.decode() if isinstance(value.system, bytes) else value.system
    if json_instruction and not mentions_json(system or "", value.messages):
        system = JSON_INSTRUCTION if system is None else f"{JSON_INSTRUCTION}\n\n{system}"
    messages: list[Json] = [] if system is None else [{"role": "system", "content": system}]
    for message in value.messages:
        turn = _Turn(message.role, addressee)
        for block in message.content:
            turn.add(block)
        messages += turn.messages(reasoning_key)
    return messages


class _Turn:
    """Sorts the blocks of one neutral message into what the protocol keeps apart."""

    def __init__(self, role: str, addressee: Addressee) -> None:
        self._role = role
        self._addressee = addressee
        self._results: list[Json] = []
        self._parts: list[object] = []
        self._calls: list[Json] = []
        self._thoughts: list[str] = []

    def add(self, block: Block) -> None:
        match block:
            case Text(text) | RawText(text):
                self._parts.append({"type": "text", "text": text})
            case ToolCall():
                self._check(self._role != "user", "Tool calls", "user")
                self._calls.append(_call(block))
            case ToolResult():
                self._check(self._role != "assistant", "Tool results", "assistant")
                self._results.append(_result(block))
            case UrlFile():
                self._parts.append(encode_url_file(block))
            case Base64File():
                self._parts.append(encode_base64_file(block))
            case StoredFile():
                raise UpstreamUnsupported("files in an object storage are not fetched from there")
            case Thought(text) if text and self._role != "user" and self._addressee.gets(block):
                self._thoughts.append(text)
            case Unknown() if self._addressee.gets(block):
                self._parts.append(orjson.Fragment(block.data))
            case Template():
                raise InvalidRequest(f"there is no template `{block.name}` to render")

    def messages(self, reasoning_key: str | None) -> list[Json]:
        """The results, then the rest as one message, if anything is left to say."""
        if not (self._parts or self._calls):
            return self._results
        message: dict[str, object] = {"role": self._role}
        if self._parts:
            message["content"] = _content(self._parts)
        if self._calls:
            message["tool_calls"] = self._calls
        if reasoning_key is not None and self._thoughts:
            message[reasoning_key] = "\n\n".join(self._thoughts)
        return [*self._results, message]

    def _check(self, allowed: bool, what: str, where: str) -> None:
        if not allowed:
            raise InvalidRequest(f"{what} are not supported in {where} messages")


def _content(parts: list[object]) -> object:
    """A lone text stands as it is, for servers that know no parts."""
    match parts:
        case [{"type": "text", "text": text}]:
            return text
    return parts


def _call(call: ToolCall) -> Json:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _result(result: ToolResult) -> Json:
    return {"role": "tool", "content": result.result, "tool_call_id": result.id}


def _sampling(params: Params) -> Json:
    return {
        "temperature": params.temperature,
        "max_completion_tokens": params.max_tokens,
        "seed": params.seed,
        "top_p": params.top_p,
        "presence_penalty": params.presence_penalty,
        "frequency_penalty": params.frequency_penalty,
    }


def _manners(params: Params) -> Json:
    return {
        "stop": params.stop_sequences,
        "reasoning_effort": params.reasoning_effort,
        "service_tier": params.service_tier,
        "verbosity": params.verbosity,
    }


def _response_format(request: ModelRequest) -> object:
    """What the JSON mode asks for; without one, the request's own."""
    mode, given = request.params.json_mode, request.response_format
    if given is not None and mode in SCHEMA_MODES:
        return orjson.Fragment(given)
    return _JSON_OBJECT if mode in ("on", "strict") else None


def _tools(request: ModelRequest, allow_lists: bool) -> Json:
    """Choice and parallel calls are refused by providers where no tool is offered."""
    tools, choice = request.tools, request.tool_choice
    if tools and choice and not allow_lists:
        tools, choice = _only_allowed(tools, choice)
    if tools is None or not tools.strip(b"[] \t\r\n"):
        return {}
    return {
        "tools": orjson.Fragment(tools),
        "tool_choice": None if choice is None else orjson.Fragment(choice),
        "parallel_tool_calls": request.parallel_tool_calls,
    }


def _only_allowed(tools: bytes, choice: bytes) -> tuple[bytes, bytes]:
    """A choice of some tools as a list of those tools, and a choice that any provider knows."""
    chosen = orjson.loads(choice)
    if not isinstance(chosen, dict) or chosen.get("type") != "allowed_tools":
        return tools, choice
    names = {_tool_name(tool) for tool in chosen["allowed_tools"]["tools"]}
    kept = [raw for raw in list_items(tools) if _tool_name(orjson.loads(raw)) in names]
    return b"[" + b",".join(kept) + b"]", orjson.dumps(chosen["allowed_tools"]["mode"])


def _tool_name(tool: Mapping[str, Mapping[str, object]]) -> object:
    kind = "custom" if "custom" in tool else "function"
    return tool[kind]["name"]


def mentions_json(system: str, messages: Iterable[Message]) -> bool:
    """Whether a conversation speaks of JSON, without which OpenAI refuses JSON mode."""
    blocks = (block for message in messages for block in message.content)
    return "json" in system.lower() or any("json" in _said(block).lower() for block in blocks)


def _said(block: Block) -> str:
    match block:
        case Text(text) | RawText(text):
            return text
        case ToolResult():
            return block.result
    return ""
