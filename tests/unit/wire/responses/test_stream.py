"""Events of a stream become chunks, each thing said once, however often the protocol says it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.errors import UpstreamGarbage
from proxy.types.content import Text, Thought, ToolCall, Unknown
from proxy.types.response import Answer, Chunk, TextDelta, ThoughtDelta, ToolCallDelta, UnknownDelta
from proxy.wire.accumulate import ChunkAccumulator
from proxy.wire.responses.response import decode_response
from proxy.wire.responses.stream import StreamDecoder

PLACE = {"output_index": 0, "content_index": 0, "item_id": "msg_1"}


def event(kind: str, **members: object) -> bytes:
    data = json.dumps({"type": kind, **members})
    return f"event: {kind}\ndata: {data}\n\n".encode()


def chunks(*events: bytes, decoder: StreamDecoder | None = None) -> list[Chunk]:
    reader = decoder or StreamDecoder()
    return [*reader.feed(b"".join(events)), *reader.close()]


def deltas(*events: bytes) -> list[object]:
    return [delta for chunk in chunks(*events) for delta in chunk.deltas]


def answer(*events: bytes) -> Answer:
    accumulator = ChunkAccumulator()
    for chunk in chunks(*events):
        accumulator.add(chunk)
    return accumulator.answer()


def message(*parts: object, **members: object) -> dict[str, object]:
    return {"type": "message", "id": "msg_1", "role": "assistant", **members, "content": parts}


def text(said: str, **members: object) -> dict[str, object]:
    return {"type": "output_text", "text": said, **members}


def test_a_text_comes_once_in_deltas_and_its_ids_when_it_is_done() -> None:
    assert deltas(
        event("response.output_item.added", output_index=0, item=message()),
        event("response.content_part.added", part=text(""), **PLACE),
        event("response.output_text.delta", delta="a", obfuscation="xyz", **PLACE),
        event("response.output_text.delta", delta="b", **PLACE),
        event("response.output_text.done", text="ab", **PLACE),
        event("response.content_part.done", part=text("ab"), **PLACE),
        event("response.output_item.done", output_index=0, item=message(text("ab"))),
        event("response.completed", response={"status": "completed", "output": [message()]}),
    ) == [
        TextDelta("0.0", "a"),
        TextDelta("0.0", "b"),
        TextDelta("0.0", "", b'{"item":{"id":"msg_1"}}'),
    ]


def test_what_deltas_left_out_comes_with_the_whole() -> None:
    assert deltas(
        event("response.output_text.delta", delta="a", **PLACE),
        event("response.output_text.done", text="abc", **PLACE),
    ) == [TextDelta("0.0", "a"), TextDelta("0.0", "bc")]
    assert deltas(
        event("response.reasoning_text.done", text="t", **PLACE),
        event("response.reasoning_summary_text.done", text="s", output_index=0, summary_index=1),
        event("response.function_call_arguments.done", arguments="{}", output_index=1),
        event("response.custom_tool_call_input.done", input="i", output_index=2),
        event("response.refusal.done", refusal="no", **PLACE),
        event("response.refusal.done", refusal="no", **PLACE),
        event("response.refusal.done", refusal=None, output_index=3),
    ) == [
        ThoughtDelta("0", "t"),
        ThoughtDelta("0", summary_id="1", summary_text="s"),
        ToolCallDelta("1", None, ""),
        ToolCallDelta("1", None, "{}"),
        ToolCallDelta("2", None, ""),
        ToolCallDelta("2", None, "i"),
        UnknownDelta("0.0", b'{"type":"refusal","refusal":"no"}'),
    ]


def test_a_refusal_comes_once() -> None:
    refused = {"type": "refusal", "refusal": "no"}
    given = [
        event("response.refusal.delta", delta="no", **PLACE),
        event("response.refusal.done", refusal="no", **PLACE),
        event("response.output_item.done", output_index=0, item=message(refused)),
        event("response.refusal.done", refusal="no", **PLACE),
    ]
    assert deltas(*given) == [UnknownDelta("0.0", b'{"type":"refusal","refusal":"no"}')]


def test_events_that_name_no_item_are_kept_and_the_progress_of_items_is_not() -> None:
    sound = {"type": "response.audio.delta", "delta": "AA"}
    (kept,) = deltas(
        event("response.audio.delta", delta="AA"),
        event("response.mcp_call_arguments.delta", delta="{", **PLACE),
        event("response.content_part.added", part={}),
    )
    assert isinstance(kept, UnknownDelta)
    assert json.loads(kept.data) == sound


def test_sources_come_as_they_are_found_and_the_others_with_the_whole() -> None:
    one, two = {"type": "url_citation", "url": "1"}, {"type": "url_citation", "url": "2"}
    events = [
        event("response.output_text.annotation.added", annotation=one, **PLACE),
        event("response.output_text.delta", delta="a", **PLACE),
        event("response.output_text.annotation.added", annotation=one, **PLACE),
        event("response.output_text.annotation.added", annotation=None, **PLACE),
        event(
            "response.output_item.done",
            output_index=0,
            item=message(text("a", annotations=[one, two])),
        ),
    ]
    assert deltas(*events)[1] == TextDelta(
        "0.0", "", b'{"citations":[{"type":"url_citation","url":"1"}]}'
    )
    (block,) = answer(*events).blocks
    assert isinstance(block, Text)
    assert json.loads(block.extra or b"{}") == {"citations": [one, two], "item": {"id": "msg_1"}}


def test_log_probabilities_come_with_their_tokens_and_only_once() -> None:
    token = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [{"token": "b"}]}
    shown = {**token, "top_logprobs": [{"token": "b", "logprob": None, "bytes": None}]}
    whole = message(text("a", logprobs=[token]))
    done = event("response.output_item.done", output_index=0, item=whole)
    end = event("response.completed", response={"status": "completed", "output": [whole]})
    spoken = event("response.output_text.delta", delta="a", logprobs=[token], **PLACE)
    for events in ([spoken, done, end], [done, end], [end]):
        found = [chunk.logprobs for chunk in chunks(*events) if chunk.logprobs]
        assert list(map(json.loads, found)) == [{"content": [shown]}]
    body = json.dumps({"output": [whole]}).encode()
    assert json.loads(decode_response(body).logprobs or b"") == {"content": [shown]}
    assert decode_response(b'{"output":[]}').logprobs is None


def test_calls_have_their_name_first_and_their_ids_when_they_are_done() -> None:
    call = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": ""}
    assert deltas(
        event("response.output_item.added", output_index=0, item=call),
        event("response.output_item.added", output_index=0, item=call),
        event("response.function_call_arguments.delta", item_id="fc_1", delta="{"),
        event("response.function_call_arguments.delta", item_id="fc_1", delta="}"),
        event("response.function_call_arguments.done", item_id="fc_1", arguments="{}"),
        event("response.output_item.done", output_index=0, item={**call, "arguments": "{}"}),
        event("response.output_item.done", output_index=0, item={**call, "arguments": "{}"}),
    ) == [
        ToolCallDelta("c1", "f", ""),
        ToolCallDelta("c1", None, "{"),
        ToolCallDelta("c1", None, "}"),
        ToolCallDelta("c1", None, "", b'{"item":{"id":"fc_1"}}'),
    ]


def test_a_custom_call_says_that_it_is_one() -> None:
    call = {"type": "custom_tool_call", "id": "ct", "call_id": "c1", "name": "g", "input": "i"}
    (block,) = answer(event("response.output_item.done", output_index=0, item=call)).blocks
    assert block == ToolCall("c1", "g", "i", b'{"type":"custom","item":{"id":"ct"}}')


def test_calls_of_one_id_are_told_apart() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    done = [event("response.output_item.done", output_index=at, item=call) for at in range(3)]
    assert [block.id for block in answer(*done).blocks if isinstance(block, ToolCall)] == [
        "c",
        "c#1",
        "c#2",
    ]
    odd = {**call, "call_id": "c#1"}
    first = event("response.output_item.done", output_index=9, item=odd)
    blocks = answer(first, *done).blocks
    assert [block.id for block in blocks if isinstance(block, ToolCall)] == [
        "c#1",
        "c",
        "c#1#",
        "c#2",
    ]


def test_reasoning_has_its_summary_in_parts_and_its_sealed_form() -> None:
    item = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "ab"}, {"type": "summary_text", "text": "c"}],
        "encrypted_content": "sealed",
    }
    summary = "response.reasoning_summary_text.delta"
    thought = Thought(
        None,
        "sealed",
        b'[{"type":"summary_text","text":"ab"},{"type":"summary_text","text":"c"}]',
        extra_data=b'{"id":"rs_1"}',
    )
    read = answer(
        event("response.output_item.added", output_index=0, item={**item, "summary": []}),
        event("response.reasoning_summary_part.added", output_index=0, summary_index=0),
        event(summary, output_index=0, summary_index=0, delta="a"),
        event(summary, output_index=0, summary_index=0, delta="b"),
        event("response.output_item.done", output_index=0, item=item),
    )
    assert read.blocks == (thought,)
    whole = decode_response(json.dumps({"output": [item]}).encode())
    assert whole.blocks == (thought,)


def test_reasoning_that_is_shown_is_text() -> None:
    item = {
        "type": "reasoning",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": "a"}],
    }
    read = answer(
        event("response.reasoning_text.delta", delta="a", **PLACE),
        event("response.output_item.done", output_index=0, item=item),
    )
    assert read.blocks == (Thought("a"),)


def test_the_progress_of_a_tool_of_the_providers_is_no_block_but_the_tool_is() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    progress = {"output_index": 0, "item_id": "ws_1"}
    assert deltas(
        event("response.output_item.added", output_index=0, item=search),
        event("response.web_search_call.in_progress", **progress),
        event("response.web_search_call.searching", **progress),
        event("response.code_interpreter_call_code.delta", delta="x", **progress),
        event("response.image_generation_call.partial_image", partial_image_b64="AA", **progress),
        event("response.output_item.done", output_index=0, item=search),
    ) == [
        UnknownDelta("0", b'{"type":"web_search_call","id":"ws_1","status":"completed"}'),
    ]


def test_an_event_that_nobody_knows_is_kept() -> None:
    said = answer(event("response.novelty", a=1), event("keepalive"), event("response.novelty"))
    assert said.blocks == (
        Unknown(b'{"type": "response.novelty", "a": 1}'),
        Unknown(b'{"type": "response.novelty"}'),
    )


def test_parts_that_are_no_texts_are_kept() -> None:
    parts = (text(""), text("a"), {"type": "refusal", "refusal": "no"}, {"type": "novelty"})
    done = event("response.output_item.done", output_index=0, item=message(*parts))
    expected = (
        Text("a", b'{"item":{"id":"msg_1"}}'),
        Unknown(b'{"type":"refusal","refusal":"no"}'),
        Unknown(b'{"type":"novelty"}'),
    )
    assert answer(done).blocks == expected
    whole = decode_response(json.dumps({"output": [message(*parts)]}).encode())
    assert whole.blocks == expected


def test_a_stream_that_is_cut_keeps_a_refusal_and_a_search_so_far() -> None:
    search = {"type": "web_search_call", "id": "ws_1"}
    assert answer(
        event("response.output_item.added", output_index=1, item=search),
        event("response.output_item.added", output_index=2, item=message()),
        event("response.refusal.delta", delta="n", **PLACE),
        event("response.refusal.delta", delta="o", **PLACE),
    ).blocks == (
        Unknown(b'{"type":"refusal","refusal":"no"}'),
        Unknown(b'{"type":"web_search_call","id":"ws_1"}'),
    )


def finished(kind: str, **response: object) -> tuple[Answer, StreamDecoder]:
    decoder = StreamDecoder()
    accumulator = ChunkAccumulator()
    for chunk in chunks(event(kind, response=response), decoder=decoder):
        accumulator.add(chunk)
    return accumulator.answer(), decoder


@pytest.mark.parametrize(
    ("kind", "response", "reason"),
    [
        ("response.completed", {"status": "completed"}, "stop"),
        ("response.completed", {}, "stop"),
        (
            "response.completed",
            {"output": [{"type": "function_call", "call_id": "c", "arguments": ""}]},
            "tool_call",
        ),
        ("response.incomplete", {}, "unknown"),
        (
            "response.incomplete",
            {"incomplete_details": {"reason": "max_output_tokens"}},
            "length",
        ),
        (
            "response.incomplete",
            {"incomplete_details": {"reason": "content_filter"}},
            "content_filter",
        ),
        ("response.failed", {"status": "failed"}, None),
        ("response.failed", {}, None),
    ],
)
def test_the_last_event_tells_how_it_ended(
    kind: str, response: dict[str, Any], reason: str | None
) -> None:
    read, decoder = finished(kind, **response)
    assert read.finish_reason == reason
    assert decoder.complete == (reason is not None)


def test_the_last_event_tells_usage_tier_id_and_time() -> None:
    usage = {
        "input_tokens": 9,
        "output_tokens": 5,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens_details": {"reasoning_tokens": 3},
    }
    read, _ = finished(
        "response.completed", id="resp_1", created_at=1.5, service_tier="flex", usage=usage
    )
    assert (read.id, read.created, read.service_tier) == ("resp_1", 1, "flex")
    counts = read.usage
    assert (counts.input_tokens, counts.output_tokens) == (9, 5)
    assert (counts.cache_read, counts.reasoning) == (4, 3)


def test_what_comes_after_the_last_event_does_not_count() -> None:
    end = event("response.completed", response={"status": "completed"})
    late = event("response.output_text.delta", delta="late", **PLACE)
    assert answer(end, late, b"data: [DONE]\n\n").blocks == ()


@pytest.mark.parametrize(
    ("kind", "members", "status"),
    [
        ("error", {"code": "rate_limit_exceeded", "message": "slow"}, 429),
        ("error", {"error": {"type": "server_error"}}, 500),
        ("response.failed", {"response": {"error": {"code": "invalid_prompt"}}}, 400),
    ],
)
def test_an_error_among_the_events_is_told_with_its_body(
    kind: str, members: dict[str, Any], status: int
) -> None:
    decoder = StreamDecoder()
    chunks(event(kind, **members), decoder=decoder)
    assert decoder.error_status == status
    assert json.loads(decoder.error_body) == {"type": kind, **members}
    assert not decoder.complete


def test_damage_is_told_where_it_is_asked_for() -> None:
    decoder = StreamDecoder(tell_damage=True)
    found = chunks(b"data: {broken\n\n", event("keepalive"), decoder=decoder)
    assert [type(chunk.error) for chunk in found] == [UpstreamGarbage, type(None)]
    assert decoder.damaged
