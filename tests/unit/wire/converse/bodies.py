"""A request and an answer that use most of what the protocol has, and frames of events."""

from __future__ import annotations

from typing import Any

import orjson

from tests.exchanges.eventstream import encode_event

PIXEL = "aGVsbG8="
TOOL = {
    "toolSpec": {
        "name": "weather",
        "description": "The weather of a town",
        "inputSchema": {"json": {"type": "object", "properties": {"town": {"type": "string"}}}},
        "strict": True,
    }
}
CACHE = {"cachePoint": {"type": "default"}}
HOUR = {"cachePoint": {"type": "default", "ttl": "1h"}}
CITATION = {
    "title": "Atlas",
    "sourceContent": [{"text": "Paris lies on the Seine."}],
    "location": {"documentChar": {"documentIndex": 0, "start": 0, "end": 24}},
}


def text(said: str) -> dict[str, Any]:
    return {"text": said}


def image(form: str = "png", **source: Any) -> dict[str, Any]:
    return {"image": {"format": form, "source": source or {"bytes": PIXEL}}}


def document(form: str | None = "pdf", **members: Any) -> dict[str, Any]:
    said = {"name": "report", "source": {"bytes": PIXEL}, **members}
    return {"document": said if form is None else {"format": form, **said}}


def tool_use(identifier: str = "t1", **members: Any) -> dict[str, Any]:
    use = {"toolUseId": identifier, "name": "weather", "input": {"town": "Lima"}}
    return {"toolUse": {**use, **members}}


def tool_result(*content: Any, **members: Any) -> dict[str, Any]:
    return {"toolResult": {"toolUseId": "t1", "content": list(content), **members}}


def reasoning(said: str, signature: str | None = None) -> dict[str, Any]:
    inner = {"text": said} if signature is None else {"text": said, "signature": signature}
    return {"reasoningContent": {"reasoningText": inner}}


HIDDEN = {"reasoningContent": {"redactedContent": "c2VjcmV0"}}


def turn(role: str, *content: Any, **members: Any) -> dict[str, Any]:
    return {"role": role, "content": list(content), **members}


def user(*content: Any) -> dict[str, Any]:
    return turn("user", *content)


def assistant(*content: Any) -> dict[str, Any]:
    return turn("assistant", *content)


def body(*messages: Any, **members: Any) -> dict[str, Any]:
    return {"messages": list(messages), **members}


def raw(value: Any) -> bytes:
    return orjson.dumps(value)


FULL = body(
    user(text("Look"), image(), CACHE, document(), HOUR),
    assistant(reasoning("Hm", "sig"), HIDDEN, text("I ask."), tool_use()),
    user(tool_result(text("sunny"), status="success"), text("and?")),
    system=[text("Be short."), CACHE],
    inferenceConfig={"maxTokens": 9, "temperature": 0.5, "topP": 0.9, "stopSequences": ["X"]},
    toolConfig={
        "tools": [TOOL, CACHE, {"systemTool": {"name": "code"}}],
        "toolChoice": {"any": {}},
    },
    guardrailConfig={"guardrailIdentifier": "g", "guardrailVersion": "1"},
    additionalModelRequestFields={
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "top_k": 3,
    },
    additionalModelResponseFieldPaths=["/stop_sequence"],
    requestMetadata={"team": "a"},
    performanceConfig={"latency": "optimized"},
    serviceTier={"type": "priority"},
    promptVariables={"a": {"text": "b"}},
    outputConfig={
        "textFormat": {
            "type": "json_schema",
            "structure": {"jsonSchema": {"name": "n", "schema": '{"type":"object"}'}},
        },
        "effort": "low",
    },
)


def answer(*content: Any, **members: Any) -> bytes:
    return raw(
        {
            "output": {"message": {"role": "assistant", "content": list(content)}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 5, "outputTokens": 7, "totalTokens": 12},
            "metrics": {"latencyMs": 3},
            **members,
        }
    )


def start(index: int, **block: Any) -> bytes:
    return encode_event("contentBlockStart", {"contentBlockIndex": index, "start": block})


def delta(index: int, **said: Any) -> bytes:
    return encode_event(
        "contentBlockDelta", {"contentBlockIndex": index, "delta": said, "p": "abcd"}
    )


def stop(index: int) -> bytes:
    return encode_event("contentBlockStop", {"contentBlockIndex": index})


def ended(reason: str = "end_turn", **members: Any) -> bytes:
    return encode_event("messageStop", {"stopReason": reason, **members})


def counted(**members: Any) -> bytes:
    usage = {"inputTokens": 5, "outputTokens": 7, "totalTokens": 12}
    return encode_event("metadata", {"usage": usage, "metrics": {"latencyMs": 1}, **members})


BEGIN = encode_event("messageStart", {"role": "assistant"})
