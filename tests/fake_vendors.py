"""Providers of other protocols than OpenAI's, at the network's far edge.

One server that speaks four of them, with one answer of each, all saying the same.
"""

from __future__ import annotations

import asyncio
import json
import struct
import zlib
from collections.abc import Sequence
from typing import Any

from tests.fake_upstream import Seen, Wire

SIGNATURE = "c2lnbmVk"


class Vendors:
    """One server that speaks four protocols; what it says next can be set."""

    def __init__(self) -> None:
        self.fails: tuple[int, dict[str, Any]] | None = None
        self.broken = False
        self.echoes = False
        """Whether it refuses, and repeats the request's headers."""
        self.before = b""
        """What it says in a stream before all else."""
        self.pause = 0.0
        """Seconds before it answers."""

    async def script(self, seen: Seen, wire: Wire) -> None:
        await asyncio.sleep(self.pause)
        if self.echoes:
            await self._json(wire, _refusal(f"not with these headers: {seen.headers}"), 403)
            return
        if self.fails is not None:
            status, error = self.fails
            await self._json(wire, error, status)
            return
        body = seen.json
        if seen.path.endswith("/messages"):
            await self._messages(body, wire)
        elif ":generateContent" in seen.path:
            await self._json(wire, GEMINI)
        elif ":streamGenerateContent" in seen.path:
            await self._events(wire, [(b"", each) for each in GEMINI_STREAM])
        elif seen.path.endswith("/converse"):
            await self._json(wire, CONVERSE, headers={"x-amzn-requestid": "amz_1"})
        elif seen.path.endswith("/converse-stream"):
            await self._frames(wire, CONVERSE_STREAM)
        elif seen.path.endswith("/responses"):
            await self._responses(body, wire)
        else:
            await self._json(wire, {"error": {"message": "no such path " + seen.path}}, 404)

    async def _messages(self, body: Any, wire: Wire) -> None:
        if body.get("stream"):
            await self._events(wire, [(each["type"].encode(), each) for each in CLAUDE_STREAM])
        else:
            await self._json(wire, CLAUDE, headers={"request-id": "req_1"})

    async def _responses(self, body: Any, wire: Wire) -> None:
        if body.get("stream"):
            await self._events(wire, [(each["type"].encode(), each) for each in O_STREAM])
        else:
            await self._json(wire, O_MODEL)

    async def _json(
        self, wire: Wire, value: Any, status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        body = json.dumps(value).encode()
        await wire.head(status, headers, length=len(body))
        await wire.raw(body)

    async def _events(self, wire: Wire, events: Sequence[tuple[bytes, Any]]) -> None:
        await wire.head(200, {"content-type": "text/event-stream"})
        await wire.chunk(self.before)
        if self.broken:
            events = events[:-2]
        for name, value in events:
            head = b"event: " + name + b"\n" if name else b""
            await wire.chunk(head + b"data: " + json.dumps(value).encode() + b"\n\n")
        await wire.end()

    async def _frames(self, wire: Wire, frames: Sequence[tuple[str, Any]]) -> None:
        await wire.head(200, {"content-type": "application/vnd.amazon.eventstream"})
        await wire.chunk(self.before)
        if self.broken:
            frames = frames[:-2]
        for name, value in frames:
            await wire.chunk(frame(name, value))
        await wire.end()


def _refusal(message: str) -> dict[str, Any]:
    """An error as all of them say it."""
    error = {"type": "permission_error", "code": 403, "message": message}
    return {"type": "error", "error": error, "message": message}


def frame(event: str, value: Any) -> bytes:
    """One message of AWS's event stream."""
    named = {":event-type": event, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        bytes([len(key)]) + key.encode() + b"\x07" + struct.pack(">H", len(text)) + text.encode()
        for key, text in named.items()
    )
    payload = json.dumps(value).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    prelude += struct.pack(">I", zlib.crc32(prelude))
    body = prelude + headers + payload
    return body + struct.pack(">I", zlib.crc32(body))


CLAUDE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": SIGNATURE},
        {"type": "text", "text": "Let me look."},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Rome"}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 7, "output_tokens": 11},
}
CLAUDE_STREAM: list[dict[str, Any]] = [
    {
        "type": "message_start",
        "message": {
            **CLAUDE,
            "content": [],
            "stop_reason": None,
            "usage": {"input_tokens": 7, "output_tokens": 1},
        },
    },
    {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "thinking", "thinking": "", "signature": ""},
    },
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "thinking_delta", "thinking": "hm"},
    },
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "signature_delta", "signature": SIGNATURE},
    },
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {
        "type": "content_block_delta",
        "index": 1,
        "delta": {"type": "text_delta", "text": "Let me "},
    },
    {"type": "ping"},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "look."}},
    {"type": "content_block_stop", "index": 1},
    {
        "type": "content_block_start",
        "index": 2,
        "content_block": {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}},
    },
    {
        "type": "content_block_delta",
        "index": 2,
        "delta": {"type": "input_json_delta", "partial_json": '{"city": '},
    },
    {
        "type": "content_block_delta",
        "index": 2,
        "delta": {"type": "input_json_delta", "partial_json": '"Rome"}'},
    },
    {"type": "content_block_stop", "index": 2},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use", "stop_sequence": None},
        "usage": {"output_tokens": 11},
    },
    {"type": "message_stop"},
]

