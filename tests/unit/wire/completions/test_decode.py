"""Recorded text completions, whole or damaged, never raise and keep what they hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import InvalidRequest
from proxy.types.content import Text
from proxy.types.decoded import Decoder
from proxy.types.exchange import ModelCall
from proxy.wire.completions.decode import CompletionsDecoder, decode_call

DATA = Path(__file__).parents[3] / "data" / "completions"
SAMPLES = sorted(DATA.glob("*.json"))


def sample(name: str) -> tuple[bool, bytes]:
    read = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    return read["stream"], read["body"].encode()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_decoded_whole_and_at_every_cut_without_raising(path: Path) -> None:
    stream, body = sample(path.stem)
    whole = decode_call(stream, [body[:10], body[10:]])
    assert whole.complete == (whole.error_status is None)
    for cut in range(len(body)):
        part = decode_call(stream, [body[:cut]])
        assert len(part.answer.blocks) <= len(whole.answer.blocks)


@pytest.mark.parametrize(
    ("name", "text", "reason", "tokens"),
    [
        ("whole_text", " upon a time 🌍", "length", 6),
        ("stream_text_usage", " upon a tïme", "stop", 6),
        ("stream_no_done", "one two", "length", None),
    ],
)
def test_the_record_gets_the_first_choice_and_the_counts(
    name: str, text: str, reason: str, tokens: int | None
) -> None:
    stream, body = sample(name)
    call = ModelCall(
        id=b"",
        model_name="m",
        provider_name="p",
        wire="completions",
        stream=stream,
        raw_request=b"",
        raw_response=[body[:30], body[30:]],
        response_time_ms=0,
        ttft_ms=None,
        output=b"",
        input_tokens=None,
        output_tokens=None,
        finish_reason="",
    )
    decoder: Decoder = CompletionsDecoder()
    decoded = decoder.decode_call(call)
    assert json.loads(decoded.output) == [{"type": "text", "text": text}]
    assert (decoded.finish_reason, decoded.output_tokens) == (reason, tokens)
    assert (decoded.usage_found, decoded.complete) == (tokens is not None, True)
    assert decoded.response_id.startswith("cmpl-own")
    assert (decoded.error, decoded.inference_output) == ("", b"")


def test_an_error_is_told() -> None:
    stream, body = sample("whole_error")
    decoded = decode_call(stream, [body])
    assert (decoded.error_status, decoded.complete, decoded.answer.blocks) == (400, False, ())
    event = b'data: {"choices":[{"text":"a","index":0}]}\n\ndata: {"error":{"code":503}}\n\n'
    decoded = decode_call(True, [event])
    assert (decoded.error_status, decoded.complete) == (503, False)
    assert decoded.answer.blocks == (Text("a"),)


def test_what_cannot_be_read_is_told() -> None:
    assert decode_call(False, [b'{"id":"x","cho']).unread
    assert decode_call(True, [b"data: {broken\n\n"]).unread
    assert not decode_call(True, [b'data: {"choices":[{"te']).unread
    assert not decode_call(True, [b""]).unread


def said(prompt: str) -> object:
    decoded = CompletionsDecoder().decode_input("completions", b'{"prompt":%b}' % prompt.encode())
    return [message["content"] for message in json.loads(decoded.messages)]


def test_prompts_are_the_texts_of_one_message_and_tokens_are_kept_raw() -> None:
    assert said('"a"') == [[{"type": "text", "text": "a"}]]
    assert said('["a","b"]') == [[{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]]
    unknown = {"type": "unknown", "model_name": None, "provider_name": None}
    assert said("[1, 2]") == [[{**unknown, "data": [1, 2]}]]
    assert said("[[1],[2]]") == [[{**unknown, "data": [1]}, {**unknown, "data": [2]}]]
    assert said("null") == []


def test_parameters_are_those_of_chat_completions() -> None:
    body = b'{"prompt":"a","max_tokens":10,"stop":"x","temperature":0.5,"seed":3,"best_of":2}'
    decoded = CompletionsDecoder().decode_input("completions", body)
    assert json.loads(decoded.params)["chat_completion"] == {
        "temperature": 0.5,
        "max_tokens": 10,
        "seed": 3,
        "stop_sequences": ["x"],
    }


@pytest.mark.parametrize("body", [b"[]", b'{"prompt":7}', b'{"prompt":{}}', b"{"])
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        CompletionsDecoder().decode_input("completions", body)


KEYS = st.sampled_from(
    ["choices", "text", "index", "finish_reason", "usage", "error", "id", "created", "delta"]
)
SHAPES = st.recursive(
    st.sampled_from([None, True, 1, -1, 1.5, "", "a", "stop"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(SHAPES, st.booleans())
def test_no_shape_of_json_makes_it_raise(choice: object, stream: bool) -> None:
    body = json.dumps({"id": "x", "choices": [choice], "usage": choice, "error": None}).encode()
    decode_call(stream, [b"data: " + body + b"\n\n" if stream else body]).to_decoded()
