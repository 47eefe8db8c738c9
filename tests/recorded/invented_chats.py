"""Chat completions invented from the types of four SDKs, and in the dialects that servers speak.

Whole answers are of the types; streams are told by a script, for what one chunk may say depends on
those before. `damage_of_dialect` then spells them as some servers do: members that are missing or
null, numbers as texts, counts of tokens in other places.
"""

from __future__ import annotations

import importlib
import json
import typing
from collections.abc import Callable, Iterator
from typing import Any

from tests.recorded.invented import Inventor, base64_text, one_of

Json = dict[str, Any]

IMAGE = "data:image/png;base64,iVBORw0KGgo="
PDF = "data:application/pdf;base64,JVBERi0="
TEXTS = {
    "url": one_of("https://example.com/a.png", "https://example.com/a?b=c#d", IMAGE),
    "image_url": one_of("https://example.com/a.png", IMAGE),
    "document_url": one_of("https://example.com/a.pdf", PDF),
    "input_audio": one_of("UklGRgAAAABXQVZF", "https://example.com/a.mp3", "SUQzBAAAAAAA"),
    "file_data": one_of(PDF, IMAGE, "data:text/plain;charset=utf-8;base64,aGk="),
    "arguments": one_of('{"a": 1}', "{}", "", '{"b":"ä"}', "no JSON"),
    "data": base64_text,
    "model": one_of("m", "org/m-1", "accounts/a/models/m"),
    "tool_call_id": one_of("call_1", "call_2"),
    "name": one_of("f", "g_2", "h-i"),
    "id": lambda source: f"id_{source.randrange(10**9)}",
    "key": one_of("a", "b c", "ä"),
    "role": one_of("assistant"),
    "type": one_of("function", "retrieval"),
}
VENDORS = ("openai", "groq", "together", "mistral")
FINISHES = ("stop", "length", "tool_calls", "content_filter", "function_call", "eos", "error")
TIERS = ("auto", "default", "flex", "on_demand")
WORDS = ("Hello", " world", "ä😀", "", "\n", "  ", '{"a"', "long " * 20)


class ChatInventor(Inventor):
    """Knows types with a name of their own, too, which one of the packages has."""

    def value(self, hint: Any, name: str = "", depth: int = 0) -> Any:
        named = typing.get_origin(hint)
        if hasattr(named, "__value__"):  # such as `Nullable[kind]`
            kind = typing.get_args(hint)[0]
            return None if self.chance(0.1) else self.value(kind, name, depth)
        return super().value(getattr(hint, "__value__", hint), name, depth)


def request_type(vendor: str) -> type:
    """What may be asked of a vendor, as its package has it."""
    if vendor == "mistral":
        found = importlib.import_module("mistralai.client.models").ChatCompletionRequestTypedDict
    else:
        params = importlib.import_module(f"{vendor}.types.chat.completion_create_params")
        found = getattr(params, "CompletionCreateParamsNonStreaming", None)
        found = found or params.CompletionCreateParams
    return typing.cast(type, found)


def answer_type(vendor: str) -> type:
    """What it may answer."""
    if vendor == "mistral":
        found = importlib.import_module("mistralai.client.models").ChatCompletionResponse
    else:
        found = importlib.import_module(f"{vendor}.types.chat").ChatCompletion
    return typing.cast(type, found)


def answer_of(invent: Inventor, vendor: str) -> Json:
    """A whole answer of the vendor's type."""
    kind = answer_type(vendor)
    made = invent.members(kind)
    for index, choice in enumerate(made["choices"]):
        choice["index"] = index
        message = choice.get("message")
        for call in (message.get("tool_calls") if isinstance(message, dict) else None) or ():
            call["id"] = invent.text("id")
            call.pop("index", None)
    return made


def dialect_of(invent: Inventor, made: Json) -> Json:
    """The same as some server might spell it."""
    ways: tuple[Callable[[Inventor, Json], None], ...] = (
        _members_are_null,
        _members_are_missing,
        _numbers_are_texts,
        _usage_stands_elsewhere,
    )
    for way in ways:
        if invent.chance(0.25):
            way(invent, made)
    return made


SPARED = (
    "reasoning",
    "reasoning_details",
    "index",
    "id",
    "function",
    "delta",
    "message",
    "tool_calls",
    "choices",
    "finish_reason",
)


def _members_are_null(invent: Inventor, made: Json) -> None:
    for owner in _owners(made):
        for name in owner:
            if name not in SPARED and invent.chance(0.1):
                owner[name] = None


def _members_are_missing(invent: Inventor, made: Json) -> None:
    for owner in _owners(made):
        for name in list(owner):
            if name not in SPARED and invent.chance(0.1):
                del owner[name]


