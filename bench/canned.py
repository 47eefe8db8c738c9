"""The bytes that cross the wire: what applications ask, what the provider answers."""

from __future__ import annotations

import json
from dataclasses import dataclass

PATH = "/v1/chat/completions"
CREATED = 1_750_000_000

_WORDS = (
    "the quick brown fox jumps over the lazy dog while seven wizards brew a strong potion "
    "under a pale moon and nobody in the village asks what any of it is good for "
)

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


def text(size: int) -> str:
    """Plain words, exactly `size` characters."""
    return (_WORDS * (size // len(_WORDS) + 1))[:size]


def compact(value: object) -> bytes:
    """JSON with no spaces."""
    return json.dumps(value, separators=(",", ":")).encode()


def request(model: str, *, stream: bool, host: str) -> bytes:
    """A whole HTTP request whose body is about 1 KB."""
    body = compact(
        {
            "model": model,
            "messages": [
                {"role": "system", "content": "You answer in one paragraph."},
                {"role": "user", "content": text(850)},
            ],
            "temperature": 0.7,
            "stream": stream,
        }
    )
    head = f"POST {PATH} HTTP/1.1\r\nHost: {host}\r\n{REQUEST_HEADERS}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def completion() -> bytes:
    """The body of a chat completion of about 1 KB."""
    return compact(
        {
            "id": "chatcmpl-bench",
            "object": "chat.completion",
            "created": CREATED,
            "model": "bench-2025-06-15",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text(650), "refusal": None},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": {"prompt_tokens": 170, "completion_tokens": 130, "total_tokens": 300},
            "system_fingerprint": "fp_bench",
        }
    )


def events(count: int) -> tuple[bytes, ...]:
    """The body of a stream in `count` blocks; the last of them holds `[DONE]` as well."""
    blocks = [b"data: %b\n\n" % compact(_chunk(index, count)) for index in range(count)]
    blocks[-1] += b"data: [DONE]\n\n"
    return tuple(blocks)


def _chunk(index: int, count: int) -> dict[str, object]:
    last = index == count - 1
    delta = {} if last else {"content": " potion"} if index else {"role": "assistant"}
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


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of load: `connections` applications, each asking again when it was answered."""

    name: str
    title: str
    unit: str
    stream: bool
    connections: int
    units_per_answer: int
    spread_s: float
    """Time over which the applications start, so that streams do not march in step."""
    aim: float
    """The ratio to the bare pass-through that the project wants to stay under."""

    def expected(self) -> bytes:
        """The body of every right answer."""
        return b"".join(events(self.units_per_answer)) if self.stream else completion()


CHUNKS = 50
PAUSE_MS = 10

SCENARIOS = {
    "unary": Scenario(
        name="unary",
        title="1 KB in, 1 KB out, 64 at a time",
        unit="request",
        stream=False,
        connections=64,
        units_per_answer=1,
        spread_s=0.0,
        aim=1.6,
    ),
    "stream": Scenario(
        name="stream",
        title=f"streams of {CHUNKS} chunks {PAUSE_MS} ms apart, 32 at a time",
        unit="chunk",
        stream=True,
        connections=32,
        units_per_answer=CHUNKS,
        spread_s=CHUNKS * PAUSE_MS / 1000,
        aim=1.2,
    ),
}
