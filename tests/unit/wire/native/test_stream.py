"""Streams of `/inference`. Each test name is one line of the compatibility tables."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson

from proxy.errors import UpstreamReset
from proxy.types.content import Text, ToolCall
from proxy.types.response import (
    Chunk,
    TextDelta,
    ThoughtDelta,
    ToolCallDelta,
    UnknownDelta,
)
from proxy.types.usage import Usage
from proxy.wire.envelope.response import RawSource
from proxy.wire.native.stream import NativeStream, NativeStreamOptions

ID = UUID("0199a000-0000-7000-8000-000000000001")
EPISODE = UUID("0199a000-0000-7000-8000-000000000002")
CALL = UUID("0199a000-0000-7000-8000-000000000003")
HEAD = (
    b'data: {"inference_id":"0199a000-0000-7000-8000-000000000001",'
    b'"episode_id":"0199a000-0000-7000-8000-000000000002","variant_name":"v",'
)
SOURCE = RawSource("openai", CALL)


def stream(*, kind: Any = "chat", options: NativeStreamOptions | None = None, **more: Any) -> Any:
    return NativeStream(
        inference_id=ID,
        episode_id=EPISODE,
        variant_name="v",
        kind=kind,
        options=options or NativeStreamOptions(),
        source=SOURCE,
        **more,
    )


def loaded(sent: bytes) -> list[Any]:
    parts = sent.removesuffix(b"data: [DONE]\n\n").split(b"\n\n")[:-1]
    return [orjson.loads(part.removeprefix(b"data: ")) for part in parts]


def events(encoder: NativeStream, *chunks: Chunk, **last: Any) -> list[Any]:
    sent = b"".join([*(encoder.encode(chunk) for chunk in chunks), encoder.close(**last)])
    assert sent.endswith(b"data: [DONE]\n\n")
    return loaded(sent)


def text(said: str, **more: Any) -> Chunk:
    return Chunk((TextDelta("0", said),), **more)


def test_members_of_a_chat_functions_chunks_stand_in_their_order() -> None:
    encoder = stream()
    first = encoder.encode(text("hi", usage=Usage(1, 2), finish_reason="stop"))
    assert first == HEAD + b'"content":[{"type":"text","id":"0","text":"hi"}]}\n\n'
    assert encoder.close() == HEAD + (
        b'"content":[],"usage":{"input_tokens":1,"output_tokens":2,"cost":null},'
        b'"finish_reason":"stop"}\n\ndata: [DONE]\n\n'
    )


def test_members_of_a_json_functions_chunks_stand_in_their_order() -> None:
    encoder = stream(kind="json")
    assert encoder.encode(text('{"a":')) == HEAD + b'"raw":"{\\"a\\":"}\n\n'
    assert encoder.close(usage=Usage(1, 2), cost=0.5) == HEAD + (
        b'"raw":"","usage":{"input_tokens":1,"output_tokens":2,"cost":0.5}}\n\ndata: [DONE]\n\n'
    )


def test_each_kind_of_delta_is_a_block() -> None:
    deltas = (
        ToolCallDelta("c", "get", ""),
        ToolCallDelta("c", None, "{}"),
        ThoughtDelta("1", text="hm"),
        ThoughtDelta("1", summary_id="0", summary_text="s"),
        UnknownDelta("2", b'{"x":1}'),
    )
    [event, _] = events(stream(model_name="m", provider_name="p"), Chunk(deltas))
    thought = {"signature": None, "summary_id": None, "summary_text": None}
    assert event["content"] == [
        {"type": "tool_call", "id": "c", "raw_name": "get", "raw_arguments": ""},
        {"type": "tool_call", "id": "c", "raw_name": "", "raw_arguments": "{}"},
        {"type": "thought", "id": "1", "text": "hm", **thought},
        {"type": "thought", "id": "1", "text": None}
        | {**thought, "summary_id": "0", "summary_text": "s"},
        {
            "type": "unknown",
            "id": "2",
            "data": {"x": 1},
            "model_name": "m",
            "provider_name": "p",
        },
    ]


def test_a_thought_names_its_author() -> None:
    said = (ThoughtDelta("1", "a"), ThoughtDelta("1", "b", provider_type="other"))
    [event, _] = events(stream(provider_type="openai"), Chunk(said))
    assert [block["provider_type"] for block in event["content"]] == ["openai", "other"]


def test_an_empty_text_is_sent() -> None:
    [event, _] = events(stream(), text(""))
    assert event["content"] == [{"type": "text", "id": "0", "text": ""}]


def test_a_tool_that_stands_in_for_the_answer_of_a_chat_function_is_text() -> None:
    [event, _] = events(stream(tool_as_text=True), Chunk((ToolCallDelta("c", "respond", "{}"),)))
    assert event["content"] == [{"type": "text", "id": "c", "text": "{}"}]


def test_a_json_function_streams_text_and_arguments_but_no_thoughts() -> None:
    chunks = [
        Chunk((ThoughtDelta("1", text="hm"),)),
        Chunk((ToolCallDelta("c", "respond", '{"a"'),)),
        Chunk((ToolCallDelta("c", None, ":1}"),)),
        Chunk((TextDelta("0", ""),)),
    ]
    assert [event["raw"] for event in events(stream(kind="json"), *chunks)] == ['{"a"', ":1}", ""]


def test_chunks_without_content_are_dropped() -> None:
    assert stream().encode(Chunk(usage=Usage(1, 2), raw="{}", finish_reason="stop")) == b""


def test_of_several_finish_reasons_and_usages_the_last_counts() -> None:
    chunks = [
        text("a", usage=Usage(5, 1), finish_reason="length"),
        text("b", usage=Usage(output_tokens=2), finish_reason="tool_call"),
    ]
    *_, last = events(stream(), *chunks)
    assert last["usage"] == {"input_tokens": 5, "output_tokens": 2, "cost": None}
    assert last["finish_reason"] == "tool_call"


def test_a_finish_reason_that_is_not_known_is_left_out() -> None:
    [last] = events(stream())
    assert list(last) == ["inference_id", "episode_id", "variant_name", "content", "usage"]


def test_raw_chunks_are_sent_when_asked_for_even_without_content() -> None:
    options = NativeStreamOptions(include_raw_response=True)
    [event, _] = events(stream(options=options), Chunk(raw="{ }"))
    assert (event["content"], event["raw_chunk"]) == ([], "{ }")
    assert "original_chunk" not in event


def test_original_chunks_are_sent_when_asked_for() -> None:
    options = NativeStreamOptions(include_original_response=True, include_raw_response=True)
    [event, _] = events(stream(kind="json", options=options), Chunk(raw="{ }"))
    assert list(event)[-3:] == ["raw", "original_chunk", "raw_chunk"]


def test_an_empty_raw_chunk_is_none() -> None:
    options = NativeStreamOptions(include_original_response=True, include_raw_response=True)
    [event, _] = events(stream(options=options), text("a", raw=""))
    assert list(event)[-1] == "content"


def test_raw_usage_stands_in_the_chunk_that_reported_it() -> None:
    options = NativeStreamOptions(include_raw_usage=True)
    raw = '{"usage":{"total_tokens":3,"x":1.50}}'
    encoder = stream(options=options)
    sent = encoder.encode(Chunk(usage=Usage(1, 2), raw=raw))
    assert sent == HEAD + (
        b'"content":[],"raw_usage":[' + SOURCE.entry(b'{"total_tokens":3,"x":1.50}') + b"]}\n\n"
    )
    assert encoder.usage == Usage(1, 2)


def test_raw_data_of_earlier_calls_come_first_in_their_order() -> None:
    options = NativeStreamOptions(include_raw_usage=True, include_raw_response=True)
    entries = [SOURCE.entry(str(index)) for index in range(4)]
    encoder = stream(options=options)
    sent = loaded(
        encoder.encode_earlier(
            failed_variants=entries[:1],
            raw_usage=entries[1:2],
            failed_attempts=entries[2:3],
            raw_response=entries[3:],
        )
    )
    assert [list(event)[-1] for event in sent] == [
        "raw_response",
        "raw_usage",
        "raw_response",
        "raw_response",
    ]
    found = [list(event.values())[-1][0]["data"] for event in sent]
    assert found == ["0", "1", "2", "3"]
    assert encoder.encode_earlier() == b""
    assert stream().encode_earlier(raw_usage=entries, failed_variants=entries) == b""


def test_the_whole_answer_stands_in_the_last_chunk_for_who_asked() -> None:
    blocks = [Text("a"), ToolCall("1", "get", "{}")]
    [last] = events(stream(), content=blocks)
    assert [block["type"] for block in last["aggregated_response"]] == ["text", "tool_call"]
    [last] = events(stream(kind="json"), output=("{}", b"{}"))
    assert last["aggregated_response"] == {"raw": "{}", "parsed": {}}


def test_an_error_in_mid_stream_is_an_event_and_the_stream_goes_on() -> None:
    options = NativeStreamOptions(include_raw_response=True)
    broken = Chunk(error=UpstreamReset("it broke"), raw="raw text")
    first, error, after, _ = events(stream(options=options), text("a"), broken, text("b"))
    assert error == {"error": "it broke", "raw_chunk": "raw text"}
    assert first["content"] != after["content"]
    assert loaded(stream().encode(broken)) == [{"error": "it broke"}]
    assert stream().encode_error("x", error_json=b'{"A":1}') == (
        b'data: {"error":"x","error_json":{"A":1}}\n\n'
    )
