"""What is read or written in one step is the same as when it is done step by step."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import InvalidRequest
from proxy.types.response import Chunk, Delta, TextDelta, ThoughtDelta, ToolCallDelta
from proxy.types.usage import Usage
from proxy.wire.envelope.request import decode_envelope_request
from proxy.wire.envelope.stream import EnvelopeStream, StreamOptions
from proxy.wire.native.request import decode_inference_request

texts = st.text(max_size=8) | st.sampled_from(["", "\ud83d", "a\udc00", '"\\\n', "é\0"])
roles = st.sampled_from(["user", "assistant", "system", "developer", "tool", "", "é"])
contents = (
    texts | st.none() | st.lists(st.builds(lambda text: {"type": "text", "text": text}, texts))
)
messages = st.lists(
    st.fixed_dictionaries({"role": roles, "content": texts})
    | st.fixed_dictionaries(
        {},
        optional={
            "role": roles,
            "content": contents,
            "name": texts,
            "tool_calls": st.just([]),
            "tool_call_id": texts,
        },
    ),
    max_size=4,
)
PLAIN: list[dict[str, str]] = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": "a\n\u00e9"},
    {"role": "assistant", "content": ""},
]


def outcome(decode: Callable[[bytes], object], value: Any, escaped: bool) -> object:
    try:
        return decode(json.dumps(value, ensure_ascii=escaped).encode("utf-8", "surrogatepass"))
    except InvalidRequest as error:
        return str(error)


@settings(max_examples=300, deadline=None)
@given(messages, st.booleans())
def test_messages_of_the_envelope_are_read_alike(said: list[Any], escaped: bool) -> None:
    body = {"model": "tensorzero::model_name::m", "messages": said}
    at_once = outcome(decode_envelope_request, body, escaped)
    with (
        patch("proxy.wire.envelope.request.read_common_request", return_value=None),
        patch("proxy.wire.envelope.request.read_plain_input", return_value=None),
    ):
        assert at_once == outcome(decode_envelope_request, body, escaped)


numbers = st.integers(-3, 3) | st.floats() | st.sampled_from([2**31, 2**32, 2**64, -(2**70), 1e300])
odd: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | numbers | texts | st.just([]) | st.just({})
)
PARAMETERS: dict[str, st.SearchStrategy[Any]] = {
    "stream": st.booleans(),
    "stream_options": st.fixed_dictionaries(
        {}, optional={"include_usage": odd | st.booleans(), "more": odd}
    ),
    "temperature": numbers,
    "top_p": numbers,
    "max_tokens": numbers,
    "max_completion_tokens": numbers,
    "seed": numbers,
    "presence_penalty": numbers,
    "frequency_penalty": numbers,
    "reasoning_effort": texts,
    "verbosity": texts,
    "service_tier": st.sampled_from(["auto", "flex", "scale"]),
    "stop": texts | st.lists(texts, max_size=2),
    "response_format": st.sampled_from([{"type": "text"}, {"type": "json_object"}]),
    "n": st.sampled_from([0, 1, 2, 1.0]),
    "tools": st.just([]),
    "tensorzero::variant_name": texts,
    "tensorzero::episode_id": texts
    | st.sampled_from(["01890a5d-ac96-774b-bcce-b302099a8057", "urn:uuid:", "{}", "0" * 32]),
    "tensorzero::tags": st.dictionaries(texts | st.just("tensorzero::a"), texts, max_size=2),
    "tensorzero::dryrun": st.booleans(),
    "tensorzero::deny_unknown_fields": st.booleans(),
    "tensorzero::include_raw_usage": st.booleans(),
    "unknown": odd,
}
models = st.sampled_from(
    [
        "tensorzero::function_name::f",
        "tensorzero::model_name::a::b",
        "tensorzero::model_name::",
        "x",
    ]
)
bodies = st.fixed_dictionaries(
    {"model": models, "messages": st.just(PLAIN) | messages},
    optional={name: values | values | odd for name, values in PARAMETERS.items()},
)


@settings(max_examples=1000, deadline=None)
@given(bodies, st.booleans())
def test_requests_of_the_envelope_are_read_alike(body: Any, escaped: bool) -> None:
    at_once = outcome(decode_envelope_request, body, escaped)
    with patch("proxy.wire.envelope.request.read_common_request", return_value=None):
        assert repr(at_once) == repr(outcome(decode_envelope_request, body, escaped))


COMMON: dict[str, Any] = {
    "model": "tensorzero::function_name::f",
    "messages": PLAIN,
    "stream": True,
    "stream_options": {"include_usage": True},
    "temperature": 0.5,
    "top_p": 1,
    "max_tokens": 7,
    "max_completion_tokens": 5,
    "seed": 0,
    "presence_penalty": -1.0,
    "frequency_penalty": None,
    "reasoning_effort": "low",
    "verbosity": "high",
    "service_tier": "flex",
    "n": 1,
    "tensorzero::variant_name": "v",
    "tensorzero::episode_id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "tensorzero::tags": {"a": "b"},
}


@pytest.mark.parametrize("name", [None, *COMMON])
def test_common_requests_are_read_in_one_step(name: str | None) -> None:
    required = {"model", "messages"}
    body = {key: each for key, each in COMMON.items() if name is None or key in {name, *required}}
    with patch("proxy.wire.envelope.request._decode", side_effect=AssertionError):
        at_once = decode_envelope_request(json.dumps(body).encode())
    with patch("proxy.wire.envelope.request.read_common_request", return_value=None):
        assert at_once == decode_envelope_request(json.dumps(body).encode())


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"tensorzero::model_name::m","messages":[],"temperature":1,"temperature":null}',
        b'{"model":"tensorzero::model_name::m","messages":[],"temperature":"a","temperature":2}',
        b'{"model":"x","model":"tensorzero::model_name::m","messages":[],"messages":[]}',
        b'{"mod\\u0065l":"tensorzero::model_name::m","messages":[]}',
        b' {"model":"tensorzero::model_name::m","messages":[ ]}\n',
        b'\xef\xbb\xbf{"model":"tensorzero::model_name::m","messages":[]}',
        b'{"model":"tensorzero::model_name::m","messages":[],"verbosity":"\xff"}',
        b'{"model":"tensorzero::model_name::m\xff","messages":[]}',
        b'{"model":"tensorzero::model_name::m","messages":[],"temperature":-0}',
        b'{"model":"tensorzero::model_name::m","messages":[],"temperature":1e999}',
        b'{"model":"tensorzero::model_name::m","messages":[],"temperature":99999999999999999999}',
        b'{"model":"tensorzero::model_name::m","messages":[],"seed":1.0}',
        b'{"model":"tensorzero::model_name::m","messages":[],"seed":-0}',
        b'{"model":"tensorzero::model_name::m","messages":[{"role":"user","content":"\\ud83d"}]}',
        b'{"model":"tensorzero::model_name::m","messages":[]} {}',
        b'{"model":"tensorzero::model_name::m","messages":[],}',
        b'{"model":null,"messages":[]}',
        b'{"messages":[]}',
        b'["tensorzero::model_name::m"]',
        b"",
    ],
)
def test_odd_spellings_are_read_alike(body: bytes) -> None:
    def read() -> object:
        try:
            return repr(decode_envelope_request(body))
        except InvalidRequest as error:
            return str(error)

    at_once = read()
    with patch("proxy.wire.envelope.request.read_common_request", return_value=None):
        assert at_once == read()


@settings(max_examples=300, deadline=None)
@given(messages, st.none() | contents, st.booleans())
def test_messages_of_the_native_api_are_read_alike(
    said: list[Any], system: object, escaped: bool
) -> None:
    body = {"model_name": "m", "input": {"system": system, "messages": said}}
    at_once = outcome(decode_inference_request, body, escaped)
    with patch("proxy.wire.native.input.read_plain_messages", return_value=None):
        assert at_once == outcome(decode_inference_request, body, escaped)


def test_messages_that_are_texts_are_read_in_one_step() -> None:
    body: dict[str, Any] = {"model": "tensorzero::model_name::m", "messages": PLAIN}
    with patch("proxy.wire.envelope.request.read_messages", side_effect=AssertionError):
        assert not isinstance(outcome(decode_envelope_request, body, True), str)
    body = {"model_name": "m", "input": {"messages": PLAIN[1:]}}
    with patch("proxy.wire.native.input.read_items", side_effect=AssertionError):
        assert not isinstance(outcome(decode_inference_request, body, True), str)


deltas: st.SearchStrategy[Delta] = st.one_of(
    st.builds(TextDelta, st.sampled_from("01"), texts),
    st.builds(TextDelta, st.just("0"), st.text(max_size=5)),
    st.builds(ThoughtDelta, st.just("1"), st.text(max_size=3)),
    st.builds(ToolCallDelta, st.sampled_from("ab"), st.just("f"), st.text(max_size=3)),
)
chunks = st.builds(
    Chunk,
    st.lists(deltas, max_size=2).map(tuple) | st.lists(deltas, min_size=1, max_size=1).map(tuple),
    usage=st.none() | st.none() | st.builds(Usage, st.integers(0, 9), st.integers(0, 9)),
    finish_reason=st.sampled_from([None, None, "stop", "length"]),
    raw=st.none() | st.text(max_size=5),
)
options = st.builds(StreamOptions, *[st.booleans()] * 4)


def stream(**given: Any) -> EnvelopeStream:
    names: dict[str, Any] = {"inference_id": "i", "episode_id": "e", "model": "m\0é", "created": 7}
    return EnvelopeStream(**names, provider_type="dummy", **given)


@settings(max_examples=400, deadline=None)
@given(st.lists(chunks, max_size=8), options, st.booleans())
def test_events_are_written_alike(
    said: list[Chunk], wanted: StreamOptions, json_function: bool
) -> None:
    framed = stream(options=wanted, json_function=json_function)
    whole = stream(options=wanted, json_function=json_function)
    with patch.object(EnvelopeStream, "_common", return_value=None):
        events = [whole.encode(chunk) for chunk in said]
    assert [framed.encode(chunk) for chunk in said] == events
    assert framed.close() == whole.close()
