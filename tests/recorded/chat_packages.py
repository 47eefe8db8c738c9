"""Chat completions as the vendors' packages read them: `openai`, `groq`, `together`, `mistralai`.

They give the parsed message, or the parsed chunks, whose deltas are put together as the `openai`
package does it (`accumulate_delta`). Where a server's fragments are not of the form that this needs
(a tool call without an index, a list as content), they are put together here.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from openai._streaming import SSEDecoder
from openai.lib.streaming._deltas import accumulate_delta

from proxy.errors import UpstreamGarbage
from proxy.wire.chat_completions.logprobs import UNLIKELY
from proxy.wire.chat_completions.message import FURTHER
from proxy.wire.chat_completions.response import decode_finish_reason
from proxy.wire.lenient import lenient_loads, whole_text
from tests.recorded.judges.base import Row

SDKS = {"groq": "groq", "together": "together"}
"""Packages that parse as `openai` does; all vendors without one are read by that."""

Json = Mapping[str, Any]


def object_of(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def tokens(logprobs: object) -> list[object]:
    """The probabilities in OpenAI's form: (token, number, those of others)."""
    value = object_of(logprobs)
    names = ("content", "refusal")
    told = [each for name in names for each in listed(value.get(name)) if isinstance(each, dict)]
    return [
        (
            each.get("token"),
            each.get("logprob"),
            {top["token"]: top["logprob"] for top in listed(each.get("top_logprobs"))},
        )
        for each in told
    ]


def _tokens_of(choice: Json) -> list[object]:
    """The same in whichever form the vendor's package has them."""
    value = choice.get("logprobs")
    if isinstance(value, int | float):
        said = object_of(choice.get("delta")).get("content") or ""
        return [(said, value, dict(object_of(choice.get("top_logprobs"))))]
    said_tokens = listed(object_of(value).get("tokens"))
    if not said_tokens:
        return tokens(value)
    numbers, tops = (object_of(value).get(name) for name in ("token_logprobs", "top_logprobs"))
    numbers = listed(numbers) + [None] * len(said_tokens)
    tops = [tops] if isinstance(tops, Mapping) and len(said_tokens) == 1 else listed(tops)
    shown = [dict(object_of(each)) for each in tops] + [{}] * len(said_tokens)
    return [
        (token, UNLIKELY if number is None else number, top)
        for token, number, top in zip(said_tokens, numbers, shown, strict=False)
    ]


def _events(body: bytes) -> list[Any]:
    """The data of the events, as the `openai` package finds them."""
    return [event for event in SSEDecoder().iter_bytes(iter([body])) if event.data]


def _chunks(body: bytes) -> Iterator[Json]:
    for event in _events(body):
        if event.data.startswith("[DONE]"):
            return
        try:
            value = lenient_loads(event.data.encode())
        except UpstreamGarbage:
            continue
        if isinstance(value, dict):
            yield value


def _is_stream(row: Row, body: bytes) -> bool:
    return bool(row["stream"]) and not body.lstrip().startswith((b"{", b"["))


def _parsed(row: Row, value: Json, *, chunk: bool) -> dict[str, Any]:
    """A body or a chunk, through the vendor's types and out of them again."""
    package = SDKS.get(row["provider"], "openai")
    types = importlib.import_module(f"{package}.types.chat")
    construct = importlib.import_module(f"{package}._models").construct_type
    kind = types.ChatCompletionChunk if chunk else types.ChatCompletion
    model = construct(type_=kind, value=value)
    shown: dict[str, Any] = model.to_dict(exclude_unset=True, mode="python")
    return shown


def read_by_openai(row: Row, body: bytes) -> dict[str, object]:
    if _is_stream(row, body):
        return _reading_of([_parsed(row, chunk, chunk=True) for chunk in _chunks(body)])
    return _reading_of([_parsed(row, object_of(lenient_loads(body)), chunk=False)])


