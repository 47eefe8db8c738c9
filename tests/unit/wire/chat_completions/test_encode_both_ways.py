"""Messages that are a text are written like messages that are taken apart."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.types.content import Block, RawText, Text
from proxy.types.request import Input, Message, ModelRequest, Params, Texts, given_params, with_mode
from proxy.wire.chat_completions.dialect import Dialect
from proxy.wire.chat_completions.encode import encode_request

texts = st.text(max_size=5)
extras = st.sampled_from([None, None, b'{"cache_control":{"type":"ephemeral"}}', b'{"name":"n"}'])
blocks: st.SearchStrategy[Block] = st.builds(Text, texts, extras) | st.builds(RawText, texts)
messages = st.builds(
    Message,
    st.sampled_from(["user", "assistant"]),
    st.lists(blocks, max_size=2).map(tuple),
    extras,
)
inputs = st.builds(Input, st.lists(messages, max_size=3).map(tuple), st.none() | texts)
params = st.builds(
    Params,
    temperature=st.none() | st.floats(0, 2),
    max_tokens=st.none() | st.integers(0, 9),
    stop_sequences=st.none() | st.just(("a",)),
    json_mode=st.sampled_from([None, "off", "on", "strict"]),
    verbosity=st.none() | st.just("low"),
)
dialects = st.builds(
    Dialect, think_tags=st.booleans(), cache_markers=st.booleans(), thinking_parts=st.booleans()
)


@settings(max_examples=300, deadline=None)
@given(inputs, params, dialects, st.sampled_from(["", "chat_completions"]))
def test_a_lone_text_is_written_as_it_would_be_among_others(
    said: Input, given: Params, dialect: Dialect, wire: str
) -> None:
    request = ModelRequest("m", said, params=given, wire=wire)
    at_once = encode_request(request, dialect, body_defaults={})
    with patch("proxy.wire.chat_completions.encode_messages._lone_text", return_value=None):
        assert encode_request(request, dialect, body_defaults={}) == at_once


plain_inputs = st.builds(
    lambda turns, system, parts: Input(
        Texts([Message(role, (Text(text),)) for role, text in turns]), system, parts
    ),
    st.lists(st.tuples(st.sampled_from(["user", "assistant"]), texts), max_size=3),
    st.none() | texts | st.just(b'{"a":"b"}') | st.just("in json"),
    st.just(()) | st.just((Text("in "), Text("json"))),
)


@settings(max_examples=600, deadline=None)
@given(plain_inputs, params, dialects, st.sampled_from(["", "chat_completions"]))
def test_texts_are_written_as_messages_are_that_may_be_more(
    said: Input, given: Params, dialect: Dialect, wire: str
) -> None:
    request = ModelRequest("m", said, params=given, wire=wire)
    others = replace(request, input=replace(said, messages=tuple(said.messages)))
    assert encode_request(request, dialect, body_defaults={}) == encode_request(
        others, dialect, body_defaults={}
    )


@given(params)
def test_parameters_are_copied_with_all_their_fields(given: Params) -> None:
    assert Params(**given_params(given)) == given
    assert with_mode(given, "on") == Params(**{**given_params(given), "json_mode": "on"})
