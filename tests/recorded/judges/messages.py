"""The judge of `messages`: the `anthropic` package reads the same bytes, of a stream by its own
accumulation of events.

An answer is compared as it would be sent back, block by block. Members that are null or empty say
nothing, nor does a text without any.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from proxy.providers.anthropic import AnthropicProvider, VertexAnthropicProvider
from proxy.providers.base import HttpProvider
from proxy.types.content import Block, Text, Thought, ToolCall, Unknown
from proxy.types.request import ModelRequest
from proxy.types.response import Answer
from proxy.types.secrets import Secret
from proxy.wire.lenient import lenient_loads, lenient_object
from proxy.wire.messages.request import decode_request
from tests.recorded.judges.base import (
    MISSING,
    Allowance,
    Row,
    last_name,
    request_body,
    request_json,
    request_path,
    response_body,
    unlike,
)

USUAL_PATH = "/v1/messages"
KEY = "sk-ant-made-up"


def _lone_text(pointer: str, recorded: object, sent: object) -> bool:
    named = last_name(pointer) in ("content", "system")
    return named and isinstance(recorded, str) and sent == [{"type": "text", "text": recorded}]


def _null(pointer: str, recorded: object, sent: object) -> bool:
    return recorded is None and sent is MISSING and "input" not in pointer.split("/")


def _not_streamed(pointer: str, recorded: object, sent: object) -> bool:
    return pointer == "/stream" and recorded in (MISSING, None) and sent is False


def _nothing_in_it(pointer: str, recorded: object, sent: object) -> bool:
    return pointer in ("/system", "/tools") and recorded in ("", []) and sent is MISSING


def _no_result(pointer: str, recorded: object, sent: object) -> bool:
    parents = pointer.split("/")
    inside = parents[1:2] == ["messages"] and len(parents) == 6 and parents[5] == "content"
    return inside and recorded in ("", []) and sent is MISSING


def _no_failure(pointer: str, recorded: object, sent: object) -> bool:
    return last_name(pointer) == "is_error" and recorded is False and sent is MISSING


def _custom(pointer: str, recorded: object, sent: object) -> bool:
    parents = pointer.split("/")
    tools = parents[1:2] == ["tools"] and parents[3:] == ["type"]
    return tools and recorded == "custom" and sent is MISSING


def _is_own(tool: object) -> bool:
    return isinstance(tool, Mapping) and tool.get("type") in (None, "custom")


def _own_tools_first(pointer: str, recorded: object, sent: object) -> bool:
    if pointer != "/tools" or not isinstance(recorded, list) or not isinstance(sent, list):
        return False
    ordered = [tool for tool in recorded if _is_own(tool)]
    ordered += [tool for tool in recorded if not _is_own(tool)]
    said = {"tools": ordered}, {"tools": sent}
    return ordered != recorded and not unlike(*said, (NULL, CUSTOM_TOOL))


def _older_name(pointer: str, recorded: object, sent: object) -> bool:
    if pointer or not isinstance(recorded, Mapping) or "output_format" not in recorded:
        return False
    config = {**(recorded.get("output_config") or {}), "format": recorded["output_format"]}
    renamed = {key: value for key, value in recorded.items() if key != "output_format"}
    return not unlike({**renamed, "output_config": config}, sent, ALLOWED)


NULL = Allowance("A member that is null may be left out.", _null)
CUSTOM_TOOL = Allowance("A client's own tool need not say that it is one (`custom`).", _custom)
ALLOWED: tuple[Allowance, ...] = (
    Allowance("A lone text may stand in a list of blocks.", _lone_text),
    Allowance("What is not to be streamed may say so.", _not_streamed),
    Allowance("A system text or a list of tools that is empty may be left out.", _nothing_in_it),
    Allowance("So may the content of a tool's result.", _no_result),
    Allowance("A tool's result need not say that it is no failure.", _no_failure),
    Allowance("A client's own tools stand before those that the provider runs.", _own_tools_first),
    Allowance("`output_format` is `output_config.format` by its older name.", _older_name),
    NULL,
    CUSTOM_TOOL,
)
"""Queries are not sent either, such as `beta=true`, which the vendor's package sends."""


