"""The bytes that cross the wire: what applications ask, what the provider answers."""

from __future__ import annotations

import json
from dataclasses import dataclass

PATH = "/v1/chat/completions"
CREATED = 1_750_000_000
MARK = b"Script "
"""Stands before a script's name in a request, so that the provider knows what to play."""

_WORDS = (
    "the quick brown fox jumps over the lazy dog while seven wizards brew a strong potion "
    "under a pale moon and nobody in the village asks what any of it is good for "
)
_PIECE = " potion"

# What OpenAI's Python client sends with each call, beside the framing.
REQUEST_HEADERS = (
    "Accept: application/json\r\n"
    "Content-Type: application/json\r\n"
    "User-Agent: OpenAI/Python 2.8.1\r\n"
    "X-Stainless-Lang: python\r\n"
    "X-Stainless-Package-Version: 2.8.1\r\n"
    "X-Stainless-OS: Linux\r\n"
    "X-Stainless-Arch: x64\r\n"
    "X-Stainless-Runtime: CPython\r\n"
    "X-Stainless-Runtime-Version: 3.11.7\r\n"
    "X-Stainless-Async: async:asyncio\r\n"
    "X-Stainless-Retry-Count: 0\r\n"
    "Authorization: Bearer sk-not-a-key\r\n"
)

# What OpenAI sends with each answer, beside the framing; a few of its twenty.
ANSWER_HEADERS = (
    "Date: Sun, 15 Jun 2025 15:06:40 GMT\r\n"
    "openai-organization: bench\r\n"
    "openai-processing-ms: 12\r\n"
    "openai-version: 2020-10-01\r\n"
    "x-ratelimit-limit-requests: 10000\r\n"
    "x-ratelimit-remaining-requests: 9999\r\n"
    "x-request-id: req_0123456789abcdef0123456789abcdef\r\n"
)


@dataclass(frozen=True, slots=True)
class Script:
    """What is asked and what the provider answers; both sides know it by its name."""

    name: str
    asked: int = 850
    """Characters in the question."""
    answered: int = 650
    """Characters in a whole answer."""
    chunks: int = 0
    """Of a stream; 0 is a whole answer."""
    pause_ms: float = 0.0
    """Between two chunks. Without a pause there is one at each turn of the provider's loop."""
    holds_after: int = 0
    """Chunks after which a stream stands still until the provider is told to go on; 0 is never."""
    fails: bool = False
    """Whether the provider refuses every other call."""

    @property
    def stream(self) -> bool:
        return self.chunks > 0

    @property
    def answer_text(self) -> str:
        """What the model says in the end."""
        return _PIECE * (self.chunks - 2) if self.stream else text(self.answered)

    def request_body(self, model: str) -> bytes:
        return compact(
            {
                "model": model,
                "messages": [
                    {"role": "system", "content": f"{MARK.decode()}{self.name}."},
                    {"role": "user", "content": text(self.asked)},
                ],
                "temperature": 0.7,
                "stream": self.stream,
            }
        )

    def request(self, model: str, *, path: str, host: str) -> bytes:
        """A whole HTTP request."""
        body = self.request_body(model)
        head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\n{REQUEST_HEADERS}"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def answer_body(self) -> bytes:
        """The provider's body, unframed."""
        return b"".join(self.events()) if self.stream else completion(self.answered)

    def events(self) -> tuple[bytes, ...]:
        """The body of a stream in blocks; the last of them holds `[DONE]` as well."""
        blocks = [b"data: %b\n\n" % compact(_chunk(at, self.chunks)) for at in range(self.chunks)]
        blocks[-1] += b"data: [DONE]\n\n"
        return tuple(blocks)


SCRIPTS = {
    script.name: script
    for script in (
        Script("small"),
        Script("large", asked=49_500, answered=49_500),
        Script("paced", chunks=50, pause_ms=10),
        Script("unpaced", chunks=50),
        Script("held", chunks=50, pause_ms=10, holds_after=10),
        Script("failing", fails=True),
    )
}


def text(size: int) -> str:
    """Plain words, exactly `size` characters."""
    return (_WORDS * (size // len(_WORDS) + 1))[:size]


def compact(value: object) -> bytes:
    """JSON with no spaces."""
    return json.dumps(value, separators=(",", ":")).encode()


def request(model: str, *, stream: bool, host: str) -> bytes:
    """A whole HTTP request of about 1 KB."""
    script = SCRIPTS["paced" if stream else "small"]
    return script.request(model, path=PATH, host=host)


def completion(size: int = 650) -> bytes:
    """The body of a chat completion with so many characters of text."""
    return compact(
        {
            "id": "chatcmpl-bench",
            "object": "chat.completion",
            "created": CREATED,
            "model": "bench-2025-06-15",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text(size), "refusal": None},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": {"prompt_tokens": 170, "completion_tokens": 130, "total_tokens": 300},
            "system_fingerprint": "fp_bench",
        }
    )


def _chunk(index: int, count: int) -> dict[str, object]:
    last = index == count - 1
    delta = {} if last else {"content": _PIECE} if index else {"role": "assistant"}
    return {
        "id": "chatcmpl-bench",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": "bench-2025-06-15",
        "system_fingerprint": "fp_bench",
        "choices": [
            {
                "index": 0,
                "delta": delta,
                "logprobs": None,
                "finish_reason": "stop" if last else None,
            }
        ],
    }
