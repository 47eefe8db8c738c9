"""Streamed answers: which deltas a model's name stands for, and where errors break in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from proxy.errors import UpstreamClientError
from proxy.providers.dummy.counts import client_error
from proxy.types.response import Delta, TextDelta, ThoughtDelta, ToolCallDelta
from proxy.types.usage import Usage

STREAM_TEXT = (
    *("Wally,", " the", " golden", " retriever,", " wagged", " his", " tail", " excitedly"),
    *(" as", " he", " devoured", " a", " slice", " of", " cheese", " pizza."),
)
STREAM_THOUGHT = ("hmmm", "hmmm")
STREAM_JSON = ('{"name"', ':"John"', ',"age"', ":30", "}")
STREAM_TOOL = ('{"location"', ':"Brooklyn"', '","units"', ':"celsius', '"}')
STREAM_GOOD_TOOL = ('{"sentiment"', ':"positive"', ',"confidence"', ":0.95", "}")


@dataclass(frozen=True, slots=True)
class _MidError:
    """An error in the middle of a stream; a fatal one ends it."""

    index: int
    message: str
    fatal: bool = False
    raw_response: str | None = None


_MID_ERRORS: Mapping[str, _MidError] = {
    "err_in_stream": _MidError(3, "Dummy error in stream"),
    "err_in_stream_with_raw_response": _MidError(
        3,
        "Dummy error in stream with raw response",
        raw_response='{"error": "dummy client raw response"}',
    ),
    "fatal_stream_error": _MidError(2, "Dummy fatal error", fatal=True),
    "fatal_stream_error_with_raw_response": _MidError(
        2,
        "Dummy fatal error with raw response",
        fatal=True,
        raw_response='{"error": "dummy fatal raw response"}',
    ),
}


def stream_error(name: str, index: int) -> UpstreamClientError | None:
    """The error in place of this chunk, if there is one; a fatal one is raised."""
    planned = _MID_ERRORS.get(name)
    if planned is None or planned.index != index:
        return None
    error = client_error(planned.message, planned.raw_response)
    if planned.fatal:
        raise error
    return error


Script = list[tuple[Delta, str]]
"""Deltas in order, each with the raw text of its chunk."""


def stream_script(name: str) -> Script:
    """What the model streams before its last chunk."""
    match name:
        case "tool":
            return _tool_script(STREAM_TOOL, ("get_temperature",))
        case "tool_split_name":
            return _tool_script(STREAM_TOOL, ("get_temp", "erature"))
        case "good_tool":
            return _tool_script(STREAM_GOOD_TOOL, ("get_temperature",))
        case "reasoner":
            return _thought_script(STREAM_THOUGHT, STREAM_TEXT)
        case "json_reasoner":
            return _thought_script(STREAM_THOUGHT, STREAM_JSON)
        case "json":
            return _thought_script((), STREAM_JSON)
    return [(TextDelta("0", text), text) for text in STREAM_TEXT]


def _tool_script(parts: tuple[str, ...], names: tuple[str, ...]) -> Script:
    padded = (*names, *(None for _ in parts[len(names) :]))
    pairs = zip(parts, padded, strict=True)
    return [(ToolCallDelta("0", name, part), part) for part, name in pairs]


def _thought_script(thoughts: tuple[str, ...], texts: tuple[str, ...]) -> Script:
    return [
        *((ThoughtDelta("0", thought), "") for thought in thoughts),
        *((TextDelta("0", text), "") for text in texts),
    ]


def raw_usage(usage: Usage) -> str:
    """The raw text of the last chunk."""
    prompt, completion = usage.input_tokens or 0, usage.output_tokens or 0
    counts = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    return orjson.dumps({"usage": counts}).decode()
