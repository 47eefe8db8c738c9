"""Reasoning between tags in the text, whole and cut anywhere."""

from __future__ import annotations

import json

import pytest

from proxy.types.content import Text, Thought, ToolCall
from proxy.types.response import Answer
from proxy.wire.accumulate import ChunkAccumulator
from proxy.wire.chat_completions.response import decode_response
from proxy.wire.chat_completions.stream import StreamDecoder
from proxy.wire.chat_completions.think_tags import FIELD_DATA, TAGS_DATA

SAID = "a<think>hm < </thin</think>b <think"


def whole(message: dict[str, object]) -> Answer:
    body = json.dumps({"choices": [{"message": message}]}).encode()
    return decode_response(body, think_tags=True)


def streamed(*deltas: dict[str, object]) -> Answer:
    events = (json.dumps({"choices": [{"delta": delta}]}) for delta in deltas)
    body = "".join(f"data: {event}\n\n" for event in events).encode()
    decoder, accumulator = StreamDecoder(think_tags=True), ChunkAccumulator()
    for chunk in (*decoder.feed(body), *decoder.close()):
        accumulator.add(chunk)
    return accumulator.answer()


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("<think>r</think>t", (Thought("r", extra_data=TAGS_DATA), Text("t"))),
        ("a<think>r</think>b", (Thought("r", extra_data=TAGS_DATA), Text("ab"))),
        ("<think>r</think>", (Thought("r", extra_data=TAGS_DATA),)),
        ("t", (Text("t"),)),
        ("<think>r", (Text("<think>r"),)),
        ("r</think>", (Text("r</think>"),)),
        ("</think>r<think>", (Text("</think>r<think>"),)),
        ("<think>a</think><think>b</think>", (Text("<think>a</think><think>b</think>"),)),
    ],
)
def test_one_span_of_a_whole_text_is_a_thought(text: str, blocks: tuple[object, ...]) -> None:
    assert whole({"content": text}).blocks == blocks


def test_reasoning_beside_the_text_is_told_apart_from_that_inside() -> None:
    message: dict[str, object] = {"reasoning_content": "x", "content": "<think>r</think>t"}
    blocks = (Thought("x", extra_data=FIELD_DATA), Thought("r", extra_data=TAGS_DATA), Text("t"))
    assert whole(message).blocks == blocks
    assert streamed(message).blocks == blocks


@pytest.mark.parametrize("size", range(1, len(SAID) + 1))
def test_a_streamed_text_is_read_alike_however_it_is_cut(size: int) -> None:
    pieces = [SAID[at : at + size] for at in range(0, len(SAID), size)]
    answer = streamed(*({"content": piece} for piece in pieces), {"content": ""})
    assert answer.blocks == (
        Text("a"),
        Thought("hm < </thin", extra_data=TAGS_DATA),
        Text("b <think"),
    )


def test_what_may_become_a_tag_is_kept_back_until_the_end() -> None:
    assert streamed({"content": "a<thi"}).blocks == (Text("a<thi"),)
    call = {"id": "c", "function": {"name": "f", "arguments": "{}"}}
    answer = streamed({"content": "<think>r"}, {"tool_calls": [call]})
    assert answer.blocks == (Thought("r", extra_data=TAGS_DATA), ToolCall("c", "f", "{}"))