class MessagesJudge:
    """See `Judge`."""

    wire = "messages"
    apis: tuple[str, ...] = ("messages",)

    def serves(self, row: Row) -> str | None:
        if response_body(row).count(b"event: message_start") > 1:
            return "a fixture of two messages in one stream, whose blocks the package mixes"
        return None

    def provider(self, row: Row, base_url: str) -> HttpProvider:
        path = _path(row)
        if row["provider"] != "gcp_vertex_anthropic":
            return AnthropicProvider(self._model(row), base_url + path.removesuffix("messages"))
        names = path.strip("/").split("/")
        places = dict(zip(names[1::2], names[2::2], strict=False))
        model = unquote(places["models"]).rpartition(":")[0]
        return VertexAnthropicProvider(
            model, places["locations"], places["projects"], api_base=base_url
        )

    def secret(self, row: Row) -> Secret:
        return KEY

    def read_request(self, row: Row) -> ModelRequest:
        return decode_request(request_body(row))

    def request_differences(self, row: Row, sent: bytes, sent_path: str) -> list[str]:
        lines = unlike(request_json(row), lenient_loads(sent), ALLOWED)
        if unquote(sent_path) != unquote(_path(row)):
            lines.append(f"path: recorded {_path(row)}, sent {sent_path}")
        return lines

    def reference(self, row: Row, body: bytes) -> dict[str, object] | None:
        try:
            import anthropic
        except ImportError:
            return None
        return _reference(_read_by(anthropic, body, row["stream"]))

    def reading(self, answer: Answer) -> dict[str, object]:
        usage = answer.usage
        return {
            "id": answer.id,
            "finish_reason": answer.finish_reason,
            "stop_sequence": answer.stop_sequence,
            "service_tier": answer.service_tier,
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cache_read": usage.cache_read,
            "cache_write": usage.cache_write,
            "thinking_tokens": usage.reasoning,
            "content": list(_shown(map(_sent_back, answer.blocks))),
        }

    def _model(self, row: Row) -> str:
        try:
            return str(request_json(row).get("model") or "")
        except (ValueError, AttributeError):
            return ""


def _path(row: Row) -> str:
    """Without the query."""
    return (request_path(row) or USUAL_PATH).partition("?")[0]


# Our reading.


def _sent_back(block: Block) -> dict[str, Any]:
    extra = lenient_object(getattr(block, "extra", None) or b"{}")
    match block:
        case Text(text):
            return {"type": "text", "text": text, **extra}
        case ToolCall():
            said = _arguments(block.arguments)
            return {"type": "tool_use", "id": block.id, "name": block.name, "input": said, **extra}
        case Thought(None, data):
            return {"type": "redacted_thinking", "data": data}
        case Thought(text, signature):
            return {"type": "thinking", "thinking": text, "signature": signature}
        case Unknown(data):
            shown = lenient_object(data)
            said = shown.get("input")
            return {**shown, "input": _arguments(said)} if isinstance(said, str) else shown
    raise AssertionError(block)


def _arguments(text: str) -> object:
    """As the package reads them: those that were cut short, too."""
    from jiter import from_json

    return from_json(text.encode(), partial_mode=True)


def _shown(blocks: Iterator[dict[str, Any]]) -> Iterator[dict[str, object]]:
    for block in blocks:
        shown = {key: value for key, value in block.items() if value not in (None, "", [])}
        if shown != {"type": "text"}:
            yield shown


# The package's reading.

_REASONS: Mapping[str, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop_sequence",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_call",
    "refusal": "content_filter",
}


def _read_by(anthropic: Any, body: bytes, stream: bool) -> Any:
    """The message, by a client that gets these bytes."""
    http = anthropic._base_client.httpx2
    kind = "text/event-stream" if stream else "application/json"
    answer = http.Response(200, headers={"content-type": kind}, content=body)
    client = anthropic.Anthropic(
        api_key=KEY,
        http_client=http.Client(transport=http.MockTransport(lambda request: answer)),
        max_retries=0,
    )
    asked: Any = {
        "model": "m",
        "max_tokens": 1,
        "messages": [{"role": "user", "content": "x"}],
    }
    if not stream:
        return client.beta.messages.create(**asked)
    with client.beta.messages.stream(**asked) as events:
        return events.get_final_message()


def _written(usage: Any) -> int | None:
    """Tokens that went into the cache; of servers that tell them only by time to live, the sum."""
    parts = usage.cache_creation
    if usage.cache_creation_input_tokens is not None or parts is None:
        return usage.cache_creation_input_tokens  # type: ignore[no-any-return]
    return int(parts.ephemeral_5m_input_tokens + parts.ephemeral_1h_input_tokens)


def _reference(message: Any) -> dict[str, object]:
    usage = message.usage
    read, written = usage.cache_read_input_tokens, _written(usage)
    taken = [count for count in (usage.input_tokens, read, written) if count is not None]
    details = getattr(usage, "output_tokens_details", None)
    return {
        "id": message.id,
        "finish_reason": message.stop_reason and _REASONS.get(message.stop_reason, "unknown"),
        "stop_sequence": message.stop_sequence,
        "service_tier": usage.service_tier or "",
        "input_tokens": sum(taken) if taken else None,
        "output_tokens": usage.output_tokens,
        "cache_read": read,
        "cache_write": written,
        "thinking_tokens": getattr(details, "thinking_tokens", None),
        "content": list(_shown(block.to_dict() for block in message.content)),
    }
