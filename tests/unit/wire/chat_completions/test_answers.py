"""All that an answer holds beside text, calls and reasoning, whole and streamed, in and out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.types.content import Text, Thought, ToolCall, Unknown
from proxy.types.response import (
    Answer,
    Choice,
    Chunk,
    OtherDelta,
    TextDelta,
    ThoughtDelta,
    ToolCallDelta,
    UnknownDelta,
)
from proxy.types.usage import Usage
from proxy.wire.accumulate import ChunkAccumulator
from proxy.wire.chat_completions.encode_stream import StreamEncoder
from proxy.wire.chat_completions.response import decode_response, encode_response
from proxy.wire.chat_completions.stream import StreamDecoder
from proxy.wire.members import object_members

CITED = {"type": "url_citation", "url_citation": {"url": "https://x", "title": "t"}}
TOKEN = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}


def read(*bodies: Any) -> Answer:
    """Streamed."""
    events = "".join(f"data: {json.dumps(body)}\n\n" for body in bodies) + "data: [DONE]\n\n"
    decoder, accumulator = StreamDecoder(), ChunkAccumulator()
    for chunk in (*decoder.feed(events.encode()), *decoder.close()):
        accumulator.add(chunk)
    assert decoder.complete
    return accumulator.answer()


def chunk(delta: Any, index: int = 0, **members: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": delta, **members}]}


def whole(message: Any, **members: Any) -> Answer:
    return decode_response(json.dumps({"choices": [{"message": message, **members}]}).encode())


def loads(raw: bytes | None) -> Any:
    return json.loads(raw or b"null")


def test_all_choices_are_read_whole() -> None:
    choices = [
        {"index": 2, "message": {"content": "c"}, "finish_reason": "length"},
        {"index": 0, "message": {"content": "a"}, "finish_reason": "stop"},
        {"index": 1, "message": {"content": "b"}, "logprobs": {"content": [TOKEN]}},
    ]
    answer = decode_response(json.dumps({"choices": choices, "service_tier": "flex"}).encode())
    assert (answer.blocks, answer.service_tier) == ((Text("a"),), "flex")
    second, third = answer.others
    assert (second.index, second.blocks, second.finish_reason) == (1, (Text("b"),), None)
    assert loads(second.logprobs) == {"content": [TOKEN]}
    assert third == Choice(2, (Text("c"),), "length")


def test_all_choices_are_read_from_a_stream() -> None:
    call = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}
    answer = read(
        {"service_tier": "flex", **chunk({"content": "a"})},
        chunk({"content": "b"}, 1, logprobs={"content": [TOKEN]}),
        chunk({"tool_calls": [call]}, 1),
        chunk({"refusal": "no"}, 2),
        chunk({}, 1, finish_reason="tool_calls", logprobs={"content": [TOKEN]}),
        chunk({}, finish_reason="stop"),
        {"choices": [{"index": -1, "delta": {"content": "x"}}, {"index": "y"}, 7]},
    )
    assert (answer.blocks, answer.finish_reason, answer.service_tier) == (
        (Text("a"),),
        "stop",
        "flex",
    )
    second, third = answer.others
    assert second.blocks == (Text("b"), ToolCall("c", "f", "{}"))
    assert (second.finish_reason, loads(second.logprobs)) == (
        "tool_call",
        {"content": [TOKEN, TOKEN]},
    )
    assert third.blocks == (Unknown(b'{"type":"refusal","refusal":"no"}'),)


@pytest.mark.parametrize(
    ("members", "found"),
    [
        ({"stop_reason": "END"}, "END"),
        ({"stop_reason": 128001}, None),
        ({"matched_stop": "END", "stop_reason": None}, "END"),
        ({}, None),
    ],
)
def test_the_text_that_ended_an_answer_is_told(members: dict[str, Any], found: str | None) -> None:
    assert whole({"content": "a"}, **members).stop_sequence == found
    assert read(chunk({"content": "a"}, **members), chunk({})).stop_sequence == found


def test_log_probabilities_are_read() -> None:
    logprobs = {"content": [TOKEN], "refusal": None}
    assert loads(whole({"content": "a"}, logprobs=logprobs).logprobs) == logprobs
    assert whole({"content": "a"}, logprobs={"content": []}).logprobs is None
    answer = read(
        chunk({"content": "a"}, logprobs=logprobs), chunk({"content": "b"}, logprobs=logprobs)
    )
    assert loads(answer.logprobs)["content"] == [TOKEN, TOKEN]


def test_citations_belong_to_the_text() -> None:
    message = {"content": "a", "annotations": [CITED]}
    for answer in (whole(message), read(chunk({"content": "a"}), chunk({"annotations": [CITED]}))):
        (block,) = answer.blocks
        assert isinstance(block, Text)
        assert (block.text, loads(block.extra)) == ("a", {"citations": [CITED]})
    (alone,) = whole({"annotations": [CITED]}).blocks
    assert isinstance(alone, Text)
    assert alone.text == ""
    parts = [IMAGE, {"type": "text", "text": "a"}]
    _, text = whole({"content": parts, "annotations": [CITED]}).blocks
    assert isinstance(text, Text)
    assert text.extra is not None


def test_images_sound_and_members_that_nobody_knows_are_kept() -> None:
    audio = {"id": "a", "data": "aGk=", "transcript": "hi", "expires_at": 1}
    message = {"content": None, "audio": audio, "images": [IMAGE], "executed": [1], "name": "x"}
    parts = [
        {"audio": {"id": "a", "data": "aG", "transcript": "h"}, "executed": [1], "meta": {"a": 1}},
        {"audio": {"data": "k=", "transcript": "i", "expires_at": 1}, "images": [IMAGE]},
        {"executed": [2], "meta": {"b": 2}},
    ]
    sound, image, further = (loads(each.data) for each in unknown(whole(message)))
    assert sound == {"type": "audio", "audio": audio}
    assert image == IMAGE
    assert further == {"type": "message", "executed": [1]}
    image, sound, further = (loads(each.data) for each in unknown(read(*map(chunk, parts))))
    assert (image, sound) == (IMAGE, {"type": "audio", "audio": audio})
    assert further == {"type": "message", "executed": [1, 2], "meta": {"b": 2}}


def unknown(answer: Answer) -> list[Unknown]:
    assert all(isinstance(block, Unknown) for block in answer.blocks)
    return [block for block in answer.blocks if isinstance(block, Unknown)]


def test_a_calls_further_members_are_kept() -> None:
    call = {
        "id": "c",
        "index": 0,
        "type": "function",
        "function": {"name": "f", "arguments": "{}", "note": 1},
        "extra_content": {"s": 1},
    }
    extra = {"extra_content": {"s": 1}, "function": {"note": 1}}
    for answer in (whole({"tool_calls": [call]}), read(chunk({"tool_calls": [call]}))):
        (block,) = answer.blocks
        assert isinstance(block, ToolCall)
        assert loads(block.extra) == extra


def test_entries_of_reasoning_are_thoughts_in_their_places() -> None:
    call = {"id": "c", "index": 0, "function": {"name": "f", "arguments": "{}"}}
    text = {"type": "reasoning.text", "text": "a", "index": 0, "format": "x"}
    summary = {"type": "reasoning.summary", "summary": "s", "index": 0, "format": "x"}
    hidden = {"type": "reasoning.encrypted", "data": "d", "id": "c", "format": "x"}
    message = {"reasoning": "as", "reasoning_details": [text, summary, hidden], "content": "t"}
    answer = whole({**message, "tool_calls": [call]})
    first, second, said, third, called = answer.blocks
    assert first == Thought("a", extra_data=b'{"index":0,"format":"x"}')
    assert isinstance(second, Thought)
    assert (second.text, loads(second.summary)) == (None, [{"type": "summary_text", "text": "s"}])
    assert (said, called) == (Text("t"), ToolCall("c", "f", "{}"))
    assert isinstance(third, Thought)
    assert (third.signature, loads(third.extra_data)) == (
        "d",
        {"id": "c", "format": "x", "encrypted": True},
    )
    streamed = read(
        chunk({"reasoning": "a", "reasoning_details": [text]}),
        chunk({"reasoning_details": [{**text, "text": "b", "signature": "g"}]}),
        chunk({"reasoning_details": [summary]}),
        chunk({"content": "t"}),
        chunk({"tool_calls": [call], "reasoning_details": [hidden]}),
    )
    assert streamed.blocks[0] == Thought("ab", "g", extra_data=b'{"index":0,"format":"x"}')
    assert streamed.blocks[1:] == (second, said, third, called)


def test_words_beside_entries_that_have_none_are_a_thought() -> None:
    hidden = {"type": "reasoning.encrypted", "data": "d", "index": 0}
    message = {"reasoning": "r", "reasoning_details": [hidden]}
    thought = Thought(None, "d", extra_data=b'{"index":0,"encrypted":true}')
    assert whole(message).blocks == (Thought("r"), thought)
    assert read(chunk(message)).blocks == (Thought("r"), thought)


def test_thoughts_in_parts_of_the_content_keep_how_they_were_said() -> None:
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "r"}], "closed": True}]
    assert whole({"content": parts}).blocks == (Thought("r", extra_data=b'{"closed":true}'),)
    assert read(chunk({"content": parts})).blocks == (Thought("r", extra_data=b'{"closed":true}'),)
    odd = [{"type": "thinking", "thinking": 7}]
    assert whole({"content": odd}).blocks == (Unknown(b'{"type":"thinking","thinking":7}'),)


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        (
            {
                "prompt_tokens": 1,
                "completion_tokens": 2,
                "total_tokens": 6,
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
            Usage(1, 5, reasoning=3),
        ),
        (
            {"prompt_tokens": 1, "completion_tokens": 5, "total_tokens": 6, "reasoning_tokens": 3},
            Usage(1, 5, reasoning=3),
        ),
        (
            {"prompt_tokens": 9, "prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 5},
            Usage(9, None, 4, 5),
        ),
        ({"prompt_tokens": 9, "cached_tokens": 4}, Usage(9, None, 4)),
    ],
)
def test_thoughts_are_part_of_the_output_and_misses_are_writes(
    usage: dict[str, Any], counts: Usage
) -> None:
    assert decode_response(json.dumps({"usage": usage}).encode()).usage == counts


ANSWER = Answer(
    "r",
    (
        Text(
            "one ", json.dumps({"citations": [{"url": "https://a", "title": "A"}, CITED]}).encode()
        ),
        Text(
            "two", b'{"citations":[{"type":"page","cited_text":"p"},{"web":{"uri":"https://b"}}]}'
        ),
        Unknown(json.dumps(IMAGE).encode()),
        Unknown(b'{"type":"audio","audio":{"id":"a","data":"","expires_at":1,"transcript":""}}'),
        Unknown(b'{"type":"message","executed":[1]}'),
        Unknown(b'{"type":"refusal","refusal":"no"}'),
    ),
    Usage(9, 5, 3, 2, 1),
    "stop_sequence",
    created=1,
    others=(Choice(1, (Text("b"),), "length", b'{"content":[]}'),),
    logprobs=json.dumps({"content": [TOKEN]}).encode(),
    stop_sequence="END",
    service_tier="flex",
)
ANNOTATIONS = [
    {
        "index": 0,
        "type": "url_citation",
        "url_citation": {"url": "https://a", "title": "A", "start_index": 0, "end_index": 4},
    },
    {"index": 1, **CITED},
    {
        "index": 2,
        "type": "url_citation",
        "url_citation": {"url": "https://b", "title": "", "start_index": 4, "end_index": 7},
    },
]


def check_message(message: dict[str, Any]) -> None:
    assert (message["content"], message["refusal"]) == ("one two", "no")
    assert message["annotations"] == ANNOTATIONS
    assert message["citations"] == [{"index": 0, "type": "page", "cited_text": "p"}]
    assert message["images"] == [{"index": 0, **IMAGE}]
    assert message["audio"]["id"] == "a"
    assert message["executed"] == [1]


def test_all_that_an_answer_holds_is_told_to_the_client() -> None:
    body = json.loads(encode_response(ANSWER, "demo"))
    first, second = body["choices"]
    check_message(first["message"])
    assert (first["finish_reason"], first["stop_reason"]) == ("stop", "END")
    assert first["logprobs"] == {"content": [TOKEN], "refusal": None}
    assert (second["index"], second["finish_reason"]) == (1, "length")
    assert body["service_tier"] == "flex"
    assert body["usage"] == {
        "prompt_tokens": 9,
        "completion_tokens": 5,
        "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 1},
    }


def events(*chunks: Chunk) -> list[dict[str, Any]]:
    encoder = StreamEncoder("demo", response_id="r", created=1)
    body = b"".join([encoder.encode(each) for each in chunks] + [encoder.close()]).decode()
    return [json.loads(event.removeprefix("data: ")) for event in body.split("\n\n")[:-2]]


def test_all_that_a_streamed_answer_holds_is_told_to_the_client() -> None:
    one, two, *others = ANSWER.blocks
    assert isinstance(one, Text)
    assert isinstance(two, Text)
    rest = [each.data for each in others if isinstance(each, Unknown)]
    told = events(
        Chunk(
            (TextDelta("0", one.text, one.extra),), logprobs=ANSWER.logprobs, service_tier="flex"
        ),
        Chunk((TextDelta("1", two.text, two.extra),), others=(OtherDelta(1),)),
        Chunk(tuple(UnknownDelta(str(number), data) for number, data in enumerate(rest))),
        Chunk(others=(OtherDelta(1, (TextDelta("0", "b"),), "length", b'{"tokens":["b"]}'),)),
        Chunk(finish_reason="stop_sequence", stop_sequence="END"),
        Chunk(logprobs=ANSWER.logprobs),
    )
    assert {event["service_tier"] for event in told} == {"flex"}
    choices = [choice for event in told for choice in event["choices"]]
    first = [choice for choice in choices if choice["index"] == 0]
    message: dict[str, Any] = {"content": "", "refusal": None}
    for choice in first:
        for key, value in choice["delta"].items():
            known = message.get(key)
            joins = isinstance(known, str | list) and value is not None
            message[key] = known + value if joins else value if value is not None else known
    check_message(message)
    assert first[0]["logprobs"] == {"content": [TOKEN], "refusal": None}
    assert (first[-1]["finish_reason"], first[-1]["stop_reason"]) == ("stop", "END")
    assert first[-2]["delta"] == {}
    second = [choice for choice in choices if choice["index"] == 1]
    assert [choice["delta"].get("content") for choice in second] == ["b", None]
    assert second[0]["logprobs"] == {"tokens": ["b"]}
    assert second[-1]["finish_reason"] == "length"


def test_a_summary_is_told_in_paragraphs() -> None:
    told = events(
        Chunk((ThoughtDelta("t", None, None, "0", "a"),)),
        Chunk((ThoughtDelta("t", None, None, "0", "b"),)),
        Chunk((ThoughtDelta("t", None, None, "1", "c"), TextDelta("x", ""))),
        Chunk((ThoughtDelta("t", signature="s"),)),
    )
    deltas = [choice["delta"] for event in told for choice in event["choices"]]
    said = "".join(delta.get("reasoning_content", "") for delta in deltas)
    assert said == "ab\n\nc"
    (details,) = [delta["reasoning_details"] for delta in deltas if "reasoning_details" in delta]
    (detail,) = details
    assert (detail["type"], detail["signature"]) == ("reasoning.summary", "s")
    assert [part["text"] for part in detail["summaries"]] == ["ab", "c"]


def test_the_older_form_of_a_call_is_streamed_as_such() -> None:
    mark = b'{"type":"function_call"}'
    told = events(
        Chunk((ToolCallDelta("", "f", "{", mark),)),
        Chunk((ToolCallDelta("", None, "}"),), finish_reason="tool_call"),
    )
    deltas = [choice["delta"] for event in told for choice in event["choices"]]
    assert [delta["function_call"] for delta in deltas[:2]] == [
        {"name": "f", "arguments": "{"},
        {"arguments": "}"},
    ]
    assert told[-1]["choices"][0]["finish_reason"] == "function_call"
    whole_body = json.loads(encode_response(Answer("r", (ToolCall("", "f", "", mark),)), "demo"))
    assert whole_body["choices"][0]["finish_reason"] == "function_call"


def test_halves_of_a_character_meet_beside_entries_too() -> None:
    told = events(
        Chunk((ThoughtDelta("t", "a", "s"), TextDelta("x", "\ud83d"))),
        Chunk((TextDelta("x", "\ude00"),)),
    )
    text = "".join(
        choice["delta"].get("content") or "" for event in told for choice in event["choices"]
    )
    assert text.encode("utf-16-le", "surrogatepass").decode("utf-16-le") == "\U0001f600"


def test_lone_surrogates_in_kept_members_do_not_stop_an_answer() -> None:
    raw = b'{"choices":[{"message":{"content":"a","odd":{"\\ud800":["\\udc00"]}}}]}'
    answer = decode_response(raw)
    message = json.loads(encode_response(answer, "demo"))["choices"][0]["message"]
    assert message["odd"] == {"\ufffd": ["\ufffd"]}
    assert object_members(answer.blocks[1].data) if isinstance(answer.blocks[1], Unknown) else 0


@pytest.mark.parametrize(
    ("theirs", "told"),
    [("flex", "flex"), ("standard", "default"), ("on_demand", "default"), ("batch", None)],
)
def test_a_service_tier_is_told_in_openais_words(theirs: str, told: str | None) -> None:
    body = json.loads(encode_response(Answer("r", (), service_tier=theirs), "demo"))
    assert body.get("service_tier") == told
    (first, *_) = events(Chunk((TextDelta("0", "a"),), service_tier=theirs))
    assert first.get("service_tier") == told
