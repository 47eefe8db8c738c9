"""What is not to change stays byte for byte; what is, changes wherever it stands."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import InvalidRequest
from proxy.types.edits import apply_edits
from proxy.wire import members
from proxy.wire.splice import (
    member,
    model_edits,
    object_members,
    peek,
    replace_system,
    splice,
    system_text_of,
)

ODD = (
    b' { "model" : "m" ,\n"n":1.0e5, "temperature":0.10, "\\u0061":[1, {"]":"}"}],'
    b'"t\\"x":"\\ud800 \\n", "deep":{"model":"no"} } \n'
)


def is_ours(key: str) -> bool:
    return key.startswith("tensorzero::")


def test_only_the_replaced_value_changes() -> None:
    changed = splice(ODD, replace={"model": b'"other"'})
    assert changed == ODD.replace(b'"model" : "m"', b'"model" : "other"')


def test_a_body_without_change_is_the_same_object() -> None:
    body = b'{"model": "m"}'
    assert splice(body, replace={"absent": b"1"}, remove=["gone"]) is body


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"tensorzero::a": 1, "b":2}', b'{"b":2}'),
        (b'{"b":2 , "tensorzero::a": 1}', b'{"b":2}'),
        (b'{"b":2, "tensorzero::a": 1 , "c":3}', b'{"b":2 , "c":3}'),
        (b'{"tensorzero::a":1,"tensorzero::b":2}', b"{}"),
        (b'{"tensorzero::a":1,"b":2,"tensorzero::c":3,"d":4}', b'{"b":2,"d":4}'),
        (b'{"tensorzero\\u003a:a":1,"b":2}', b'{"b":2}'),
        (b'{"b":"\\ud83d", "tensorzero::a":"\\ud800"}', b'{"b":"\\ud83d"}'),
    ],
)
def test_removed_members_take_one_comma_with_them(body: bytes, expected: bytes) -> None:
    assert splice(body, remove=is_ours) == expected


def test_absent_members_are_appended_and_present_ones_are_not() -> None:
    added = {"a": b"9", "b": b'[1, "x"]', "\u00e9": b"null"}
    assert (
        splice(b'{"a": 1 }', append_missing=added)
        == '{"a": 1,"b":[1, "x"],"\u00e9":null }'.encode()
    )
    assert splice(b"{}", append_missing={"a": b"1", "b": b"2"}) == b'{"a":1,"b":2}'
    assert splice(b'{ "x":1 }', remove=["x"], append_missing={"x": b"2"}) == b'{ "x":2 }'


def test_a_key_given_twice_is_replaced_and_removed_twice() -> None:
    body = b'{"model":"a", "x":1, "model":"b", "x":1}'
    changed = splice(body, replace={"model": b'"m"'}, remove=["x"])
    assert changed == b'{"model":"m", "model":"m"}'
    assert member(body, "model") == b'"b"'


TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
KEYS = (
    st.sampled_from(["model", "messages", "tensorzero::tags", 'q"', "\\", "\u00e9", "\U0001f600"])
    | TEXT
)
SPACE = st.sampled_from(["", "", " ", "\n\t", " \r\n"])


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A JSON object as somebody might write it: spaces, escapes, keys given twice."""
    pairs = draw(st.lists(st.tuples(KEYS, JSON, st.booleans()), max_size=6))
    texts = []
    for key, value, escaped in pairs:
        space = [draw(SPACE) for _ in range(4)]
        name, text = json.dumps(key, ensure_ascii=escaped), json.dumps(value, ensure_ascii=escaped)
        texts.append(f"{space[0]}{name}{space[1]}:{space[2]}{text}{space[3]}")
    return f"{draw(SPACE)}{{{','.join(texts)}{draw(SPACE)}}}{draw(SPACE)}".encode()


@given(
    bodies(),
    st.sets(KEYS, max_size=3),
    st.dictionaries(KEYS, JSON, max_size=2),
    st.dictionaries(KEYS, JSON, max_size=2),
)
def test_the_result_means_what_was_asked_for(
    body: bytes, remove: set[str], replace: Mapping[str, object], added: Mapping[str, object]
) -> None:
    result = splice(
        body,
        replace={
            key: json.dumps(value).encode() for key, value in replace.items() if key not in remove
        },
        remove=remove,
        append_missing={key: json.dumps(value).encode() for key, value in added.items()},
    )
    expected = {key: value for key, value in json.loads(body).items() if key not in remove}
    expected |= {key: value for key, value in replace.items() if key in expected}
    expected = {**added, **expected}
    assert json.loads(result) == expected


@given(bodies())
def test_the_quick_and_the_exact_way_find_the_same_members(body: bytes) -> None:
    exact = members._scan(body)
    assert members.locate_members(body) == exact
    for key, start, value, end in exact:
        assert json.loads(body[start:value].rstrip().removesuffix(b":")) == key
        json.loads(body[value:end])


@given(
    st.binary(max_size=40)
    | st.text(alphabet='{}[]",:\\u0d8e1.- \n\ud800', max_size=30).map(
        lambda text: text.encode("utf-8", "surrogatepass")
    )
)
def test_whatever_comes_is_an_object_or_an_invalid_request(body: bytes) -> None:
    try:
        found = object_members(body)
    except InvalidRequest:
        return
    assert list(found) == list(json.loads(body))
    assert splice(body, append_missing={"zz": b"1"}) != body


DEEP = b"[" * 100_000