def _numbers_are_texts(invent: Inventor, made: Json) -> None:
    usage = made.get("usage")
    for owner in (*made.get("choices", ()), usage if isinstance(usage, dict) else {}):
        for name, value in owner.items():
            if name in ("index", "prompt_tokens", "completion_tokens") and type(value) is int:
                owner[name] = str(value)


def _usage_stands_elsewhere(invent: Inventor, made: Json) -> None:
    usage, choices = made.get("usage"), made.get("choices")
    if not isinstance(usage, dict):
        return
    if invent.chance(0.5) and choices:
        choices[-1]["usage"] = made.pop("usage")
    else:
        made["x_groq"] = {"id": "req_1", "usage": made.pop("usage")}


def _owners(made: Json) -> Iterator[Json]:
    """The objects whose members a server may leave out: the body, choices, messages."""
    yield made
    for choice in made.get("choices") or ():
        yield choice
        for name in ("message", "delta"):
            if isinstance(choice.get(name), dict):
                yield choice[name]


def stream_of(invent: Inventor, vendor: str) -> list[Json]:
    """The chunks of a stream of some choices, which come in turns."""
    count = invent.source.choice((1, 1, 1, 2, 3))
    tellers = {index: list(_told(invent, vendor)) for index in range(count)}
    numbered = invent.chance(0.9) or count > 1
    told = invent.chance(0.3) and vendor != "mistral"
    tier = {"service_tier": invent.source.choice(TIERS)} if told else {}
    head = {"id": invent.text("id"), "object": "chat.completion.chunk", "created": 7, "model": "m"}
    chunks: list[Json] = []
    while tellers:
        index = invent.source.choice(list(tellers))
        said = tellers[index].pop(0)
        if not tellers[index]:
            del tellers[index]
        number = {"index": index} if numbered or vendor == "mistral" else {}
        chunks.append({**head, **tier, "choices": [{**number, **said}]})
    return list(_counted(invent, vendor, head, chunks))


def _told(invent: Inventor, vendor: str) -> Iterator[Json]:
    """The entries of one choice, the last of which says why it ends."""
    acts = [_texts, _texts, _thoughts, _calls]
    acts += [_refusals, _sounds, _cited, _older_call] if vendor == "openai" else []
    acts += [_details, _images] if vendor == "openai" else []
    acts += [_executed] if vendor == "groq" else []
    acts += [_parts] if vendor == "mistral" else []
    yield {"delta": {"role": "assistant", "content": invent.source.choice(("", None))}, **_open()}
    for _ in invent.some():
        act = invent.source.choice(acts)
        gone = next((pair for pair in APART if act in pair), (act,))
        acts = [each for each in acts if each not in gone or each is _texts]
        for delta in act(invent, vendor):
            said = {"delta": delta, **_open()}
            text = delta.get("content")
            if isinstance(text, str) and text and invent.chance(0.3):
                said |= _probabilities(invent, vendor, text)
            yield said
    yield {"delta": {}, "finish_reason": invent.source.choice(FINISHES)}


def _open() -> Json:
    return {"finish_reason": None}


def _texts(invent: Inventor, vendor: str) -> Iterator[Json]:
    for _ in invent.some():
        yield {"content": invent.source.choice(WORDS)}


def _thoughts(invent: Inventor, vendor: str) -> Iterator[Json]:
    key = invent.source.choice(("reasoning", "reasoning_content"))
    for _ in invent.some():
        if vendor != "mistral":
            yield {key: invent.source.choice(WORDS)}


def _calls(invent: Inventor, vendor: str) -> Iterator[Json]:
    way = invent.source.choice(
        ("pieces", "whole", "together", "without index", "all 0", "repeated")
    )
    calls = [
        {"id": invent.text("id"), "name": f"f_{place}", "arguments": f'{{"a": "{place}ä"}}'}
        for place in range(invent.source.randint(1, 3))
    ]
    if vendor == "mistral":
        way = invent.source.choice(("whole", "together"))
    if way == "together":
        yield {"tool_calls": [_whole(call, place) for place, call in enumerate(calls)]}
        return
    for place, call in enumerate(calls):
        if way in ("pieces", "repeated"):
            yield from _pieces(call, place, repeated=way == "repeated")
            continue
        fragment = _whole(call, 0 if way == "all 0" else place)
        if way == "without index":
            del fragment["index"]
        yield {"tool_calls": [fragment]}


def _whole(call: Json, place: int) -> Json:
    function = {"name": call["name"], "arguments": call["arguments"]}
    return {"index": place, "id": call["id"], "type": "function", "function": function}


