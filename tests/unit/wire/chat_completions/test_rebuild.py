"""Templates in a client's messages: what they touch changes, all else stays as it came."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import InvalidRequest
from proxy.types.content import RawText, Text
from proxy.types.request import Input, Message
from proxy.wire.chat_completions.rebuild import check_system, rebuild_messages
from proxy.wire.chat_completions.request import decode_input
from proxy.wire.members import list_items

USER = b'{"role": "user",  "content": "hi", "name": "Ana"}'
CALLS = (
    b'{"role":"assistant","content":null,"reasoning_content":"hm",'
    b'"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{ }"}}]}'
)
RESULTS = (
    b'{"role":"tool","tool_call_id":"c","content":"1.0"}',
    b'{"role":"tool","tool_call_id":"c","content":[{"type":"text","text":"2"}]}',
)


def listed(*items: bytes) -> bytes:
    return b"[" + b" , ".join(items) + b"]"


def shouted(said: Input) -> Input:
    """All texts of users in capitals, as a template might have it."""

    def shout(message: Message) -> Message:
        if message.role != "user":
            return message
        blocks = (
            Text(each.text.upper()) if isinstance(each, Text) else each for each in message.content
        )
        return replace(message, content=tuple(blocks))

    return replace(said, messages=tuple(map(shout, said.messages)))


def rebuilt(messages: bytes, after: Input | None = None) -> list[bytes] | None:
    before = decode_input(messages)
    made = rebuild_messages(messages, before, shouted(before) if after is None else after)
    return None if made is None else list_items(made)


def test_a_message_that_changes_keeps_its_other_members() -> None:
    assert rebuilt(listed(USER)) == [b'{"role": "user",  "content": "HI", "name": "Ana"}']


def test_messages_around_results_of_tools_find_their_own() -> None:
    last = b'{"role":"user","content":[{"type":"text","text":"a"},{"type":"x","n":1.0}]}'
    made = rebuilt(listed(USER, CALLS, *RESULTS, last))
    assert made is not None
    assert made[1:4] == [CALLS, *RESULTS]
    parts = b'[{"type":"text","text":"A"},{"type":"x","n":1.0}]'
    assert made[4] == b'{"role":"user","content":' + parts + b"}"


def test_nothing_changes_where_nothing_is_said_otherwise() -> None:
    silent = [CALLS, b'{"role":"system","content":[{"type":"image_url","image_url":{}}]}']
    assert rebuilt(listed(*silent, *RESULTS)) is None


def test_a_changed_system_text_takes_the_place_of_all() -> None:
    first, second = b'{"role":"developer","content":"a"}', b'{"role":"system","content":"b"}'
    messages = listed(first, USER, second)
    before = decode_input(messages)
    made = rebuilt(messages, replace(before, system="c"))
    assert made == [b'{"role":"developer","content":"c"}', USER]
    assert rebuilt(messages, replace(before, system=None)) == [USER]
    assert rebuilt(listed(USER), Input(decode_input(listed(USER)).messages, "new")) == [
        b'{"role":"system","content":"new"}',
        USER,
    ]


def test_our_own_parts_never_stay() -> None:
    raw = b'{"role":"%b","content":[{"type":"tensorzero::raw_text","value":"v"}]}'
    messages = listed(raw % b"system", raw % b"user")
    before = decode_input(messages)
    assert before.messages[0].content == (RawText("v"),)
    after = Input((Message("user", (Text("v"),)),), before.system)
    assert rebuilt(messages, after) == [
        b'{"role":"system","content":"v"}',
        b'{"role":"user","content":"v"}',
    ]


def test_a_system_picture_is_not_dropped_when_the_text_beside_it_changes() -> None:
    picture = b'{"role":"system","content":[{"type":"image_url","image_url":{"url":"u"}}]}'
    with pytest.raises(InvalidRequest) as refused:
        rebuilt(listed(picture), Input((), "other"))
    assert refused.value.param == "messages[0].content"


def test_a_system_template_stands_alone() -> None:
    arguments = b'{"role":"system","content":[{"type":"text","tensorzero::arguments":{"a":1}}]}'
    check_system(listed(arguments), texts_only=True)
    with pytest.raises(InvalidRequest) as refused:
        check_system(listed(b'{"role":"system","content":"x"}', USER, arguments), texts_only=False)
    assert refused.value.param == "messages[2].content"


TEXTS = st.text(max_size=6)
PARTS = st.lists(
    st.one_of(
        st.builds(lambda text: {"type": "text", "text": text}, TEXTS),
        st.builds(lambda value: {"type": "other", "value": value}, TEXTS),
    ),
    max_size=3,
)
CONTENT = st.one_of(st.none(), TEXTS, PARTS)
MESSAGE = st.one_of(
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["system", "user", "assistant", "critic"]),
        CONTENT,
    ),
    st.builds(lambda text: {"role": "assistant", "content": text, "reasoning": "r"}, CONTENT),
    st.builds(lambda text: {"role": "tool", "tool_call_id": "c", "content": text}, TEXTS),
)


@given(st.lists(MESSAGE, max_size=6))
def test_whatever_is_said_only_the_users_texts_change(messages: list[dict[str, Any]]) -> None:
    raw = orjson.dumps(messages)
    before = decode_input(raw)
    made = rebuild_messages(raw, before, shouted(before))
    shown = messages if made is None else json.loads(made)
    assert decode_input(orjson.dumps(shown)) == shouted(before)
    for was, now in zip(messages, shown, strict=True):
        if was["role"] != "user":
            assert was == now
