"""Responses: all that the `openai` package's types know survives the neutral form.

Requests, answers and streams are invented from the package's own types. A request must come out of
the neutral form saying what it said; an answer must be read as the package reads it. A sample by
default, more with PROVE=1.
"""

from __future__ import annotations

import json
import random
import typing
from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import Any

from openai.types import responses as sdk
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming

from proxy.providers.base import Attempt
from tests.recorded.exchanges import PROVE, SEED
from tests.recorded.invented import Inventor, base64_text, one_of
from tests.recorded.judges import load_judge
from tests.recorded.judges.base import Row, response_body, unlike
from tests.recorded.judges.responses import USUAL_PATH
from tests.recorded.playing import LIMITS
from tests.recorded.streams import answer_of, chunks_of, provider_of

REQUESTS = 40_000 if PROVE else 1_500
ANSWERS = 10_000 if PROVE else 250
JUDGE = load_judge("responses")

IMAGE = "data:image/png;base64,iVBORw0KGgo="
PDF = "data:application/pdf;base64,JVBERi0="
TEXTS = {
    "image_url": one_of("https://example.com/a.png", "https://example.com/a?b=c#d", IMAGE, PDF),
    "file_url": one_of("https://example.com/a.pdf", "https://example.com/a"),
    "file_data": one_of(PDF, IMAGE, "JVBERi0=", "data:text/plain;charset=utf-8;base64,aGk="),
    "arguments": one_of('{"a": 1}', "{}", "", '{"b":"ä"}', "no JSON"),
    "data": base64_text,
    "encrypted_content": base64_text,
    "model": one_of("gpt-5", "o1-pro", "ft:gpt-4o:me::x"),
    "call_id": one_of("call_1", "call_2", "call_3"),
    "name": one_of("f", "g_2", "h-i"),
    "id": lambda source: f"id_{source.randrange(10**9)}",
    "key": one_of("a", "b c", "ä"),
}
ITEMS = typing.get_args(typing.get_args(sdk.ResponseOutputItem)[0])
USUAL_ITEMS = (
    sdk.ResponseOutputMessage,
    sdk.ResponseFunctionToolCall,
    sdk.ResponseReasoningItem,
    sdk.ResponseCustomToolCall,
)
EVENTS = {
    typing.get_args(event.model_fields["type"].annotation)[0]: event
    for event in typing.get_args(typing.get_args(sdk.ResponseStreamEvent)[0])
}
STATES = ("completed", "completed", "incomplete", "incomplete", "queued", "cancelled")
OF_NO_ITEM = [name for name in EVENTS if name.startswith("response.audio.")]
CALLS = ("function_call", "custom_tool_call")
Json = dict[str, Any]


def invented(number: int, *, answered: bool = False) -> Inventor:
    """In an answer, no two calls have the same id."""
    texts = {**TEXTS, "call_id": TEXTS["id"]} if answered else TEXTS
    return Inventor(random.Random(f"{SEED} responses {number}"), texts)


def row(request: Json, body: bytes = b"{}", *, stream: bool = False) -> Row:
    asked = {"path": USUAL_PATH, "headers": {}, "body": json.dumps(request, ensure_ascii=False)}
    answered = {"status": 200, "headers": {}, "body": body.decode()}
    return {"request": asked, "response": answered, "stream": stream}


def request_of(invent: Inventor) -> Json:
    """The input is a list more often than its type would have it."""
    made = invent.members(ResponseCreateParamsNonStreaming)
    if invent.chance(0.9):
        made["input"] = [
            invent.value(sdk.ResponseInputItemParam, "item", 1) for _ in invent.some(6)
        ]
    return made


def response_of(invent: Inventor) -> Json:
    status = invent.source.choice(STATES)
    reason = {"reason": invent.source.choice(("max_output_tokens", "content_filter"))}
    return invent.members(
        sdk.Response,
        output=[item_of(invent) for _ in invent.some(4)],
        error=None,
        status=status,
        created_at=invent.source.choice((1_700_000_000, 1_700_000_000.5)),
        incomplete_details=reason if status == "incomplete" else None,
    )


def item_of(invent: Inventor) -> Json:
    kinds = USUAL_ITEMS if invent.chance(0.6) else ITEMS
    return invent.members(invent.source.choice(kinds), 1)


