"""Whether an answer is right: to the byte where bytes are passed on, in its sense where not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import orjson

from bench.canned import Script

Kind = Literal["bytes", "sense"]
Check = Callable[[bytes], str]
"""Takes a whole body; what is wrong with it, nothing if it is right."""


def build_check(script: Script, kind: Kind) -> Check:
    """`bytes`: as the provider sent it. `sense`: what an SDK would read is what was said."""
    if kind == "bytes":
        expected = script.answer_body()
        return lambda body: "" if body == expected else f"wrong body: {body[-200:]!r}"
    read = _read_stream if script.stream else _read_whole

    def check(body: bytes) -> str:
        try:
            said = read(body)
        except (ValueError, LookupError, TypeError) as error:
            return f"unreadable, {error!r}: {body[-200:]!r}"
        return "" if said == script.answer_text else f"said something else: {said[-100:]!r}"

    return check


def _read_whole(body: bytes) -> str:
    choice = orjson.loads(body)["choices"][0]
    if choice["finish_reason"] != "stop":
        raise ValueError("not finished")
    return str(choice["message"]["content"])


def _read_stream(body: bytes) -> str:
    *events, done, rest = body.split(b"\n\n")
    if done != b"data: [DONE]" or rest:
        raise ValueError("no end")
    choices = [choice for event in events for choice in _choices(event)]
    if not any(choice.get("finish_reason") == "stop" for choice in choices):
        raise ValueError("not finished")
    return "".join(choice["delta"].get("content") or "" for choice in choices)


def _choices(event: bytes) -> list[dict[str, Any]]:
    """Of one event. A comment has none, and the event with the usage an empty list."""
    if event.startswith(b":"):
        return []
    found: list[dict[str, Any]] = orjson.loads(event.removeprefix(b"data: "))["choices"]
    return found
