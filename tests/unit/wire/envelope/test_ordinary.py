"""For the record, ordinary requests of the envelope mean what the complete way finds in them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import InvalidRequest
from proxy.types.decoded import DecodedInput
from proxy.types.request import ModelRequest
from proxy.wire.envelope.ordinary import read_request
from proxy.wire.envelope.request import decode_envelope_request
from proxy.wire.recorded import describe_request

FUNCTION = "tensorzero::function_name::f"

texts = st.sampled_from(["", "hi", "\u00e9", 'a\n"b"', "\ud83d"])
parts = st.lists(
    st.fixed_dictionaries(
        {"type": st.just("text"), "text": texts},
        optional={"tensorzero::arguments": st.just({"a": 1}), "x": st.none()},
    ),
    max_size=2,
)
messages = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["system", "developer", "user", "assistant", "tool"]),
            "content": texts | parts | st.none(),
        },
        optional={"name": st.just("n")},
    ),
    max_size=4,
)
members = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.sampled_from([0.7, 1, None, "1", True, 1e400]),
        "max_tokens": st.sampled_from([5, None, 2**32, -1, 1.0]),
        "max_completion_tokens": st.sampled_from([3, 7, None]),
        "seed": st.sampled_from([0, 2**32 - 1, 1.5]),
        "stop": st.sampled_from(["a", ["a", "b"], [], "", None]),
        "n": st.sampled_from([1, 2, None]),
        "stream": st.sampled_from([True, None, "x"]),
        "stream_options": st.sampled_from([{}, {"include_usage": True}, None, 1]),
        "service_tier": st.sampled_from(["auto", "x", None]),
        "reasoning_effort": st.sampled_from(["low", "", None]),
        "response_format": st.sampled_from([None, {"type": "text"}]),
        "parallel_tool_calls": st.sampled_from([True, None]),
        "tools": st.sampled_from([None, []]),
        "user": st.just("u"),
        "tensorzero::tags": st.just({"a": "b"}),
    },
)
models = st.sampled_from(
    [FUNCTION, FUNCTION, "tensorzero::model_name::m", "tensorzero::model_name::", "gpt", "\n"]
)


def completely(body: bytes) -> DecodedInput:
    request = decode_envelope_request(body)
    return describe_request(
        ModelRequest(
            "",
            request.input,
            params=request.params,
            tools=request.additional_tools,
            tool_choice=request.tool_choice,
            parallel_tool_calls=request.parallel_tool_calls,
        )
    )


@settings(max_examples=800, deadline=None)
@given(models, messages, members, st.booleans())
def test_a_request_means_the_same(model: str, said: Any, given_members: Any, escaped: bool) -> None:
    body = json.dumps(
        {"model": model, "messages": said, **given_members}, ensure_ascii=escaped
    ).encode("utf-8", "surrogatepass")
    found = read_request(body)
    if found is not None:
        assert found == completely(body)


def test_what_most_requests_are_is_ordinary() -> None:
    said = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
    ]
    body = json.dumps(
        {
            "model": FUNCTION,
            "messages": said,
            "temperature": 0.7,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ).encode()
    found = read_request(body)
    assert found is not None and found == completely(body)
    assert (found.system, found.params) == ("Be brief.", b'{"chat_completion":{"temperature":0.7}}')


@pytest.mark.parametrize("model", ["gpt", "tensorzero::model_name::"])
def test_what_is_refused_is_not_read_here(model: str) -> None:
    body = json.dumps({"model": model, "messages": []}).encode()
    assert read_request(body) is None
    with pytest.raises(InvalidRequest):
        completely(body)
