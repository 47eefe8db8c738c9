"""Streams of `/openai/v1`. Each test name is one line of the compatibility tables."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
import pytest

from proxy.errors import UpstreamReset
from proxy.types.response import (
    Chunk,
    FinishReason,
    TextDelta,
    ThoughtDelta,
    ToolCallDelta,
    UnknownDelta,
)
from proxy.types.usage import Usage
from proxy.wire.envelope.response import RawSource
from proxy.wire.envelope.stream import KEEP_ALIVE, EnvelopeStream, StreamOptions

ID = UUID("0199a000-0000-7000-8000-000000000001")
EPISODE = UUID("0199a000-0000-7000-8000-000000000002")
CALL = UUID("0199a000-0000-7000-8000-000000000003")
HEAD = (
    b'data: {"id":"0199a000-0000-7000-8000-000000000001",'
    b'"episode_id":"0199a000-0000-7000-8000-000000000002","choices":[{"index":0,'
)
TAIL = (
    b'}}],"created":5,"model":"tensorzero::model_name::m","system_fingerprint":"",'
    b'"service_tier":null,"object":"chat.completion.chunk","usage":null}\n\n'
)


def stream(*, json_function: bool = False, **options: bool) -> EnvelopeStream:
    return EnvelopeStream(
        inference_id=ID,
        episode_id=EPISODE,
        model="tensorzero::model_name::m",
        created=5,
        json_function=json_function,
        options=StreamOptions(**options),
        source=RawSource("openai", CALL),
        model_name="m",
        provider_name="p",
    )


def case(sentence: str, *values: object) -> Any:
    return pytest.param(*values, id=sentence)


def events(encoder: EnvelopeStream, *chunks: Chunk) -> list[Any]:
    sent = b"".join([*(encoder.encode(chunk) for chunk in chunks), encoder.close()])
    assert sent.endswith(b"data: [DONE]\n\n")
    parts = sent.removesuffix(b"data: [DONE]\n\n").split(b"\n\n")[:-1]
    return [orjson.loads(part.removeprefix(b"data: ")) for part in parts]


def deltas(encoder: EnvelopeStream, *chunks: Chunk) -> list[Any]:
    return [event["choices"][0]["delta"] for event in events(encoder, *chunks)]


def text(said: str, identifier: str = "0", **more: Any) -> Chunk:
    return Chunk((TextDelta(identifier, said),), **more)


def test_members_of_a_chunk_stand_in_their_order() -> None:
    encoder = stream()
    first = encoder.encode(text(""))
    assert first == (
        HEAD
        + b'"finish_reason":null,"logprobs":null,"delta":{"role":"assistant","content":""'
        + TAIL
    )
    assert encoder.close() == (
        HEAD + b'"finish_reason":"stop","logprobs":null,"delta":{' + TAIL + b"data: [DONE]\n\n"
    )


def test_the_role_stands_in_the_first_chunk_only() -> None:
    assert deltas(stream(), text("a"), text("b")) == [
        {"role": "assistant", "content": "a"},
        {"content": "b"},
        {},
    ]


def test_a_stream_without_content_still_names_the_role() -> None:
    assert deltas(stream()) == [{"role": "assistant"}]


def test_texts_of_one_chunk_are_joined() -> None:
    chunk = Chunk((TextDelta("0", "a"), TextDelta("1", "b")))
    assert deltas(stream(), chunk)[0]["content"] == "ab"


def test_a_tool_call_has_its_id_in_its_first_chunk_only() -> None:
    said = deltas(
        stream(),
        Chunk((ToolCallDelta("a", "get", ""),)),
        Chunk((ToolCallDelta("a", None, '{"x"'),)),
        Chunk((ToolCallDelta("b", "put", "{}"), ToolCallDelta("a", None, ":1}"))),
    )
    assert [call for delta in said for call in delta.get("tool_calls", ())] == [
        {"id": "a", "index": 0, "type": "function", "function": {"name": "get", "arguments": ""}},
        {
            "id": None,
            "index": 0,
            "type": "function",
            "function": {"name": "", "arguments": '{"x"'},
        },
        {"id": "b", "index": 1, "type": "function", "function": {"name": "put", "arguments": "{}"}},
        {"id": None, "index": 0, "type": "function", "function": {"name": "", "arguments": ":1}"}},
    ]
    assert "content" not in said[0]


def test_extra_content_has_the_place_where_its_block_began() -> None:
    said = deltas(
        stream(),
        Chunk((ThoughtDelta("t", "why"),)),
        text("a"),
        text("b"),
        Chunk((ToolCallDelta("c", "f", ""), ThoughtDelta("t", None, "sig"))),
        Chunk((UnknownDelta("u", b'{"z": 1.0}'),)),
        text("c", "1"),
        Chunk((ThoughtDelta("v", "x"),)),
    )
    summary = {"summary_id": None, "summary_text": None}
    assert [extra for delta in said for extra in delta.get("tensorzero_extra_content", ())] == [
        {
            "type": "thought",
            "insert_index": 0,
            "id": "t",
            "text": "why",
            "signature": None,
            **summary,
        },
        {
            "type": "thought",
            "insert_index": 0,
            "id": "t",
            "text": None,
            "signature": "sig",
            **summary,
        },
        {
            "type": "unknown",
            "insert_index": 3,
            "id": "u",
            "data": {"z": 1.0},
            "model_name": "m",
            "provider_name": "p",
        },
        {
            "type": "thought",
            "insert_index": 5,
            "id": "v",
            "text": "x",
            "signature": None,
            **summary,
        },
    ]


def test_thoughts_and_unknown_blocks_name_their_author() -> None:
    thought_of = ThoughtDelta("t", "why", provider_type="openai")
    said = deltas(stream(), Chunk((thought_of, UnknownDelta("u", b"1"))))
    thought, unknown = said[0]["tensorzero_extra_content"]
    assert thought["provider_type"] == "openai"
    assert (unknown["model_name"], unknown["provider_name"]) == ("m", "p")


def test_a_chat_chunk_with_an_empty_text_is_sent() -> None:
    assert deltas(stream(), text(""), text("a"))[0] == {"role": "assistant", "content": ""}


def test_a_json_chunk_with_an_empty_text_is_not() -> None:
    said = deltas(stream(json_function=True), Chunk((ToolCallDelta("c", "f", ""),)), text("{"))
    assert said[0] == {"role": "assistant", "content": "{"}


def test_an_unknown_block_keeps_its_spelling() -> None:
    assert b'"data":{"z": 1.0}' in stream().encode(Chunk((UnknownDelta("u", b'{"z": 1.0}'),)))


@pytest.mark.parametrize(
    ("reasons", "word"),
    [
        case("the reason that came", ["length"], "length"),
        case("a tool call", ["tool_call"], "tool_calls"),
        case("the last of several", ["stop", "content_filter"], "content_filter"),
        case("a stop when none came", [None], "stop"),
    ],
)
def test_the_finish_reason_stands_in_the_last_chunk_only(
    reasons: list[FinishReason | None], word: str
) -> None:
    chunks = [text("a", finish_reason=reason) for reason in reasons]
    said = [event["choices"][0]["finish_reason"] for event in events(stream(), *chunks)]
    assert said == [None] * len(reasons) + [word]


@pytest.mark.parametrize(
    ("options", "usage"),
    [
        case("not by default", {}, None),
        case(
            "when it was asked for",
            {"include_usage": True},
            {
                "prompt_tokens": 3,
                "completion_tokens": 4,
                "total_tokens": 7,
                "tensorzero_cost": None,
            },
        ),
        case(
            "when raw usage was asked for",
            {"include_raw_usage": True},
            {
                "prompt_tokens": 3,
                "completion_tokens": 4,
                "total_tokens": 7,
                "tensorzero_cost": None,
            },
        ),
    ],
)
def test_the_usage_stands_in_the_last_chunk_only(options: dict[str, bool], usage: object) -> None:
    said = events(stream(**options), text("a", usage=Usage(3, 1)), text("b", usage=Usage(None, 4)))
    assert [event["usage"] for event in said] == [None, None, usage]
    assert said[-1]["choices"] != []


def test_chunks_without_content_are_dropped() -> None:
    assert stream().encode(Chunk(usage=Usage(1, 2), raw="{}")) == b""
    assert stream().encode(Chunk(finish_reason="stop", raw="{}")) == b""


USAGE = Chunk(usage=Usage(1, 2), raw='{"choices":[],"usage":{"n": 1.0}}')
ENTRY = {
    "model_inference_id": str(CALL),
    "provider_type": "openai",
    "api_type": "chat_completions",
    "data": {"n": 1.0},
}


def test_raw_usage_stands_on_the_chunk_that_carried_it() -> None:
    first, own, last = events(stream(include_raw_usage=True), text("a"), USAGE)
    assert "tensorzero_raw_usage" not in first
    assert own["tensorzero_raw_usage"] == [ENTRY]
    assert (own["choices"][0]["delta"], own["usage"]) == ({}, None)
    assert "tensorzero_raw_usage" not in last
    (with_text, _) = events(
        stream(include_raw_usage=True), text("a", usage=Usage(1, 2), raw=USAGE.raw)
    )
    assert with_text["tensorzero_raw_usage"] == [ENTRY]
    assert with_text["choices"][0]["delta"]["content"] == "a"


def test_raw_usage_of_a_provider_without_raw_data_is_null() -> None:
    own, _ = events(stream(include_raw_usage=True), Chunk(usage=Usage(1, 2)))
    assert own["tensorzero_raw_usage"][0]["data"] is None


def test_raw_chunks_are_shown_when_asked_for_even_without_content() -> None:
    said = events(stream(include_raw_response=True), text("a", raw="A"), Chunk(raw="B"), text("c"))
    assert [event.get("tensorzero_raw_chunk") for event in said] == ["A", "B", None, None]
    assert said[1]["choices"][0]["delta"] == {}


def test_original_chunks_are_shown_when_asked_for() -> None:
    options = {"include_original_response": True, "include_raw_response": True}
    first, _ = events(stream(**options), text("a", raw="A"))
    assert list(first)[-3:] == ["usage", "tensorzero_original_chunk", "tensorzero_raw_chunk"]
    plain, _ = events(stream(include_original_response=True), text("a", raw="A"))
    assert plain["tensorzero_original_chunk"] == "A"
    assert "tensorzero_raw_chunk" not in plain


def test_raw_data_of_earlier_calls_comes_in_first_chunks() -> None:
    encoder = stream(include_raw_usage=True, include_raw_response=True)
    earlier = RawSource("p").entry("body")
    sent = encoder.encode_earlier(raw_usage=[earlier], raw_response=[earlier])
    one, two = [orjson.loads(part[6:]) for part in sent.split(b"\n\n")[:-1]]
    assert one["tensorzero_raw_usage"] == two["tensorzero_raw_response"]
    assert one["choices"][0]["delta"] == {"role": "assistant"}
    assert two["choices"][0]["delta"] == {}
    assert deltas(encoder, text("a"))[0] == {"content": "a"}


def test_raw_data_of_earlier_calls_is_not_sent_unasked() -> None:
    assert stream().encode_earlier(raw_usage=[b"1"], raw_response=[b"1"]) == b""


def test_of_a_json_function_the_content_is_the_raw_text() -> None:
    said = deltas(
        stream(json_function=True),
        Chunk((ThoughtDelta("t", "why"),)),
        text('{"a"'),
        Chunk((ToolCallDelta("c", "respond", ":1}"), ThoughtDelta("t", "x"))),
    )
    assert said == [{"role": "assistant", "content": '{"a"'}, {"content": ":1}"}, {"content": ""}]


def test_an_error_in_mid_stream_is_one_event_and_the_stream_goes_on() -> None:
    encoder = stream()
    encoder.encode(text("a"))
    event = encoder.encode(Chunk(error=UpstreamReset("gone"), raw="R"))
    assert event == b'data: {"error":{"message":"gone"}}\n\n'
    assert deltas(encoder, text("b")) == [{"content": "b"}, {}]


def test_an_error_shows_its_raw_chunk_when_asked_for() -> None:
    encoder = stream(include_raw_response=True)
    assert encoder.encode_error("gone", raw_chunk="R") == (
        b'data: {"error":{"message":"gone"},"tensorzero_raw_chunk":"R"}\n\n'
    )
    assert encoder.encode_error("gone") == b'data: {"error":{"message":"gone"}}\n\n'


def test_keep_alive_is_a_comment() -> None:
    assert KEEP_ALIVE == b":\n\n"


def test_a_character_cut_in_two_by_the_provider_is_whole_for_the_client() -> None:
    encoder = stream()
    halves = encoder.encode(text("\ud83d")) + encoder.encode(
        Chunk((TextDelta("0", "\ude00"), UnknownDelta("u", b'{"a":1}')))
    )
    assert b"\\ud83d" in halves
    assert b"\\ude00" in halves
    assert b'"data":{"a":1}' in halves
