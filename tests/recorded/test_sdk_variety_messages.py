"""Requests and answers of every form that the types of the `anthropic` package allow: what we send
says the same as what was made up, what we read is what the package reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.recorded.invented import Inventor, Named
from tests.recorded.judges.base import Judge, Row
from tests.recorded.judges.messages import USUAL_PATH, MessagesJudge
from tests.recorded.sdk_variety import (
    TypedInventor,
    answer_lines,
    chance,
    how_many,
    request_lines,
    row_of,
    shown,
)

pytest.importorskip("anthropic")

from anthropic.types import beta, message_create_params
from anthropic.types.beta import message_create_params as beta_params

JUDGE: Judge = MessagesJudge()
REQUESTS = (
    beta_params.MessageCreateParamsNonStreaming,
    beta_params.MessageCreateParamsStreaming,
    message_create_params.MessageCreateParamsNonStreaming,
)
IN_HEADERS = ("betas", "user_profile_id", "workspace_id")
"""Parameters that the package sends as headers."""
TEXTS: Mapping[str, Named] = {"id": lambda source: f"id_{source.getrandbits(40):x}"}

Object = dict[str, Any]


def exchange(*, request: object = None, answer: str = "{}", stream: bool = False) -> Row:
    return row_of(
        "anthropic", "messages", USUAL_PATH, request=request, answer=answer, stream=stream
    )


def made_request(invent: Inventor) -> Object:
    body = invent.members(invent.source.choice(REQUESTS))
    if invent.chance(0.1):
        body["output_format"] = invent.members(beta_params.OutputFormat)
    for name, values in {"temperature": (0, 0.3, 1.0), "top_p": (0.9, 1), "top_k": (5,)}.items():
        if invent.chance(0.3):
            body[name] = invent.source.choice(values)
    return {name: value for name, value in body.items() if name not in IN_HEADERS}


def made_events(invent: Inventor, message: Object) -> Iterator[Object]:
    """A message as a stream tells it."""
    begun = {**message, "content": [], "stop_reason": None, "stop_sequence": None}
    yield {"type": "message_start", "message": begun}
    if invent.chance(0.3):
        yield {"type": "ping"}
    for index, block in enumerate(message["content"]):
        begun, deltas = (block, []) if invent.chance(0.3) else taken_apart(invent, block)
        yield {"type": "content_block_start", "index": index, "content_block": begun}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ending = invent.members(beta.BetaRawMessageDeltaEvent)
    ending["delta"] |= {name: message.get(name) for name in ("stop_reason", "stop_sequence")}
    yield ending
    yield {"type": "message_stop"}


def taken_apart(invent: Inventor, block: Object) -> tuple[Object, list[Object]]:
    """A block as it begins, and the deltas that add the rest."""
    match block["type"]:
        case "text":
            said = [{"type": "text_delta", "text": text} for text in pieces(invent, block["text"])]
            cited = block.get("citations") or []
            said += [{"type": "citations_delta", "citation": each} for each in cited]
            return {**block, "text": "", "citations": invent.source.choice((None, []))}, said
        case "thinking":
            texts = pieces(invent, block["thinking"])
            thoughts = [{"type": "thinking_delta", "thinking": text} for text in texts]
            signed = {"type": "signature_delta", "signature": block["signature"]}
            return {**block, "thinking": "", "signature": ""}, [*thoughts, signed]
        case "tool_use" | "server_tool_use" | "mcp_tool_use":
            texts = pieces(invent, json.dumps(block["input"])) if block["input"] else [""]
            parts = [{"type": "input_json_delta", "partial_json": text} for text in texts]
            return {**block, "input": {}}, parts
        case "compaction":
            names = ("content", "encrypted_content")
            summed = {"type": "compaction_delta", **{name: block.get(name) for name in names}}
            begun = {name: value for name, value in block.items() if name not in names}
            return {**begun, "content": None}, [summed]
    return block, []


def pieces(invent: Inventor, text: str) -> list[str]:
    """A text cut anywhere."""
    cuts = sorted(invent.source.randrange(len(text) + 1) for _ in range(invent.source.randrange(4)))
    return [text[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def made_answer(invent: Inventor) -> Row:
    message = invent.members(beta.BetaMessage)
    if invent.chance(0.4):
        return exchange(answer=json.dumps(message))
    events = (
        f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=invent.chance(0.5))}\n\n"
        for event in made_events(invent, message)
    )
    return exchange(answer="".join(events), stream=True)


def test_a_request_of_any_form_is_sent_as_it_came() -> None:
    invent = TypedInventor(chance("requests in messages"), TEXTS)
    rows = (exchange(request=made_request(invent)) for _ in range(how_many(400)))
    found = shown((row, request_lines(JUDGE, row)) for row in rows)
    assert not found, found


def test_an_answer_of_any_form_is_read_as_the_package_reads_it() -> None:
    invent = TypedInventor(chance("answers in messages"), TEXTS)
    rows = (made_answer(invent) for _ in range(how_many(200)))
    found = shown((row, answer_lines(JUDGE, row, invent.source)) for row in rows)
    assert not found, found
