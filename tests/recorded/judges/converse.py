"""The judge of the converse protocol: botocore's service model and its parsers."""

from __future__ import annotations

import base64
import importlib.util
import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

from proxy.providers.bedrock import BedrockProvider
from proxy.types.content import Block, Text, Thought, ToolCall, Unknown
from proxy.types.request import ModelRequest
from proxy.types.response import Answer
from proxy.types.secrets import AwsAccess, Secret
from proxy.wire.converse.request import decode_request
from tests.recorded.judges.base import (
    MISSING,
    Allowance,
    Row,
    alike_as_json,
    last_name,
    request_body,
    request_json,
    request_path,
    response_body,
    unlike,
)

REGION = "us-east-1"


NEEDLESS = (
    "/additionalModelRequestFields",
    "/inferenceConfig",
    "/messages",
    "/outputConfig",
    "/system",
    "/toolConfig",
)
"""Members of a request that are as good as absent when they are empty."""


def _is_nothing(pointer: str, recorded: object, sent: object) -> bool:
    empty = recorded in ({}, [], None) and sent is MISSING
    return empty and pointer in NEEDLESS


def _same_schema(pointer: str, recorded: object, sent: object) -> bool:
    return pointer.endswith("/jsonSchema/schema") and alike_as_json(recorded, sent)


def _not_strict(pointer: str, recorded: object, sent: object) -> bool:
    return pointer.endswith("/toolSpec/strict") and recorded is False and sent is MISSING


def _cited_nothing(pointer: str, recorded: object, sent: object) -> bool:
    cited = pointer.endswith(("/citationsContent/citations", "/citationsContent/content"))
    return cited and recorded is MISSING and sent == []


def _client_tool(pointer: str, recorded: object, sent: object) -> bool:
    """An ordinary call says its type or does not."""
    return last_name(pointer) == "type" and recorded == "tool_use" and sent is MISSING


ALLOWED = (
    Allowance("An empty list or object at the top of the body is not sent.", _is_nothing),
    Allowance("A schema written as a text may be spaced otherwise.", _same_schema),
    Allowance("`strict: false` of a tool, which is the default, is not sent.", _not_strict),
    Allowance("`type: tool_use`, which a tool call is anyhow, is not sent.", _client_tool),
    Allowance("A text that cites nothing may say so.", _cited_nothing),
)


class ConverseJudge:
    """See `Judge`."""

    wire = "converse"
    apis = ("converse",)

    def serves(self, row: Row) -> str | None:
        """None, or the reason why this row is an exception."""
        if row["response"]["status"] < 400 and not row["stream"] and _refused(response_body(row)):
            return "the answer is one that botocore refuses to read: a block with no member"
        return None

    def provider(self, row: Row, base_url: str) -> BedrockProvider:
        return BedrockProvider(_model(row), REGION, base_url)

    def secret(self, row: Row) -> Secret:
        return AwsAccess(REGION, access_key_id="AKIDEXAMPLE", secret_access_key="made-up")

    def read_request(self, row: Row) -> ModelRequest:
        return decode_request(request_body(row), model_name=_model(row), stream=_streams(row))

    def request_differences(self, row: Row, sent: bytes, sent_path: str) -> list[str]:
        lines = unlike(request_json(row), json.loads(sent), ALLOWED)
        if unquote(sent_path) != unquote(request_path(row)):
            lines.append(f"path: recorded {request_path(row)}, sent {sent_path}")
        return lines

    def reference(self, row: Row, body: bytes) -> dict[str, object] | None:
        if importlib.util.find_spec("botocore") is None:
            return None
        if not row["stream"]:
            return _whole(_parse("Converse", body))
        return _streamed(_parse("ConverseStream", body)["stream"])

    def reading(self, answer: Answer) -> dict[str, object]:
        usage = answer.usage
        cached = (usage.cache_read or 0) + (usage.cache_write or 0)
        fresh = None if usage.input_tokens is None else usage.input_tokens - cached
        return {
            "blocks": [_reading(block) for block in answer.blocks],
            "finish_reason": answer.finish_reason,
            "input": fresh,
            "output": usage.output_tokens,
            "cache_read": usage.cache_read,
            "cache_write": usage.cache_write,
            "tier": answer.service_tier,
        }


def _model(row: Row) -> str:
    named = urlsplit(request_path(row)).path.removeprefix("/model/").rpartition("/")[0]
    return unquote(named) or "m"


def _streams(row: Row) -> bool:
    return urlsplit(request_path(row)).path.endswith("-stream")


def _refused(body: bytes) -> bool:
    try:
        content = json.loads(body)["output"]["message"]["content"]
        return any({} in block.values() for block in content)
    except (ValueError, LookupError, TypeError, AttributeError):
        return False


# Our reading.


def _reading(block: Block) -> dict[str, object]:
    match block:
        case Text(text, extra):
            cited = _citations(json.loads(extra)["citations"]) if extra else []
            return {"text": text, "citations": cited}
        case ToolCall(identifier, name, arguments):
            return {"id": identifier, "name": name, "input": json.loads(arguments)}
        case Thought(None, signature):
            return {"hidden": signature}
        case Thought(text, signature):
            return {"thought": text, "signature": signature or ""}
        case Unknown(data):
            return {"other": _known(json.loads(data))}
    return {"unexpected": type(block).__name__}


