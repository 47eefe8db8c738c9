"""What the applications ask in this suite, and what a healthy provider answers."""

from __future__ import annotations

from bench.canned import Script, compact, text

PATH = "/v1/chat/completions"
WHOLE = Script("whole")
STREAM = Script("stream", chunks=20, pause_ms=10)
LARGE_BYTES = 8 * 2**20
LARGE = Script("large", asked=LARGE_BYTES, answered=LARGE_BYTES // 2)


def large_request(model: str) -> bytes:
    """A whole HTTP request of 8 MB; the connection is over with its answer."""
    body = compact(
        {
            "model": model,
            "messages": [
                {"role": "system", "content": f"Script {LARGE.name}."},
                {"role": "user", "content": text(LARGE_BYTES)},
            ],
        }
    )
    head = f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