def read_by_mistral(row: Row, body: bytes) -> dict[str, object]:
    models = importlib.import_module("mistralai.client.models")
    if _is_stream(row, body):
        chunks = [_by_mistral(models.CompletionChunk, chunk) for chunk in _chunks(body)]
        return _reading_of(chunks)
    return _reading_of([_by_mistral(models.ChatCompletionResponse, lenient_loads(body))])


def _by_mistral(model: Any, value: object) -> dict[str, Any]:
    shown: dict[str, Any] = model.model_validate(value).model_dump(by_alias=True)
    given, counts = object_of(object_of(value).get("usage")), object_of(shown.get("usage"))
    # the package takes counts that are missing for 0
    return {**shown, "usage": {name: counts[name] for name in counts if name in given}}


def _reading_of(values: Sequence[Json]) -> dict[str, object]:
    """The reading of a whole answer, or of chunks."""
    choices: dict[int, list[Json]] = {}
    usage: Json = {}
    for value in values:
        for place, choice in enumerate(listed(value.get("choices"))):
            choices.setdefault(_index(choice, place), []).append(choice)
        usage = _usage(value) or usage
    identifiers = (value.get("id") for value in values)
    tiers = (
        value.get("service_tier") or object_of(value.get("usage")).get("service_tier")
        for value in values
    )
    shown = {index: _choice_from(parts) for index, parts in choices.items()}
    return {
        "id": next((each for each in identifiers if each), ""),
        "choices": shown or {0: _choice_from([])},
        "service_tier": ([each for each in tiers if each] or [""])[-1],
        "tokens": _counts(usage),
        "cached": _cached(usage),
        "created": next((each["created"] for each in values if each.get("created")), 0),
        "stopped by": _stopped_by(values),
    }


def _index(choice: Json, place: int) -> int:
    """The number of a choice, which some servers spell as a text, or that of its place."""
    index = choice.get("index")
    return place if index is None else int(index)


def _usage(value: Json) -> Json | None:
    """From wherever a server has it."""
    own = [object_of(each) for each in listed(value.get("choices"))]
    found = (each.get("usage") for each in (value, object_of(value.get("x_groq")), *own))
    told = next((each for each in found if isinstance(each, Mapping)), None)
    return told and {key: _number(count) for key, count in told.items()}


def _number(count: object) -> object:
    return int(count) if isinstance(count, str) and count.isdecimal() else count


def _counts(usage: Json) -> list[int | None]:
    """Input, output and reasoning; the latter is part of the output, as TensorZero counts."""
    details = object_of(usage.get("completion_tokens_details"))
    reasoning = details.get("reasoning_tokens", usage.get("reasoning_tokens"))
    prompt, output, total = (
        usage.get(key) for key in ("prompt_tokens", "completion_tokens", "total_tokens")
    )
    if reasoning and prompt is not None and output is not None:
        output += reasoning if total == prompt + output + reasoning else 0
    return [prompt, output, reasoning]


def _cached(usage: Json) -> int | None:
    """Tokens that were in a cache, under the names that vendors have for them."""
    told = [object_of(usage.get("prompt_tokens_details")).get("cached_tokens")]
    names = ("prompt_cache_hit_tokens", "cached_tokens", "cache_read_input_tokens")
    told += [usage.get(name) for name in (*names, "num_cached_tokens")]
    return next((each for each in told if each is not None), None)


def _stopped_by(values: Sequence[Json]) -> str | None:
    first = [each for value in values for each in listed(value.get("choices"))]
    told = [
        choice.get(name)
        for choice in first
        if not _index(choice, 0)
        for name in ("stop_reason", "matched_stop")
    ]
    words = [each for each in told if isinstance(each, str) and each]
    return words[-1] if words else None


def _sounds(deltas: Sequence[Json]) -> list[dict[str, Any]]:
    """The sound of a message: its data and transcript in one."""
    whole: dict[str, Any] = {}
    for delta in deltas:
        for key, value in object_of(delta.get("audio")).items():
            joins = key in ("data", "transcript") and isinstance(value, str) and len(deltas) > 1
            whole[key] = whole.get(key, "") + value if joins else value
    told = any(isinstance(delta.get("audio"), Mapping) for delta in deltas)
    return [whole] if whole or (told and len(deltas) == 1) else []