def _known(value: Mapping[str, Any]) -> object:
    """What the SDK's model has of a block of another kind."""
    [(kind, inner)] = value.items()
    return {kind: inner}


# The SDK's reading.


@cache
def _service() -> Any:
    import botocore.session

    return botocore.session.get_session().get_service_model("bedrock-runtime")


class _Raw:
    """The stream of an HTTP answer, as the SDK takes it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterable[bytes]:
        yield self._body

    def close(self) -> None:
        pass


def _parse(operation: str, body: bytes) -> dict[str, Any]:
    from botocore.parsers import create_parser

    model = _service().operation_model(operation)
    streams = operation.endswith("Stream")
    answer = {"headers": {}, "status_code": 200, "body": _Raw(body) if streams else body}
    if streams:
        answer["context"] = {"operation_name": operation}
    parsed: dict[str, Any] = create_parser("rest-json").parse(answer, model.output_shape)
    return parsed


NO_TEXT = {"text": "", "citations": []}
_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop_sequence",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_call",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
}


def _whole(parsed: Mapping[str, Any]) -> dict[str, object]:
    content = parsed["output"]["message"]["content"]
    return _answer([_reference(block) for block in content], parsed, parsed)


def _answer(
    blocks: list[dict[str, object]], ended: Mapping[str, Any], counted: Mapping[str, Any]
) -> dict[str, object]:
    if len(blocks) > 1:
        blocks = [block for block in blocks if block != NO_TEXT]
    usage = counted.get("usage", {})
    return {
        "blocks": blocks,
        "finish_reason": _REASONS.get(ended["stopReason"], "unknown"),
        "input": usage.get("inputTokens"),
        "output": usage.get("outputTokens"),
        "cache_read": usage.get("cacheReadInputTokens"),
        "cache_write": usage.get("cacheWriteInputTokens"),
        "tier": counted.get("serviceTier", {}).get("type", ""),
    }


def _reference(block: Mapping[str, Any]) -> dict[str, object]:
    [(kind, value)] = block.items()
    if kind == "text":
        return {"text": value, "citations": []}
    if kind == "citationsContent":
        text = "".join(part["text"] for part in value.get("content", []))
        return {"text": text, "citations": _citations(value.get("citations", []))}
    if kind == "toolUse" and value.get("type") != "server_tool_use":
        return {"id": value["toolUseId"], "name": value["name"], "input": value["input"]}
    if kind == "reasoningContent" and "reasoningText" in value:
        said = value["reasoningText"]
        return {"thought": said["text"], "signature": said.get("signature", "")}
    if kind == "reasoningContent" and "redactedContent" in value:
        return {"hidden": base64.b64encode(value["redactedContent"]).decode()}
    return {"other": {kind: _plain(value)}}


def _plain(value: Any) -> Any:
    """The value with its bytes as JSON has them."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _citations(citations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [dict(citation) for citation in citations]


def _streamed(events: Iterable[Mapping[str, Any]]) -> dict[str, object]:
    """The events of a stream put together as the blocks of a whole answer are."""
    blocks: dict[int, dict[str, Any]] = {}
    ended: Mapping[str, Any] = {}
    counted: Mapping[str, Any] = {}
    for event in events:
        [(kind, value)] = event.items()
        if kind == "contentBlockStart":
            blocks[value["contentBlockIndex"]] = {"start": value["start"], "deltas": []}
        elif kind == "contentBlockDelta":
            block = blocks.setdefault(value["contentBlockIndex"], {"start": {}, "deltas": []})
            block["deltas"].append(value["delta"])
        elif kind == "messageStop":
            ended = value
        elif kind == "metadata":
            counted = value
    made = [_reference(_assembled(**block)) for block in blocks.values()]
    return _answer([block for block in made if block != NO_TEXT], ended, counted)


def _assembled(start: Mapping[str, Any], deltas: list[Mapping[str, Any]]) -> dict[str, Any]:
    if "toolUse" in start:
        text = "".join(delta["toolUse"]["input"] for delta in deltas)
        return {"toolUse": {**start["toolUse"], "input": json.loads(text or "{}")}}
    if "toolResult" in start:
        content = [item for delta in deltas for item in delta["toolResult"]]
        return {"toolResult": {**start["toolResult"], "content": content}}
    if "image" in start:
        pieces = [delta["image"]["source"]["bytes"] for delta in deltas]
        return {"image": {**start["image"], "source": {"bytes": b"".join(pieces)}}}
    reasoning = [delta["reasoningContent"] for delta in deltas if "reasoningContent" in delta]
    if reasoning:
        return {"reasoningContent": _reasoned(reasoning)}
    text = "".join(delta.get("text", "") for delta in deltas)
    citations = [delta["citation"] for delta in deltas if "citation" in delta]
    return {"citationsContent": {"content": [{"text": text}], "citations": citations}}


def _reasoned(parts: list[Mapping[str, Any]]) -> dict[str, Any]:
    if any("redactedContent" in part for part in parts):
        return {"redactedContent": b"".join(part["redactedContent"] for part in parts)}
    text = "".join(part.get("text", "") for part in parts)
    signature = "".join(part.get("signature", "") for part in parts)
    return {"reasoningText": {"text": text, "signature": signature}}