class Events:
    """Tells a response in events, as a server would."""

    def __init__(self, invent: Inventor, response: Json) -> None:
        self._invent = invent
        self._response = response

    def tell(self) -> Iterator[Json]:
        begun = {**self._response, "status": "in_progress", "output": [], "usage": None}
        yield self._event("response.created", response=begun)
        if self._invent.chance(0.5):
            yield self._event("response.in_progress", response=begun)
        told = [list(self._item(*each)) for each in enumerate(self._response["output"])]
        calls = all(each["type"] in CALLS for each in self._response["output"])
        yield from self._mixed(told) if calls else chain.from_iterable(told)
        if self._invent.chance(0.2):
            yield self._event(self._invent.source.choice(OF_NO_ITEM))
        kind = "incomplete" if self._response["incomplete_details"] else "completed"
        yield self._event(f"response.{kind}", response={**self._response, "status": kind})

    def _event(self, kind: str, **said: Any) -> Json:
        return self._invent.members(EVENTS[kind], 2, type=kind, **said)

    def _mixed(self, told: list[list[Json]]) -> Iterator[Json]:
        """Several items begin, then go on at the same time."""
        yield from (events.pop(0) for events in told)
        while any(told):
            yield self._invent.source.choice([events for events in told if events]).pop(0)

    def _item(self, index: int, item: Json) -> Iterator[Json]:
        at: Json = {"output_index": index, "item_id": item.get("id") or ""}
        empty = {
            "content": [],
            "summary": [],
            "arguments": "",
            "input": "",
            "status": "in_progress",
        }
        begun = {key: empty.get(key, value) for key, value in item.items()}
        yield self._event("response.output_item.added", output_index=index, item=begun)
        yield from self._inside(item, partial(self._event, **at))
        yield self._event("response.output_item.done", output_index=index, item=item)

    def _inside(self, item: Json, event: Any) -> Iterator[Json]:
        match item["type"]:
            case "message":
                for index, part in enumerate(item["content"]):
                    yield from self._part(part, partial(event, content_index=index))
            case "function_call":
                text = item["arguments"]
                yield from self._text("response.function_call_arguments", "arguments", text, event)
            case "custom_tool_call":
                yield from self._text(
                    "response.custom_tool_call_input", "input", item["input"], event
                )
            case "reasoning":
                yield from self._reasoning(item, event)
            case kind:
                known = [each for each in EVENTS if each.startswith(f"response.{kind}")]
                for name in known:
                    yield event(name)

    def _reasoning(self, item: Json, event: Any) -> Iterator[Json]:
        for index, part in enumerate(item["summary"]):
            at = partial(event, summary_index=index)
            yield at("response.reasoning_summary_part.added", part={**part, "text": ""})
            yield from self._text("response.reasoning_summary_text", "text", part["text"], at)
            yield at("response.reasoning_summary_part.done", part=part)
        for index, part in enumerate(item.get("content") or ()):
            at = partial(event, content_index=index)
            yield from self._text("response.reasoning_text", "text", part["text"], at)

    def _part(self, part: Json, event: Any) -> Iterator[Json]:
        if part["type"] == "refusal":
            yield from self._text("response.refusal", "refusal", part["refusal"], event)
            return
        yield event("response.content_part.added", part={**part, "text": "", "annotations": []})
        logprobs = part.get("logprobs") or []
        yield from self._text(
            "response.output_text", "text", part["text"], event, logprobs=logprobs
        )
        if self._invent.chance(0.5):
            for index, annotation in enumerate(part["annotations"]):
                kind = "response.output_text.annotation.added"
                yield event(kind, annotation=annotation, annotation_index=index)
        yield event("response.content_part.done", part=part)

    def _text(
        self, kind: str, member: str, text: str, event: Any, logprobs: list[Json] | None = None
    ) -> Iterator[Json]:
        """Deltas, the last with all log probabilities, and the whole."""
        place = self._invent.source.randint(0, len(text))
        for index, delta in enumerate((text[:place], text[place:])):
            more = {} if logprobs is None else {"logprobs": logprobs if index else []}
            yield event(f"{kind}.delta", delta=delta, **more)
        if kind == "response.refusal" or self._invent.chance(0.8):
            more = {} if logprobs is None else {"logprobs": logprobs}
            yield event(f"{kind}.done", **{member: text}, **more)


def sse(invent: Inventor, events: Iterator[Json]) -> bytes:
    """The events as one of several kinds of servers writes them."""
    named, over, end = invent.chance(0.7), invent.chance(0.3), invent.source.choice(("\n", "\r\n"))
    lines: list[str] = []
    for each in events:
        lines += [f"event: {each['type']}"] * named
        lines += [f"data: {json.dumps(each, ensure_ascii=named)}", ""]
        lines += [": still there", ""] * invent.chance(0.1)
    return end.join([*lines, *["data: [DONE]", ""] * over, ""]).encode()


def test_every_request_that_the_types_allow_comes_out_as_it_went_in() -> None:
    for number in range(REQUESTS):
        exchange = row(request_of(invented(number)))
        provider = provider_of(JUDGE, exchange)
        attempt = Attempt(JUDGE.secret(exchange), LIMITS, lambda: False)
        sent = provider.encode_chat(JUDGE.read_request(exchange), attempt).request.body
        assert isinstance(sent, bytes)
        assert JUDGE.request_differences(exchange, sent, USUAL_PATH) == [], number


def test_every_answer_that_the_types_allow_is_read_as_the_package_reads_it() -> None:
    for number in range(ANSWERS):
        body = json.dumps(response_of(invented(number, answered=True))).encode()
        exchange = row({}, body)
        answer = provider_of(JUDGE, exchange).decode_chat(body)
        assert unlike(JUDGE.reference(exchange, body), JUDGE.reading(answer)) == [], number


def test_every_stream_of_such_an_answer_is_read_as_the_package_reads_it() -> None:
    for number in range(ANSWERS):
        invent = invented(number, answered=True)
        body = sse(invent, Events(invent, response_of(invent)).tell())
        exchange = row({}, body, stream=True)
        *chunks, (_, end) = chunks_of(provider_of(JUDGE, exchange), [response_body(exchange)])
        assert end == "complete=True error=None damaged=False", number
        reading = JUDGE.reading(answer_of(chunks))
        assert unlike(JUDGE.reference(exchange, body), reading) == [], number
