"""Streams: every vendor's reading of the protocol in, the strictest client's reading out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from proxy.errors import UpstreamClientError, UpstreamGarbage
from proxy.types.content import Block, Text, Thought, ToolCall, Unknown
from proxy.types.response import (
    Answer,
    Chunk,
    TextDelta,
    ThoughtDelta,
    ToolCallDelta,
    UnknownDelta,
)
from proxy.types.usage import Usage
from proxy.wire.chat_completions.stream import ChunkAccumulator, StreamDecoder, StreamEncoder


def chunk(delta: object, finish: str | None = None, **members: object) -> dict[str, object]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c1", "created": 5, "choices": [choice], **members}


def sse(*bodies: object, done: bool = True) -> bytes:
    events = "".join(f"data: {json.dumps(body)}\n\n" for body in bodies)
    return (events + ("data: [DONE]\n\n" if done else "")).encode()


def read(body: bytes) -> tuple[StreamDecoder, Answer]:
    decoder, accumulator = StreamDecoder(), ChunkAccumulator()
    for each in (*decoder.feed(body), *decoder.close()):
        accumulator.add(each)
    return decoder, accumulator.answer()


def call(index: object = None, **members: object) -> dict[str, object]:
    place = {} if index is None else {"index": index}
    return {"tool_calls": [{**place, **members}]}


def fn(name: str | None = None, arguments: str | None = None) -> dict[str, object]:
    return {"name": name, "arguments": arguments}


TOOLS: dict[str, tuple[list[object], list[Block]]] = {
    "fragments": (
        [
            call(0, id="a", function=fn("f", "")),
            call(0, function=fn(None, '{"x"')),
            call(0, function=fn(None, ":1}")),
        ],
        [ToolCall("a", "f", '{"x":1}')],
    ),
    "explicit nulls": (
        [call(0, id="a", function=fn("f", None)), call(0, id=None, function=fn(None, "{}"))],
        [ToolCall("a", "f", "{}")],
    ),
    "two in turn": (
        [
            call(0, id="a", function=fn("f", "1")),
            call(1, id="b", function=fn("g", "2")),
            call(0, function=fn(None, "3")),
        ],
        [ToolCall("a", "f", "13"), ToolCall("b", "g", "2")],
    ),
    "two of index 0": (
        [call(0, id="a", function=fn("f", "1")), call(0, id="b", function=fn("g", "2"))],
        [ToolCall("a", "f", "1"), ToolCall("b", "g", "2")],
    ),
    "no index": (
        [
            call(id="a", function=fn("f", "1")),
            call(function=fn(None, "2")),
            call(id="b", function=fn("g", "3")),
        ],
        [ToolCall("a", "f", "12"), ToolCall("b", "g", "3")],
    ),
    "id and name in each fragment": (
        [call(0, id="a", function=fn("f", "1")), call(0, id="a", function=fn("f", "2"))],
        [ToolCall("a", "f", "12")],
    ),
    "another id in each fragment, without a name": (
        [call(0, id="a", function=fn("f", "1")), call(0, id="z", function=fn(None, "2"))],
        [ToolCall("a", "f", "12")],
    ),
    "a name in two parts": (
        [call(0, id="a", function=fn("get_", "")), call(0, function=fn("it", "{}"))],
        [ToolCall("a", "get_it", "{}")],
    ),
    "no ids": (
        [call(0, function=fn("f", "1")), call(1, function=fn("g", "2"))],
        [ToolCall("", "f", "1"), ToolCall("#1", "g", "2")],
    ),
    "no list": (
        [{"tool_calls": {"index": 0, "id": "a", "function": fn("f", "{}")}}],
        [ToolCall("a", "f", "{}")],
    ),
    "legacy": (
        [{"function_call": fn("f", "")}, {"function_call": fn(None, "{}")}],
        [ToolCall("", "f", "{}", b'{"type":"function_call"}')],
    ),
}


@pytest.mark.parametrize(("deltas", "calls"), TOOLS.values(), ids=TOOLS.keys())
def test_fragments_find_their_tool_call(deltas: list[object], calls: list[Block]) -> None:
    _, answer = read(sse(*(chunk(delta) for delta in deltas)))
    assert list(answer.blocks) == calls


def test_text_reasoning_finish_and_usage_are_gathered() -> None:
    decoder, answer = read(
        sse(
            {"id": "", "choices": [], "prompt_filter_results": []},
            chunk({"role": "assistant", "content": ""}, usage=None),
            chunk({"reasoning_content": "th"}),
            chunk({"reasoning": "ink"}),
            chunk({"content": "\ud83d"}),
            chunk({"content": "\ude00 a"}),
            chunk(None, "stop"),
            chunk({}, usage={"prompt_tokens": 1, "completion_tokens": 1}),
            {"id": "c1", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}},
        )
    )
    assert answer.blocks == (Thought("think"), Text("\U0001f600 a"))
    assert (answer.id, answer.created, answer.finish_reason) == ("c1", 5, "stop")
    assert answer.usage == Usage(1, 2)
    assert answer.raw_response.count("\n") == 8
    assert (decoder.done, decoder.complete, decoder.damaged) == (True, True, False)


def test_parts_refusals_and_what_is_unknown_are_kept() -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "r"}]},
        {"type": "text", "text": "a"},
        {"type": "new", "x": 1},
    ]
    _, answer = read(
        sse(chunk({"content": parts}), chunk({"refusal": "n"}), chunk({"refusal": "o"}))
    )
    assert answer.blocks == (
        Thought("r"),
        Text("a"),
        Unknown(b'{"type":"new","x":1}'),
        Unknown(b'{"type":"refusal","refusal":"no"}'),
    )


def test_a_stream_without_done_is_complete_with_its_finish_reason() -> None:
    decoder, answer = read(sse(chunk({"content": "a"}), chunk({}, "eos_token"), done=False)[:-2])
    assert decoder.complete
    assert answer.finish_reason == "stop"


def test_a_cut_stream_keeps_what_came_and_is_not_complete() -> None:
    whole = sse(chunk({"content": "a"}), chunk({"content": "b"}, "stop"))
    for cut in range(len(whole)):
        decoder, answer = read(whole[:cut])
        text = "".join(block.text for block in answer.blocks if isinstance(block, Text))
        assert "ab".startswith(text)
        assert decoder.complete == (text == "ab")


def test_an_event_that_cannot_be_read_is_passed_over() -> None:
    decoder, answer = read(b"data: {broken\n\n" + sse(chunk({"content": "a"})))
    assert answer.blocks == (Text("a"),)
    assert decoder.damaged


def test_an_event_that_cannot_be_read_is_told_where_that_is_wanted() -> None:
    decoder = StreamDecoder(tell_damage=True)
    first, second = decoder.feed(
        b"data: \n\ndata: {broken\n\n" + sse(chunk({"content": "a"}), done=False)
    )
    assert isinstance(first.error, UpstreamGarbage)
    assert (second.error, second.deltas) == (None, (TextDelta("0", "a"),))
    assert decoder.feed(b"data: {cut") == decoder.close() == []


def test_an_empty_text_is_told_and_makes_no_block() -> None:
    decoder = StreamDecoder()
    (told,) = decoder.feed(sse(chunk({"role": "assistant", "content": ""}), done=False))
    assert told.deltas == (TextDelta("0", ""),)
    _, answer = read(sse(chunk({"content": ""}), chunk({"reasoning_content": "hm"})))
    assert answer.blocks == (Thought("hm"),)


def test_an_error_event_is_told_and_the_stream_is_not_complete() -> None:
    error = b'event: error\ndata: {"error":{"message":"x","status_code":400}}\n\n'
    decoder, answer = read(sse(chunk({"content": "a"}, "stop"), done=False) + error)
    assert (decoder.error_status, decoder.complete) == (400, False)
    assert decoder.error_body == b'{"error":{"message":"x","status_code":400}}'
    assert answer.blocks == (Text("a"),)


def test_other_choices_and_what_comes_after_done_do_not_count() -> None:
    other = {"choices": [{"index": 1, "delta": {"content": "no"}, "finish_reason": "length"}]}
    _, answer = read(sse(chunk({"content": "a"}), other) + sse(chunk({"content": "late"})))
    assert answer.blocks == (Text("a"),)
    assert answer.finish_reason is None


CHUNKS = [
    Chunk((ThoughtDelta("0", "hm"),), response_id="r1", created=7),
    Chunk((TextDelta("0", "a"), TextDelta("0", "b"))),
    Chunk(),
    Chunk((ToolCallDelta("x", "get_", '{"a"'), ToolCallDelta("y", "g", ""))),
    Chunk((ToolCallDelta("x", "it", ":1}"),), finish_reason="tool_call"),
    Chunk(usage=Usage(3, 4)),
]


def encode(chunks: list[Chunk], **options: Any) -> list[dict[str, Any]]:
    encoder = StreamEncoder("demo", **options)
    body = b"".join([encoder.encode(each) for each in chunks] + [encoder.close()])
    *events, done, rest = body.split(b"\n\n")
    assert (done, rest) == (b"data: [DONE]", b"")
    return [json.loads(event.removeprefix(b"data: ")) for event in events]


def assemble(events: list[dict[str, Any]]) -> ChatCompletion:
    """By the strict helper of the `openai` package."""
    state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
    for event in events:
        state.handle_chunk(ChatCompletionChunk.model_validate(event, strict=True))
    return state.get_final_completion()


def test_an_encoded_stream_is_assembled_by_the_openai_package() -> None:
    completion = assemble(encode(CHUNKS, include_usage=True))
    (choice,) = completion.choices
    assert (completion.id, completion.created, completion.model) == ("r1", 7, "demo")
    assert (choice.message.content, choice.finish_reason) == ("ab", "tool_calls")
    calls = [
        (each.id, each.function.name, each.function.arguments)
        for each in choice.message.tool_calls or []
    ]
    assert calls == [("x", "get_it", '{"a":1}'), ("y", "g", "")]
    assert completion.usage is not None
    assert completion.usage.total_tokens == 7


def test_role_ids_and_finish_reason_come_once_and_usage_last() -> None:
    events = encode(CHUNKS, include_usage=True)
    deltas = [choice["delta"] for event in events for choice in event["choices"]]
    assert ["role" in delta for delta in deltas] == [True, *[False] * (len(deltas) - 1)]
    reasons = [choice["finish_reason"] for event in events for choice in event["choices"]]
    assert reasons == [*[None] * (len(reasons) - 1), "tool_calls"]
    calls = [item for delta in deltas for item in delta.get("tool_calls", [])]
    assert [(item["index"], item.get("id"), item.get("type")) for item in calls] == [
        (0, "x", "function"),
        (1, "y", "function"),
        (0, None, None),
    ]
    assert [event["usage"] is not None for event in events] == [*[False] * (len(events) - 1), True]
    assert events[-1]["choices"] == []
    assert {event["object"] for event in events} == {"chat.completion.chunk"}


def test_usage_is_not_sent_unasked() -> None:
    assert all("usage" not in event for event in encode(CHUNKS))


def test_an_empty_stream_still_has_role_and_finish_reason() -> None:
    completion = assemble(encode([], response_id="r", created=1))
    assert completion.choices[0].finish_reason == "stop"
    assert completion.choices[0].message.role == "assistant"


def test_a_chunk_with_nothing_to_say_sends_nothing() -> None:
    encoder = StreamEncoder("demo")
    assert encoder.encode(Chunk(usage=Usage(1, 2), finish_reason="stop")) == b""


def test_an_error_between_chunks_is_an_error_event_and_the_stream_goes_on() -> None:
    events = encode([Chunk((TextDelta("0", "a"),)), Chunk(error=UpstreamClientError("oops"))])
    assert events[1] == {"error": {"message": "oops"}}
    assert events[2]["choices"][0]["finish_reason"] == "stop"


def test_what_was_encoded_is_decoded_to_the_same_answer() -> None:
    encoder = StreamEncoder("demo", include_usage=True)
    chunks = [*CHUNKS, Chunk((UnknownDelta("u", b'{"type":"refusal","refusal":"no"}'),))]
    body = b"".join([encoder.encode(each) for each in chunks] + [encoder.close()])
    accumulator = ChunkAccumulator()
    for each in chunks:
        accumulator.add(each)
    expected, (_, decoded) = accumulator.answer(), read(body)
    assert decoded.blocks == expected.blocks
    assert (decoded.usage, decoded.finish_reason, decoded.id) == (
        (expected.usage, expected.finish_reason, expected.id)
    )
