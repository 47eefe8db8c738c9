"""A provider that answers every path of OpenAI's API as OpenAI would, with canned content."""

from __future__ import annotations

import json
from typing import Any

from tests.fake_upstream import Seen, Wire, answer, completion, events, stream

AUDIO = bytes(range(256)) * 64
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1700000000,
    "status": "completed",
    "model": "served-model",
    "output": [
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "hello", "annotations": []}],
        }
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "error": None,
    "usage": {
        "input_tokens": 4,
        "output_tokens": 2,
        "total_tokens": 6,
        "input_tokens_details": {"cached_tokens": 1},
        "output_tokens_details": {"reasoning_tokens": 0},
    },
}
FILE = {
    "id": "file-1",
    "object": "file",
    "bytes": 3,
    "created_at": 1,
    "filename": "a.jsonl",
    "purpose": "batch",
    "status": "processed",
}
BATCH = {
    "id": "batch_1",
    "object": "batch",
    "endpoint": "/v1/chat/completions",
    "input_file_id": "file-1",
    "completion_window": "24h",
    "status": "validating",
    "created_at": 1,
}
ANSWERS: dict[tuple[str, str], Any] = {
    ("POST", "/v1/completions"): {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "text": "hello", "finish_reason": "stop", "logprobs": None}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
    },
    ("POST", "/v1/responses"): RESPONSE,
    ("GET", "/v1/responses/resp_1"): RESPONSE,
    ("POST", "/v1/embeddings"): {
        "object": "list",
        "model": "m",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -1.0]}],
        "usage": {"prompt_tokens": 5, "total_tokens": 5},
    },
    ("POST", "/v1/moderations"): {
        "id": "modr-1",
        "model": "m",
        "results": [{"flagged": False, "categories": {}, "category_scores": {}}],
    },
    ("POST", "/v1/images/generations"): {"created": 1, "data": [{"b64_json": "aGk="}]},
    ("POST", "/v1/images/edits"): {"created": 1, "data": [{"b64_json": "aGk="}]},
    ("POST", "/v1/images/variations"): {"created": 1, "data": [{"b64_json": "aGk="}]},
    ("POST", "/v1/audio/speech"): AUDIO,
    ("POST", "/v1/audio/transcriptions"): {"text": "hello"},
    ("POST", "/v1/audio/translations"): {"text": "hello"},
    ("POST", "/v1/files"): FILE,
    ("GET", "/v1/files"): {"object": "list", "data": [FILE], "has_more": False},
    ("GET", "/v1/files/file-1"): FILE,
    ("GET", "/v1/files/file-1/content"): AUDIO,
    ("DELETE", "/v1/files/file-1"): {"id": "file-1", "object": "file", "deleted": True},
    ("POST", "/v1/batches"): BATCH,
    ("GET", "/v1/batches/batch_1"): BATCH,
    ("POST", "/v1/batches/batch_1/cancel"): BATCH | {"status": "cancelling"},
    ("POST", "/v1/some/future/path"): {"ok": True},
}


def response_events() -> list[tuple[str, bytes]]:
    """A streamed response: the name of each event, and its bytes."""
    started = RESPONSE | {"status": "in_progress", "output": []}
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": started}),
        ("response.output_text.delta", {"delta": "hello"} | place),
        ("response.completed", {"response": RESPONSE}),
    ]
    made = []
    for number, (kind, fields) in enumerate(kinds):
        data = json.dumps({"type": kind, "sequence_number": number} | fields)
        made.append((kind, f"event: {kind}\ndata: {data}\n\n".encode()))
    return made


async def like_openai(seen: Seen, wire: Wire) -> None:
    """Answers each path, streamed where the body asks for it."""
    if seen.path.startswith(("/v1/chat/completions", "/v1/responses")) and seen.body:
        asked = json.loads(seen.body)
        chats = "/chat/" in seen.path
        if asked.get("stream") is True:
            blocks = [block for _, block in response_events()]
            if chats:
                usage = (asked.get("stream_options") or {}).get("include_usage") is True
                blocks = events(["hel", "lo"], usage=usage)
            await stream(blocks)(seen, wire)
            return
        if chats:
            await answer(completion())(seen, wire)
            return
    found = ANSWERS.get((seen.method, seen.path.partition("?")[0]))
    if found is None:
        await answer({"error": {"message": f"no {seen.method} {seen.path}"}}, 404)(seen, wire)
    elif isinstance(found, bytes):
        await answer(found, headers={"content-type": "audio/mpeg"})(seen, wire)
    else:
        await answer(found)(seen, wire)