def _pieces(call: Json, place: int, *, repeated: bool) -> Iterator[Json]:
    first = {**_whole(call, place), "function": {"name": call["name"], "arguments": ""}}
    yield {"tool_calls": [first]}
    half = len(call["arguments"]) // 2
    for part in (call["arguments"][:half], call["arguments"][half:]):
        fragment: Json = {"index": place, "function": {"arguments": part}}
        if repeated:
            fragment |= {"id": call["id"], "function": {"name": call["name"], "arguments": part}}
        yield {"tool_calls": [fragment]}


def _refusals(invent: Inventor, vendor: str) -> Iterator[Json]:
    for _ in invent.some():
        yield {"refusal": invent.source.choice(WORDS)}


def _sounds(invent: Inventor, vendor: str) -> Iterator[Json]:
    yield {"audio": {"id": "audio_1", "transcript": "Good"}}
    for _ in invent.some():
        yield {"audio": {"data": base64_text(invent.source), "transcript": " day"}}
    yield {"audio": {"expires_at": 7}}


def _cited(invent: Inventor, vendor: str) -> Iterator[Json]:
    cited = {"start_index": 0, "end_index": 1, "title": "t", "url": "https://example.com"}
    for _ in invent.some():
        yield {"annotations": [{"type": "url_citation", "url_citation": cited}]}


def _older_call(invent: Inventor, vendor: str) -> Iterator[Json]:
    yield {"function_call": {"name": "f", "arguments": ""}}
    for part in ('{"a"', ": 1}"):
        yield {"function_call": {"arguments": part}}


def _details(invent: Inventor, vendor: str) -> Iterator[Json]:
    for place in range(invent.source.randint(1, 2)):
        head = {"type": "reasoning.text", "index": place, "format": "x"}
        for _ in invent.some():
            text = invent.source.choice(WORDS)
            yield {"reasoning": text, "reasoning_details": [{**head, "text": text}]}
        yield {"reasoning_details": [{**head, "signature": base64_text(invent.source)}]}
    if invent.chance(0.5):
        hidden = {"type": "reasoning.encrypted", "data": "AAA=", "format": "x", "index": 5}
        yield {"reasoning_details": [hidden]}


def _images(invent: Inventor, vendor: str) -> Iterator[Json]:
    yield {"images": [{"type": "image_url", "image_url": {"url": IMAGE}, "index": 0}]}


def _executed(invent: Inventor, vendor: str) -> Iterator[Json]:
    tool = {"index": 0, "type": "search", "arguments": '{"query": "q"}'}
    yield {"executed_tools": [tool]}
    yield {"executed_tools": [{**tool, "output": "found", "search_results": {"results": []}}]}


def _parts(invent: Inventor, vendor: str) -> Iterator[Json]:
    thinking = [{"type": "text", "text": "hm"}]
    for _ in invent.some():
        yield {"content": [{"type": "thinking", "thinking": thinking}]}
    yield {"content": [{"type": "text", "text": "said"}]}
    yield {"content": [{"type": "reference", "reference_ids": [1, 2]}]}


APART = ((_thoughts, _details), (_calls, _older_call))
"""No server says both of these in one answer."""


def _probabilities(invent: Inventor, vendor: str, text: str) -> Json:
    top = {text: -0.5, "other": -1.5}
    if vendor == "together":
        return {"logprobs": -0.5, "top_logprobs": top}
    told = {"token": text, "logprob": -0.5, "bytes": [1], "token_id": 3}
    others = [{**told, "token": token, "logprob": number} for token, number in top.items()]
    return {"logprobs": {"content": [{**told, "top_logprobs": others}]}}


def _counted(invent: Inventor, vendor: str, head: Json, chunks: list[Json]) -> Iterator[Json]:
    """With counts of tokens where servers put them."""
    usage = {
        "prompt_tokens": 8,
        "completion_tokens": invent.source.choice((0, 5)),
        "total_tokens": 13,
        "prompt_tokens_details": {"cached_tokens": invent.source.choice((0, 4))},
        "completion_tokens_details": {"reasoning_tokens": invent.source.choice((0, 2))},
    }
    way = invent.source.choice(("alone", "last", "choice", "everywhere", "x_groq", "nowhere"))
    if vendor == "mistral":
        way = invent.source.choice(("last", "everywhere", "nowhere"))
    for number, chunk in enumerate(chunks):
        last = number == len(chunks) - 1
        if way == "everywhere" or (way == "last" and last):
            chunk["usage"] = usage
        elif way == "choice" and last:
            chunk["choices"][0]["usage"] = usage
        elif way == "x_groq" and last:
            chunk["x_groq"] = {"id": "req_1", "usage": usage}
        yield chunk
    if way == "alone":
        yield {**head, "choices": [], "usage": usage}


def events(invent: Inventor, chunks: list[Json]) -> bytes:
    """As a stream, its end marked or not."""
    body = b"".join(f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks)
    return body + (b"data: [DONE]\n\n" if invent.chance(0.9) else b"")