_CALL = {"functionCall": {"name": "weather", "args": {"city": "Rome"}}}
_SIGNED_CALL = {**_CALL, "thoughtSignature": SIGNATURE}
_COUNTS = {"promptTokenCount": 7, "candidatesTokenCount": 11, "totalTokenCount": 18}


def _gemini(parts: list[Any], reason: str | None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if reason:
        candidate["finishReason"] = reason
    return {"candidates": [candidate], "usageMetadata": _COUNTS, "responseId": "g1"}


GEMINI = _gemini([{"text": "hm", "thought": True}, {"text": "Let me look."}, _SIGNED_CALL], "STOP")
GEMINI_STREAM = [
    _gemini([{"text": "hm", "thought": True}], None),
    _gemini([{"text": "Let me "}], None),
    _gemini([{"text": "look."}], None),
    _gemini([_SIGNED_CALL], "STOP"),
]

_THINKING = {"reasoningText": {"text": "hm", "signature": SIGNATURE}}
CONVERSE = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"reasoningContent": _THINKING},
                {"text": "Let me look."},
                {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Rome"}}},
            ],
        }
    },
    "stopReason": "tool_use",
    "usage": {"inputTokens": 7, "outputTokens": 11, "totalTokens": 18},
    "metrics": {"latencyMs": 5},
}
CONVERSE_STREAM: list[tuple[str, Any]] = [
    ("messageStart", {"role": "assistant"}),
    (
        "contentBlockDelta",
        {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "hm"}}},
    ),
    (
        "contentBlockDelta",
        {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": SIGNATURE}}},
    ),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "Let me "}}),
    ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "look."}}),
    ("contentBlockStop", {"contentBlockIndex": 1}),
    (
        "contentBlockStart",
        {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "t1", "name": "weather"}}},
    ),
    (
        "contentBlockDelta",
        {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '{"city": "Rome"}'}}},
    ),
    ("contentBlockStop", {"contentBlockIndex": 2}),
    ("messageStop", {"stopReason": "tool_use"}),
    (
        "metadata",
        {
            "usage": {"inputTokens": 7, "outputTokens": 11, "totalTokens": 18},
            "metrics": {"latencyMs": 5},
        },
    ),
]

_REASONING = {
    "id": "rs_1",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "hm"}],
    "encrypted_content": SIGNATURE,
}
_MESSAGE = {
    "id": "m_1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Let me look.", "annotations": []}],
}
_FUNCTION_CALL = {
    "id": "fc_1",
    "type": "function_call",
    "call_id": "call_1",
    "name": "weather",
    "arguments": '{"city": "Rome"}',
    "status": "completed",
}
O_MODEL: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1700000000,
    "status": "completed",
    "model": "o-x",
    "output": [_REASONING, _MESSAGE, _FUNCTION_CALL],
    "usage": {"input_tokens": 7, "output_tokens": 11, "total_tokens": 18},
}
O_STREAM: list[dict[str, Any]] = [
    {"type": "response.created", "response": {**O_MODEL, "output": [], "status": "in_progress"}},
    {
        "type": "response.output_item.added",
        "output_index": 0,
        "item": {**_REASONING, "summary": [], "encrypted_content": None},
    },
    {
        "type": "response.reasoning_summary_text.delta",
        "item_id": "rs_1",
        "output_index": 0,
        "summary_index": 0,
        "delta": "hm",
    },
    {"type": "response.output_item.done", "output_index": 0, "item": _REASONING},
    {
        "type": "response.output_item.added",
        "output_index": 1,
        "item": {**_MESSAGE, "content": [], "status": "in_progress"},
    },
    {
        "type": "response.output_text.delta",
        "item_id": "m_1",
        "output_index": 1,
        "content_index": 0,
        "delta": "Let me ",
    },
    {
        "type": "response.output_text.delta",
        "item_id": "m_1",
        "output_index": 1,
        "content_index": 0,
        "delta": "look.",
    },
    {"type": "response.output_item.done", "output_index": 1, "item": _MESSAGE},
    {
        "type": "response.output_item.added",
        "output_index": 2,
        "item": {**_FUNCTION_CALL, "arguments": ""},
    },
    {
        "type": "response.function_call_arguments.delta",
        "item_id": "fc_1",
        "output_index": 2,
        "delta": '{"city": "Rome"}',
    },
    {"type": "response.output_item.done", "output_index": 2, "item": _FUNCTION_CALL},
    {"type": "response.completed", "response": O_MODEL},
]
