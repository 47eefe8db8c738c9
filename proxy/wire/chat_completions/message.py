"""What a message of an answer, or a delta of one, says, in all its vendors' spellings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from proxy.types.content import Unknown
from proxy.wire.chat_completions.messages import CUSTOM, LEGACY_CALL, REASONING_KEYS
from proxy.wire.lenient import lenient_dumps, whole_text
from proxy.wire.values import count_of, object_of, objects_of, text_of

_KNOWN = (
    "role",
    "content",
    "refusal",
    "annotations",
    "audio",
    "images",
    "tool_calls",
    "function_call",
    "reasoning_details",
    *REASONING_KEYS,
)
_PLAIN = ("content", "role")
_CALL = ("id", "type", "index", "function", "custom")
_FUNCTION = ("name", "arguments", "input")
_LONGEST_INDEX = 10


def choices_of(body: Mapping[str, object]) -> list[tuple[int, Mapping[str, object]]]:
    """The choices of an answer or a chunk by their numbers. One without any has that of its place;
    one whose number is none is left out."""
    numbered = []
    for place, choice in enumerate(objects_of(body.get("choices"))):
        number = place if choice.get("index") is None else index_of(choice)
        if number is not None:
            numbered.append((number, choice))
    return numbered


def is_plain(said: Mapping[str, object]) -> bool:
    """Whether a message or a delta says nothing but its content, as most do."""
    for key, value in said.items():  # noqa: SIM110 (a generator takes twice as long)
        if value is not None and key not in _PLAIN:
            return False
    return True


def reasoning_text(source: Mapping[str, object]) -> str:
    """The reasoning beside a message's or a delta's content, under whichever name."""
    for key in REASONING_KEYS:
        text = source.get(key)
        if isinstance(text, str) and text:
            return whole_text(text)
    return ""


def details_of(source: Mapping[str, object]) -> list[Mapping[str, object]]:
    """The entries of `reasoning_details`."""
    return objects_of(source.get("reasoning_details"))


def tool_calls_of(source: Mapping[str, object]) -> list[Mapping[str, object]]:
    """The tool calls of a message or a delta; some servers send a lone one without a list."""
    calls = source.get("tool_calls")
    return objects_of([calls] if isinstance(calls, dict) else calls)


def called(call: Mapping[str, object]) -> tuple[str, str]:
    """Name and arguments of a tool call or a fragment of one, of a function or a custom tool."""
    function = object_of(call.get("function"))
    custom = object_of(call.get("custom"))
    name = text_of(function.get("name") or custom.get("name"))
    return name, arguments_text(function.get("arguments") or custom.get("input"))


def arguments_text(arguments: object) -> str:
    """Arguments as text; some providers send them as the object itself."""
    if arguments is None or isinstance(arguments, str):
        return whole_text(arguments or "")
    return lenient_dumps(arguments).decode()


def call_extra(call: Mapping[str, object], *, legacy: bool = False) -> bytes | None:
    """What a call says beside id, name and arguments; see `ToolCall.extra`."""
    extra: dict[str, object] = {}
    if legacy:
        extra["type"], call = LEGACY_CALL, {"function": call}
    elif isinstance(call.get("custom"), dict) and not object_of(call.get("function")):
        extra["type"] = CUSTOM
    extra |= {key: item for key, item in call.items() if key not in _CALL and item is not None}
    function = object_of(call.get("function"))
    inner = {k: item for k, item in function.items() if k not in _FUNCTION and item is not None}
    if inner:
        extra["function"] = inner
    return lenient_dumps(extra) if extra else None


def citations_extra(source: Mapping[str, object]) -> bytes | None:
    """The annotations of a message as a text's `citations`."""
    citations = objects_of(source.get("annotations"))
    return lenient_dumps({"citations": citations}) if citations else None


def images_of(source: Mapping[str, object]) -> Iterator[Unknown]:
    """Images that the model made; each is a content part."""
    for image in objects_of(source.get("images")):
        yield Unknown(lenient_dumps(image))


def further_members(source: Mapping[str, object]) -> dict[str, object]:
    """Members that nobody here knows and that are more than a word: lists and objects."""
    return {
        key: value
        for key, value in source.items()
        if key not in _KNOWN and value and isinstance(value, dict | list)
    }


def further_block(members: Mapping[str, object]) -> Unknown:
    """All of them as one block."""
    return Unknown(lenient_dumps({"type": FURTHER, **members}))


FURTHER = "message"
"""The type of that block."""


def index_of(choice: Mapping[str, object]) -> int | None:
    """The number of a choice, which some servers spell as a text; None where it has none."""
    index = choice.get("index")
    if isinstance(index, str) and index.isascii() and index.isdecimal():
        return int(index) if len(index) < _LONGEST_INDEX else None
    return count_of(index)


def stop_sequence_of(choice: Mapping[str, object]) -> str | None:
    """The text that ended the answer, where a server tells it (a number is a token)."""
    for key in ("stop_reason", "matched_stop"):
        value = choice.get(key)
        if isinstance(value, str) and value:
            return whole_text(value)
    return None
