"""Recorded responses, whole or damaged, never raise and keep what they hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.types.content import Text
from proxy.types.decoded import Decoder
from proxy.types.exchange import ModelCall
from proxy.wire.recorded import ReadAnswer
from proxy.wire.responses.decode import ResponsesDecoder, decode_call

DATA = Path(__file__).parents[3] / "data" / "responses"
SAMPLES = sorted(DATA.glob("*.json"))


def sample(name: str) -> tuple[bool, bytes]:
    read = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    return read["stream"], read["body"].encode()


def texts(read: ReadAnswer) -> list[str]:
    return [block.text for block in read.answer.blocks if isinstance(block, Text)]


def model_call(stream: bool, *blocks: bytes) -> ModelCall:
    return ModelCall(
        id=b"",
        model_name="m",
        provider_name="p",
        wire="responses",
        stream=stream,
        raw_request=b"",
        raw_response=list(blocks),
        response_time_ms=0,
        ttft_ms=None,
        output=b"",
        input_tokens=None,
        output_tokens=None,
        finish_reason="",
    )


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_decoded_whole_and_at_every_cut_without_raising(path: Path) -> None:
    stream, body = sample(path.stem)
    whole = decode_call(stream, [body[:10], body[10:]])
    assert whole.complete == (whole.error_status is None)
    for cut in range(len(body)):
        part = decode_call(stream, [body[:cut]])
        assert len(part.answer.blocks) <= len(whole.answer.blocks)
        assert not (stream and part.unread)


def test_the_record_gets_blocks_counts_and_the_providers_id() -> None:
    stream, body = sample("whole_tools")
    decoder: Decoder = ResponsesDecoder()
    decoded = decoder.decode_call(model_call(stream, body[:9], body[9:]))
    assert (decoded.input_tokens, decoded.output_tokens, decoded.cache_read) == (21, 9, 16)
    assert (decoded.response_id, decoded.finish_reason) == ("resp_own2", "tool_call")
    assert (decoded.usage_found, decoded.complete, decoded.error) == (True, True, "")
    thought, call, custom = json.loads(decoded.output)
    assert thought == {
        "type": "thought",
        "text": None,
        "signature": "c2VhbGVk",
        "summary": [
            {"type": "summary_text", "text": "First I look."},
            {"type": "summary_text", "text": "Then I tell."},
        ],
        "extra_data": {"id": "rs_2"},
    }
    assert (call["id"], call["name"], call["arguments"]) == ("call_2", "lookup", '{"q": "tides"}')
    assert (custom["id"], custom["arguments"]) == ("call_2b", "low tide at six")
    assert b'"arguments":{"q": "tides"}' in decoded.inference_output


def test_a_stream_is_recorded_as_the_same_answer_whole() -> None:
    stream, body = sample("stream_parallel_tools")
    decoded = ResponsesDecoder().decode_call(model_call(stream, body))
    last = json.loads(body.split(b"data: ")[-1])["response"]
    whole = ResponsesDecoder().decode_call(model_call(False, json.dumps(last).encode()))
    for name in (
        "output",
        "input_tokens",
        "cache_read",
        "finish_reason",
        "response_id",
        "complete",
    ):
        assert getattr(decoded, name) == getattr(whole, name)
    assert [block["type"] for block in json.loads(decoded.output)] == [
        "thought",
        "tool_call",
        "tool_call",
    ]


def test_reasoning_searches_and_refusals_keep_their_places() -> None:
    stream, body = sample("stream_crlf_reasoning_search_refusal")
    decoded = ResponsesDecoder().decode_call(model_call(stream, body))
    thought, search, text, refusal = json.loads(decoded.output)
    assert (thought["type"], thought["text"]) == ("thought", "Hm, hm.")
    assert (search["type"], search["data"]["type"]) == ("unknown", "web_search_call")
    assert search["data"]["status"] == "completed"
    assert (text["type"], text["text"]) == ("text", "So.")
    assert refusal["data"] == {"type": "refusal", "refusal": "No more."}


def test_a_cut_stream_keeps_the_text_the_call_the_search_and_the_refusal_so_far() -> None:
    _, body = sample("stream_crlf_reasoning_search_refusal")
    searching = body[: body.index(b"event: response.web_search_call.searching")]
    decoded = decode_call(True, [searching])
    assert b'"in_progress"' in decoded.to_decoded().output
    refusing = body[: body.index(b"more.") - 100]
    blocks = json.loads(decode_call(True, [refusing]).to_decoded().output)
    assert blocks[-1]["data"]["refusal"] == "No "
    _, body = sample("stream_parallel_tools")
    calling = decode_call(True, [body[: body.index(b'\\"a\\"')]]).to_decoded()
    assert json.loads(calling.output)[-1]["arguments"] == '{"q": '
    assert (calling.complete, calling.error, calling.finish_reason) == (False, "", None)


def test_a_stream_without_deltas_or_event_names_is_read_from_its_last_event() -> None:
    decoded = decode_call(*_blocks("stream_no_deltas_no_names"))
    assert texts(decoded) == ["All at once."]
    assert (decoded.complete, decoded.answer.finish_reason) == (True, "tool_call")


def _blocks(name: str) -> tuple[bool, list[bytes]]:
    stream, body = sample(name)
    return stream, [body]


@pytest.mark.parametrize("name", ["whole_cut_off", "stream_cut_off"])
def test_an_answer_that_met_its_limit_ends_for_its_length(name: str) -> None:
    decoded = decode_call(*_blocks(name))
    assert (decoded.answer.finish_reason, decoded.complete) == ("length", True)
    assert texts(decoded) == ["It goes on and"]


@pytest.mark.parametrize(
    ("name", "status"),
    [("whole_failed", 429), ("stream_failed", 500), ("stream_error_event", 429)],
)
def test_a_failure_is_told_and_is_not_complete(name: str, status: int) -> None:
    decoded = decode_call(*_blocks(name))
    assert (decoded.error_status, decoded.complete, decoded.answer.finish_reason) == (
        status,
        False,
        None,
    )


def test_a_response_still_in_progress_is_not_complete() -> None:
    body = b'{"id":"resp_1","status":"queued","output":[],"usage":null}'
    decoded = decode_call(False, [body])
    assert (decoded.complete, decoded.unread, decoded.answer.id) == (False, "", "resp_1")


def test_an_emoji_cut_in_two_between_deltas_becomes_whole() -> None:
    event = 'data: {"type":"response.output_text.delta","output_index":0,"delta":"%s"}\n\n'
    body = (event % "\\ud83c" + event % "\\udf0d").encode()
    assert decode_call(True, [body]).answer.blocks == (Text("🌍"),)
    end = b'data: {"type":"response.output_item.done","output_index":0,"item":{"type":"message"'
    end += b',"content":[{"type":"output_text","text":"\\ud83c\\udf0d!"}]}}\n\n'
    assert decode_call(True, [body, end]).answer.blocks == (Text("🌍!"),)


def test_items_of_one_id_and_events_without_places_are_told_apart() -> None:
    item = '{"type":"function_call","id":"%s","call_id":"c","name":"f","arguments":"{}"}'
    done = 'data: {"type":"response.output_item.done","item":%s}\n\n'
    body = "".join(done % (item % name) for name in "ab").encode()
    calls = json.loads(decode_call(True, [body]).to_decoded().output)
    assert [call["name"] for call in calls] == ["f", "f"]
    assert [call["arguments"] for call in calls] == ["{}", "{}"]


def test_what_cannot_be_read_is_told() -> None:
    assert decode_call(False, [b'{"id":"x","out']).unread
    assert decode_call(False, [b"<html>"]).unread
    assert decode_call(True, [b"data: {broken\n\n"]).unread
    assert not decode_call(True, [b'data: {"type":"resp']).unread
    assert not decode_call(True, [b""]).unread


KINDS = st.sampled_from(
    [
        "response.output_item.added",
        "response.output_item.done",
        "response.output_text.delta",
        "response.refusal.delta",
        "response.function_call_arguments.delta",
        "response.reasoning_summary_text.delta",
        "response.reasoning_text.delta",
        "response.completed",
        "response.failed",
        "message",
        "function_call",
        "reasoning",
        "output_text",
        "refusal",
        "error",
    ]
)
KEYS = st.sampled_from(
    [
        "type",
        "item",
        "response",
        "output",
        "content",
        "summary",
        "delta",
        "text",
        "refusal",
        "status",
        "usage",
        "error",
        "id",
        "item_id",
        "output_index",
        "content_index",
        "summary_index",
        "call_id",
        "name",
        "arguments",
        "input_tokens",
        "created_at",
        "incomplete_details",
        "reason",
        "encrypted_content",
        "output_tokens_details",
    ]
)
SHAPES = st.recursive(
    st.sampled_from([None, True, 1, -1, 1.5, "", "a"]) | KINDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)
EVENTS = st.lists(st.fixed_dictionaries({"type": KINDS}, optional={"item": SHAPES}) | SHAPES)


@given(EVENTS)
def test_no_shape_of_events_makes_it_raise(bodies: list[object]) -> None:
    stream = b"".join(b"data: " + json.dumps(body).encode() + b"\n\n" for body in bodies)
    decode_call(True, [stream]).to_decoded()


@given(st.dictionaries(KEYS, SHAPES))
def test_no_shape_of_an_answer_makes_it_raise(body: dict[str, object]) -> None:
    decode_call(False, [json.dumps(body).encode()]).to_decoded()


@given(st.booleans(), st.lists(st.binary(max_size=9), max_size=9))
def test_nothing_that_arrives_makes_it_raise(stream: bool, blocks: list[bytes]) -> None:
    decode_call(stream, blocks).to_decoded()
