"""Whatever is sent to `/openai/v1`: an answer in its dialect, never a fault of ours."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import InvalidRequest
from proxy.wire.envelope.embeddings import decode_embeddings_request
from proxy.wire.envelope.request import _READERS, decode_envelope_request

Decode = Callable[[bytes], object]

BODY = orjson.dumps(
    {
        "model": "tensorzero::function_name::f",
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "é\n"}, {"a": -1.5e3}]},
            {"role": "assistant", "tensorzero_extra_content": [{"type": "thought", "text": None}]},
        ],
        "tensorzero::tags": {"a": "b"},
        "stream": True,
    }
)

words = st.sampled_from(
    ["type", "text", "role", "user", "assistant", "tool", "name", "content", "function", "value"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words | st.text()
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(words | st.text(), inner, max_size=4)
    ),
    max_leaves=8,
)


def survives(decode: Decode, body: bytes) -> None:
    try:
        decode(body)
    except InvalidRequest as error:
        assert str(error)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(_READERS)), values)
def test_a_member_of_any_value_is_read_or_refused(name: str, value: object) -> None:
    members = {"model": "tensorzero::model_name::m", "messages": [], "input": "a", name: value}
    try:
        body = orjson.dumps(members)
    except TypeError:
        return
    survives(decode_envelope_request, body)
    survives(decode_embeddings_request, body)


@settings(max_examples=100, deadline=None)
@given(st.lists(values, max_size=3), st.sampled_from(["user", "system", "assistant", "tool"]))
def test_content_of_any_value_is_read_or_refused(content: list[object], role: str) -> None:
    message = {"role": role, "content": content, "tool_calls": content, "tool_call_id": "1"}
    try:
        body = orjson.dumps({"model": "tensorzero::model_name::m", "messages": [message]})
    except TypeError:
        return
    survives(decode_envelope_request, body)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(BODY) - 1), st.binary(max_size=3))
def test_a_damaged_body_is_read_or_refused(place: int, damage: bytes) -> None:
    survives(decode_envelope_request, BODY[:place] + damage + BODY[place + 1 :])


@pytest.mark.parametrize("end", range(len(BODY)))
def test_a_body_cut_anywhere_is_said_to_end_too_early(end: int) -> None:
    with pytest.raises(InvalidRequest, match="EOF while parsing") as raised:
        decode_envelope_request(BODY[:end])
    assert f" column {end} (400 Bad Request)" in str(raised.value)


@pytest.mark.parametrize("raw", [b"9" * 5000, b"1e999", b"-0", b"1E5", b"-" + b"9" * 30])
@pytest.mark.parametrize("name", ["temperature", "seed", "n", "dimensions", "input"])
def test_a_number_of_any_size_is_read_or_refused(name: str, raw: bytes) -> None:
    body = b'{"model":"tensorzero::model_name::m","messages":[],"%b":%b}' % (name.encode(), raw)
    survives(decode_envelope_request, body)
    survives(decode_embeddings_request, body)


def test_a_body_of_great_depth_is_refused() -> None:
    deep = b"[" * 100_000
    survives(decode_envelope_request, deep + b"]" * 100_000)
    survives(decode_envelope_request, b'{"messages":' + deep)