def _parts(delta: Json) -> Iterator[Json]:
    """Parts of the content that are neither text nor thought, and images."""
    for part in listed(delta.get("content")):
        if part.get("type") != "thinking" and not isinstance(part.get("text"), str):
            yield part
    yield from listed(delta.get("images"))


def _further(deltas: Sequence[Json]) -> list[dict[str, Any]]:
    """Members that no protocol of ours knows, of all deltas: lists in one, of others the last."""
    whole: dict[str, Any] = {}
    for delta in deltas:
        for key, value in delta.items():
            if key in READ or not value or not isinstance(value, list | Mapping):
                continue
            known = whole.get(key)
            if isinstance(known, list) and isinstance(value, list):
                value = [*known, *value]
            whole[key] = value
    return [in_numbers({"type": FURTHER, **whole})] if whole else []


def in_numbers(value: Any) -> Any:
    """The same with numbers for texts that are some: packages with types make them so."""
    if isinstance(value, Mapping):
        return {key: in_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [in_numbers(item) for item in value]
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


READ = (
    "content",
    "refusal",
    "annotations",
    "audio",
    "images",
    "tool_calls",
    "function_call",
    "reasoning_details",
)
"""Members of a message that are compared each by itself."""


def _choice_from(parts: Sequence[Json]) -> dict[str, object]:
    names = ("delta", "message") if len(parts) > 1 else ("message", "delta")
    deltas = [_said_in(part, names) for part in parts]
    reasons = [part.get("finish_reason") for part in parts if part.get("finish_reason")]
    message = _joined(deltas)
    texts, thoughts = _content(deltas)
    details = _merged_details(deltas)
    reasoning = "".join(thoughts) + _reasoning(deltas, details)
    return {
        "text": whole_text("".join(texts)),
        "reasoning": whole_text(reasoning),
        "details": details,
        "calls": [*_calls(message, deltas), *_legacy(deltas)],
        "refusal": "".join(str(delta["refusal"]) for delta in deltas if delta.get("refusal")),
        "audio": _sounds(deltas),
        "parts": [part for delta in deltas for part in _parts(delta)],
        "further": _further(deltas),
        "citations": [each for delta in deltas for each in listed(delta.get("annotations"))],
        "finish": decode_finish_reason(reasons[-1]) if reasons else None,
        "logprobs": [token for part in parts for token in _tokens_of(part)],
    }


def _said_in(part: Json, names: Sequence[str]) -> Json:
    found = (part[name] for name in names if isinstance(part.get(name), Mapping))
    return next(found, {"content": part["text"]} if "text" in part else {})


def _joined(deltas: Sequence[Json]) -> dict[str, Any] | None:
    """One message, as the `openai` package makes it; None where it cannot."""
    message: dict[object, object] = {}
    try:
        for delta in deltas:
            shown = {key: delta[key] for key in ("tool_calls",) if delta.get(key)}
            message = accumulate_delta(message, _copied(shown))
    except (TypeError, RuntimeError, KeyError, AttributeError):
        return None
    return message  # type: ignore[return-value]


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _content(deltas: Sequence[Json]) -> tuple[list[str], list[str]]:
    """Texts and thoughts of contents that are strings, lists of parts, or structured output."""
    texts: list[str] = []
    thoughts: list[str] = []
    for delta in deltas:
        content = delta.get("content")
        if isinstance(content, str):
            texts.append(content)
        elif isinstance(content, Mapping):
            texts.append(_dumped(content))
        for part in listed(content):
            if part.get("type") == "thinking":
                thinking = part["thinking"]
                said = thinking if isinstance(thinking, list) else [{"text": thinking}]
                thoughts += [each.get("text") or "" for each in said]
            elif isinstance(part.get("text"), str):
                texts.append(part["text"])
    return texts, thoughts


def _dumped(value: object) -> str:
    return importlib.import_module("orjson").dumps(value).decode()  # type: ignore[no-any-return]


def _reasoning(deltas: Sequence[Json], details: Sequence[Json]) -> str:
    """By whichever name; where entries say it, theirs counts."""
    said = [detail.get("text") or detail.get("summary") or "" for detail in details]
    if any(said):
        return "".join(said)
    keys = ("reasoning_content", "reasoning")
    return "".join(next((delta[key] for key in keys if delta.get(key)), "") for delta in deltas)


def _merged_details(deltas: Sequence[Json]) -> list[Json]:
    """The entries; those of a stream that have one index and one kind are one."""
    merged: dict[object, dict[str, Any]] = {}
    for number, delta in enumerate(deltas):
        for position, detail in enumerate(listed(delta.get("reasoning_details"))):
            whole = len(deltas) == 1
            index = detail.get("index", position)
            key = (number, position) if whole else (index, detail.get("type"))
            known = merged.setdefault(key, {})
            for name, value in detail.items():
                if name in ("text", "summary") and isinstance(value, str):
                    known[name] = known.get(name, "") + value
                elif value is not None or name not in known:
                    known[name] = value
    return list(merged.values())


def _calls(message: Json | None, deltas: Sequence[Json]) -> list[tuple[str, str, str]]:
    if message is not None and len(deltas) > 1 and _is_by_index(deltas):
        return [_call(call) for call in listed(message.get("tool_calls"))]
    fragments = [each for delta in deltas for each in _fragments(delta.get("tool_calls"))]
    if len(deltas) < 2:
        return [_call(each) for each in fragments]
    return _in_turn(fragments)


def _is_by_index(deltas: Sequence[Json]) -> bool:
    """Whether ids and names come once, each call under its own index."""
    seen: dict[int, str] = {}
    for fragment in (each for delta in deltas for each in _fragments(delta.get("tool_calls"))):
        name = object_of(fragment.get("function")).get("name")
        if fragment.get("index") in seen and (name or fragment.get("id")):
            return False
        if not isinstance(fragment.get("index"), int):
            return False
        seen.setdefault(fragment["index"], "")
    return True


def _fragments(calls: object) -> list[Json]:
    return [calls] if isinstance(calls, Mapping) else listed(calls)


def _in_turn(fragments: Iterable[Json]) -> list[tuple[str, str, str]]:
    """Fragments that follow one another; a new id with a name begins a call."""
    calls: list[list[str]] = []
    places: dict[object, int] = {}
    for fragment in fragments:
        identifier, name, arguments = _call(fragment)
        index = fragment.get("index")
        place = places.get(index if isinstance(index, int) else identifier or None)
        if place is None and not identifier and calls and not isinstance(index, int):
            place = len(calls) - 1
        if place is None or (identifier and name and calls[place][0] != identifier):
            place = len(calls)
            calls.append([identifier, "", ""])
        places[index if isinstance(index, int) else identifier] = place
        calls[place][1] = calls[place][1] or name
        calls[place][2] += arguments
    return [(identifier, name, arguments) for identifier, name, arguments in calls]


def _call(call: Json) -> tuple[str, str, str]:
    inner = object_of(call.get("function")) or object_of(call.get("custom"))
    arguments = inner.get("arguments") or inner.get("input") or ""
    said = arguments if isinstance(arguments, str) else _dumped(arguments)
    return call.get("id") or "", inner.get("name") or "", whole_text(said)


def _legacy(deltas: Sequence[Json]) -> list[tuple[str, str, str]]:
    """The older form of a call, of which there is one."""
    parts = [
        object_of(delta.get("function_call")) for delta in deltas if delta.get("function_call")
    ]
    if not parts:
        return []
    calls = [_call({"function": part}) for part in parts]
    return [("", "".join(name for _, name, _ in calls), "".join(said for *_, said in calls))]
