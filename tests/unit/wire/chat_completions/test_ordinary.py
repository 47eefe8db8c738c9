"""For the record, what is ordinary is found as the complete way finds it, whatever it is."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.types.content import Text, ToolCall, blocks_to_json, output_to_json
from proxy.types.decoded import Decoded
from proxy.wire.chat_completions import ordinary_stream
from proxy.wire.chat_completions.decode import decode_call
from proxy.wire.chat_completions.ordinary import read_answer
from proxy.wire.chat_completions.ordinary_request import read_request
from proxy.wire.chat_completions.ordinary_stream import read_stream
from proxy.wire.chat_completions.request import decode_request
from proxy.wire.recorded import describe_request
from tests.unit.store.samples import a_model_call
from tests.unit.wire.chat_completions.test_common import odd, texts, usages

words = st.sampled_from(["stop", "length", "tool_calls", "", None])
functions = st.fixed_dictionaries(
    {"name": texts, "arguments": texts | st.just('{"a": 1.50}') | odd}, optional={"x": odd}
)
names = st.sampled_from(["call_1", "call_2", "", None])
calls = st.lists(
    st.fixed_dictionaries(
        {"function": functions, "id": names}, optional={"type": texts, "index": st.just(0) | odd}
    ),
    max_size=2,
)
fragments = st.lists(
    st.fixed_dictionaries(
        {"index": st.sampled_from([0, 0, 1, -1])},
        optional={"function": functions, "id": names, "type": texts, "custom": odd},
    ),
    max_size=2,
)
ids = st.sampled_from(["chatcmpl-1", "chatcmpl-1", "", "é", None, 7])


def saids(called: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {},
        optional={
            "content": texts | st.none() | odd,
            "role": st.just("assistant") | odd,
            "refusal": st.none() | texts,
            "annotations": st.just([]) | odd,
            "tool_calls": called | odd,
            "reasoning_content": st.none() | texts,
            "reasoning": st.none() | texts,
            "reasoning_details": st.just([]) | odd,
            "mood": odd,
        },
    )


def bodies(member: str, called: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    choice = st.fixed_dictionaries(
        {member: saids(called)},
        optional={
            "index": st.just(0) | odd,
            "finish_reason": words,
            "usage": usages,
            "logprobs": odd,
        },
    )
    return st.fixed_dictionaries(
        {"choices": st.lists(choice, min_size=1, max_size=1) | st.lists(choice, max_size=2)},
        optional={
            "id": ids,
            "usage": usages | st.none(),
            "x_groq": st.none() | st.fixed_dictionaries({}, optional={"usage": usages}) | odd,
            "object": st.sampled_from(["chat.completion", "chat.completion.chunk", "error", ""]),
            "error": st.none() | odd,
        },
    )


def dumped(value: object, escaped: bool = True) -> bytes:
    return json.dumps(value, ensure_ascii=escaped).encode("utf-8", "surrogatepass")


@contextmanager
def completely() -> Iterator[None]:
    """Without the ways that are for what is common."""
    where = "proxy.wire.chat_completions"
    with (
        patch(f"{where}.response.decode_common_answer", return_value=None),
        patch(f"{where}.stream.decode_common_chunk", return_value=None),
    ):
        yield


def holds(body: bytes, *, stream: bool) -> bool:
    """Whether it was ordinary; what was found then is what there is to be found."""
    call = a_model_call(raw_response=[body], stream=stream, provider_type="kind", prices=b"[]")
    found = (read_stream if stream else read_answer)(body, call)
    if found is None:
        return False
    with completely():
        expected = decode_call(stream, [body]).to_decoded(call)
    assert (found, list(found.events)) == (with_events(expected, found), list(expected.events))
    return True


def holds_of_a_request(body: bytes) -> bool:
    """The same of a request."""
    found = read_request(body)
    if found is None:
        return False
    assert found == describe_request(decode_request(body, model_name="", stream=False))
    return True


def with_events(expected: Decoded, found: Decoded) -> Decoded:
    """One sequence may be a tuple where the other is a list."""
    return msgspec.structs.replace(expected, events=found.events)


@settings(max_examples=600, deadline=None)
@given(bodies("message", calls), st.booleans())
def test_a_whole_answer_means_the_same(body: dict[str, Any], escaped: bool) -> None:
    holds(dumped(body, escaped), stream=False)


def events_of(chunks: Sequence[object], done: bool, escaped: bool = True) -> bytes:
    events = [b"data: " + dumped(chunk, escaped) + b"\n\n" for chunk in chunks]
    return b"".join(events) + (b"data: [DONE]\n\n" if done else b"")


@settings(max_examples=600, deadline=None)
@given(st.lists(bodies("delta", fragments), max_size=4), st.booleans(), st.booleans())
def test_a_stream_means_the_same(chunks: list[dict[str, Any]], done: bool, escaped: bool) -> None:
    for chunk in chunks[:1]:
        chunk["id"] = "chatcmpl-1"
    holds(events_of(chunks, done, escaped), stream=True)


params = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.sampled_from([0.7, 1, 1e400, -0.0, 2**70, "1", True, None]),
        "max_tokens": st.sampled_from([5, None, 7.0, -1, 2**64, "5"]),
        "max_completion_tokens": st.sampled_from([3, None, 2**70]),
        "seed": st.sampled_from([0, -(2**63), 2**63, 1.5]),
        "stop": st.sampled_from(["a", "", [], ["a", "b"], [1], None]),
        "response_format": st.sampled_from([None, {"type": "json_object"}, {"type": "x"}, {}, 1]),
        "reasoning_effort": st.sampled_from(["low", "", None, 1]),
        "parallel_tool_calls": st.sampled_from([True, False, None, 1]),
        "tools": st.sampled_from([None, [], [{"type": "function", "function": {"name": "f"}}]]),
        "tool_choice": st.sampled_from([None, "auto"]),
        "stream_options": odd,
        "tensorzero::tags": odd,
    },
)
parts = st.lists(
    st.fixed_dictionaries(
        {"type": st.just("text"), "text": texts | odd}, optional={"cache_control": odd}
    ),
    max_size=2,
)
messages = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["system", "developer", "user", "assistant", "tool", "x"]),
            "content": texts | parts | odd,
        },
        optional={"name": odd},
    ),
    max_size=4,
)


@settings(max_examples=600, deadline=None)
@given(messages, params, st.booleans())
def test_a_request_means_the_same(said: Any, given_params: Any, escaped: bool) -> None:
    holds_of_a_request(dumped({"messages": said, **given_params}, escaped))


ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "hi \\ é", "refusal": None},
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 17,
        "completion_tokens": 13,
        "total_tokens": 30,
        "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 3},
    },
}


def chunk(**delta: object) -> dict[str, object]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice]}


def fragment(arguments: str, **first: object) -> dict[str, object]:
    name = {"name": "f"} if first else {}
    return {"index": 0, **first, "function": {**name, "arguments": arguments}}


STREAM = [
    chunk(role="assistant", content=""),
    chunk(reasoning_content="hm"),
    chunk(content="hi "),
    chunk(content="é"),
    chunk(tool_calls=[fragment("", id="call_1", type="function")]),
    chunk(tool_calls=[fragment('{"a":')]),
    chunk(tool_calls=[fragment(" 1}")]),
    {"id": "chatcmpl-1", "choices": [], "usage": ANSWER["usage"]},
]
BODY = dumped(ANSWER)
EVENTS = events_of(STREAM, done=True)


def test_what_most_answers_are_is_ordinary() -> None:
    answer = read_answer(BODY, a_model_call())
    assert answer is not None
    assert answer.output == blocks_to_json([Text("hi \\ é")])
    assert (answer.input_tokens, answer.output_tokens, answer.cache_read) == (17, 13, 4)
    streamed = read_stream(EVENTS, a_model_call(stream=True))
    assert streamed is not None and streamed.complete
    assert json.loads(streamed.output)[1:] == json.loads(
        blocks_to_json([Text("hi é"), ToolCall("call_1", "f", '{"a": 1}')])
    )
    assert json.loads(streamed.inference_output)[2]["arguments"] == {"a": 1}
    assert json.loads(output_to_json([Text("hi é")])) == json.loads(streamed.inference_output)[1:2]


@pytest.mark.parametrize(("body", "stream"), [(BODY, False), (EVENTS, True)])
def test_damage_anywhere_is_left_to_those_who_know_it(body: bytes, stream: bool) -> None:
    source, ordinary = random.Random(1), 0
    assert holds(body, stream=stream)
    for place in range(len(body)):
        ordinary += holds(body[:place], stream=stream)
        for byte in source.sample(b' \n\r"\\{}[],:0e-x\x00\xff', 4):
            spoilt = body[:place] + bytes([byte]) + body[place + source.randrange(3) :]
            ordinary += holds(spoilt, stream=stream)
    assert ordinary


@pytest.mark.parametrize(
    "between",
    [b"\n", b": keep-alive\n\n", b"event: x\n", b"id: 1\n", b"{}\n", b"data: \n\n", b"\r\n\r\n"],
)
def test_events_with_anything_else_between_them_mean_the_same(between: bytes) -> None:
    first, second = events_of(STREAM[:3], done=False), events_of(STREAM[3:], done=True)
    holds(first + between + second, stream=True)
    holds(first + between + second.removesuffix(b"\n\n"), stream=True)


def alike(texts: Sequence[str], *, escaped: bool = True) -> bytes:
    """A stream whose chunks differ in nothing but their text; spelled as servers do."""
    first = chunk(role="assistant", content="")
    last: dict[str, Any] = chunk()
    last["choices"][0]["finish_reason"] = "stop"
    said = [chunk(content=text) for text in texts]
    events = [first, *said, last, {"id": "chatcmpl-1", "choices": [], "usage": ANSWER["usage"]}]
    lines = [json.dumps(each, ensure_ascii=escaped, separators=(",", ":")) for each in events]
    body = "".join(f"data: {line}\n\n" for line in lines) + "data: [DONE]\n\n"
    return body.encode("utf-8", "surrogatepass")


PLAIN = [f" word{number}" for number in range(12)]
AWKWARD = [
    "",
    "\n",
    '"',
    "\\",
    'a","b',
    "content",
    "é",
    "\U0001f600",
    "\x7f",
    "\u2028",
    "\\n",
    "\t\0",
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*PLAIN, *AWKWARD]) | st.text(), max_size=20), st.booleans())
def test_chunks_that_are_alike_mean_the_same(texts: list[str], escaped: bool) -> None:
    holds(alike([*texts, *PLAIN], escaped=escaped), stream=True)
    assert holds(alike([PLAIN[0], *texts, *PLAIN], escaped=escaped), stream=True) or any(
        "\ud800" <= letter <= "\udfff" for text in texts for letter in text
    )


@pytest.mark.parametrize("text", AWKWARD)
@pytest.mark.parametrize("place", [0, 1, 5])
def test_any_text_may_stand_among_chunks_that_are_alike(text: str, place: int) -> None:
    texts = [*PLAIN[:place], text, *PLAIN[place:]]
    assert holds(alike(texts), stream=True)
    assert holds(alike(texts, escaped=False), stream=True)


def test_of_chunks_that_are_alike_only_one_is_parsed() -> None:
    module = "proxy.wire.chat_completions.ordinary_stream"
    with patch(f"{module}._decode_chunks", return_value=[]) as rest:
        read_stream(alike(PLAIN * 4), a_model_call(stream=True))
    with patch(f"{module}._decode_text", wraps=ordinary_stream._decode_text) as parsed:
        assert read_stream(alike(PLAIN * 4), a_model_call(stream=True)) is not None
    assert rest.called
    assert [len(call.args[0].split(b"\n")) for call in parsed.call_args_list] == [2]


@pytest.mark.parametrize(
    "spoilt",
    [
        (b'word5"', b"word5"),
        (b"word5", b"word5\\"),
        (b"word5", b'word5","role":"user'),
        (b"word5", b'word5"},"delta":{"content":"x'),
        (b"word5", b"\xc3"),
        (b"word5", b"word\x01"),
        (b"word5", b"\\ud83d"),
        (b'{"content":" word5"}', b'{"content":null}'),
        (b'{"content":" word5"}', b'{"refusal":" word5"}'),
        (b'{"content":" word0"}', b'{"con\\u0074ent":"y","content":"x"}'),
        (b'{"content":" word0"}', b'{"content":"x","content":"y"}'),
        (b'"finish_reason":null}]}', b'"finish_reason":null}],"content":"x"}'),
        (b'"delta":{"content":"', b'"x":{"content":"a"},"delta":{"content":"'),
    ],
)
def test_damage_among_chunks_that_are_alike_is_seen(spoilt: tuple[bytes, bytes]) -> None:
    body = alike(PLAIN)
    assert spoilt[0] in body
    holds(body.replace(*spoilt), stream=True)
    holds(body.replace(*spoilt, 1), stream=True)


@pytest.mark.parametrize(
    ("one", "next_one"),
    [(b"a\\", b',"z'), (b"\xc3", b"\xa9"), (b"a\\", b"n"), (b'x","', b'y","z'), (b'"', b'"')],
)
def test_texts_that_are_whole_only_together_are_damage(one: bytes, next_one: bytes) -> None:
    body = alike(PLAIN).replace(b" word5", one).replace(b" word6", next_one)
    assert not holds(body, stream=True)


def test_a_member_that_nobody_knows_is_not_taken_for_the_text() -> None:
    lines = [chunk(content="same") | {"content": text} for text in ["same", "same", *PLAIN]]
    events = [{"content": line["content"], **line} for line in lines]
    assert holds(events_of(events, done=True).replace(b'": ', b'":'), stream=True)