@pytest.mark.parametrize(
    ("body", "word", "param"),
    [
        (b"", "not valid JSON", None),
        (b'{"model":"m"', "not valid JSON", None),
        (b'{"model":"m",}', "not valid JSON", None),
        (b'{"model":"m"} x', "not valid JSON", None),
        (b'{"model":NaN}', "not valid JSON", None),
        (b'{"x":"\\ud800","y":NaN}', "not valid JSON", None),
        (b'{"model":"\xff"}', "UTF-8", None),
        (b'"model"', "object", None),
        (b"[]", "object", None),
        (b'{"model":' + DEEP, "nested", None),
        (b'{"model":"m","x":' + DEEP + b"]" * 100_000 + b"}", "nested", None),
        (b'{"u":"\\udc00","x":' + DEEP + b"]" * 100_000 + b"}", "nested", None),
        (b'{"messages":[]}', "must provide a `model`", "model"),
        (b'{"model":null}', "must be a string", "model"),
        (b'{"model":["m"]}', "must be a string", "model"),
        (b'{"model":"m","stream":"yes"}', "true or false", "stream"),
        (b'{"model":"m","stream":1}', "true or false", "stream"),
        (b'{"model":"m","stream_options":[]}', "must be an object", "stream_options"),
    ],
)
def test_a_bad_body_is_refused_with_its_reason(body: bytes, word: str, param: str | None) -> None:
    with pytest.raises(InvalidRequest, match=word) as caught:
        peek(body)
    assert caught.value.param == param


def test_the_peek_knows_what_routing_asks() -> None:
    seen = peek(
        b'{"model":"a\\u0062","stream":true,"stream_options":{"include_usage":true},'
        b'"tensorzero::tags":{"k": "v"},"messages":[]}'
    )
    assert (seen.model, seen.stream, seen.include_usage, seen.has_messages) == (
        "ab",
        True,
        True,
        True,
    )
    assert seen.extensions == {"tensorzero::tags": b'{"k": "v"}'}
    assert "messages" in seen.members
    plain = peek(b'{"model":"m","stream":null,"stream_options":null}')
    assert (plain.stream, plain.include_usage, plain.has_messages) == (False, False, False)


USER = b'{ "role":"user", "content":"developer \\ud800" , "x":1.50}'


@pytest.mark.parametrize(
    ("leading", "role"),
    [
        (b'{"role":"system","content":"a"},', "system"),
        (b'{"role":"developer","content":"a"}, {"role":"system","content":"b"},', "developer"),
        (b"", "system"),
    ],
)
def test_the_system_text_takes_the_place_of_the_leading_ones(leading: bytes, role: str) -> None:
    later = b'{"role":"system","content":"later"}'
    messages = b"[" + leading + USER + b" , " + later + b"]"
    replaced = replace_system(messages, 'new "text"')
    first = b'{"role":"%s","content":"new \\"text\\""}' % role.encode()
    assert replaced == b"[" + first + b"," + USER + b"," + later + b"]"
    assert replace_system(messages, None) == b"[" + USER + b"," + later + b"]"


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        (b"", None),
        (b"[]", None),
        (b"[" + USER + b"]", None),
        (b'[{"role":"system","content":""}]', ""),
        (b'[{"role":"system","content":null}]', ""),
        (
            b'[{"role":"system","content":"a"},{"role":"user","content":"system"},{"role":"developer","content":"b"}]',
            "a\nb",
        ),
        (
            b'[{"role":"system","content":[{"type":"text","text":"a"},{"type":"x"},{"type":"text","text":"b"}]}]',
            "a\nb",
        ),
        (b'[1, null, "system", {"content":"system"}]', None),
    ],
)
def test_the_system_text_is_that_of_all_system_messages(messages: bytes, text: str | None) -> None:
    assert system_text_of(messages) == text


def test_a_lone_surrogate_in_a_system_text_becomes_a_replacement_character() -> None:
    assert system_text_of(b'[{"role":"system","content":"a\\ud800"}]') == "a\ufffd"


def test_messages_that_are_no_list_are_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        replace_system(b'{"role":"user"}', "x")
    assert caught.value.param == "messages"


SPELLINGS = (
    b'{"model":"m","messages":[{"role":"user","content":"the \\"model\\":\\"m\\""}]}',
    b'{"messages":[],"model":"m","metadata":{"model":"m"}}',
    b'{ "messages": [], "model": "m", "stream": true }',
    b'{"model":"a","n":1,"model":"m"}',
    b'{"model":"m","model":"m"}',
    b'{"mod\\u0065l":"m","x":{"model":"m"}}',
    b'{"model":"a","mod\\u0065l":"m"}',
    '{"model":"m","é":"ü"}'.encode(),
    b'\n{"model":"m"}\n',
    b'{"model":"\\ud800"}',
    b'{"n":[1,2],"m":"model","model":"m"}',
)


@pytest.mark.parametrize("body", SPELLINGS)
def test_the_model_is_replaced_as_any_member_is(body: bytes) -> None:
    expected = splice(body, replace={"model": b'"other"'})
    assert apply_edits(body, model_edits(body, peek(body).members, "other")) == expected
    assert b'"other"' in expected


@given(st.data())
def test_the_model_is_replaced_in_invented_bodies_as_any_member_is(data: st.DataObject) -> None:
    values = st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["model", '"model":"m"']),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("ab"), inner),
        max_leaves=5,
    )
    keys = st.sampled_from(["messages", "é", "n", "a b", "mödel"])
    members = list(data.draw(st.dictionaries(keys, values)).items())
    members.insert(data.draw(st.integers(0, len(members))), ("model", "m"))
    body = json.dumps(
        dict(members),
        separators=data.draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,", ":")])),
        ensure_ascii=data.draw(st.booleans()),
    ).encode()
    expected = splice(body, replace={"model": b'"other"'})
    assert apply_edits(body, model_edits(body, peek(body).members, "other")) == expected
