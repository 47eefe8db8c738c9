"""Answers and chunks of the common kind are read as the complete way reads them."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import UpstreamGarbage
from proxy.types.content import Text
from proxy.types.response import Answer, Chunk, TextDelta
from proxy.wire.chat_completions.common import (
    decode_common_answer,
    decode_common_chunk,
    decode_texts,
)
from proxy.wire.chat_completions.response import decode_response
from proxy.wire.chat_completions.stream import StreamDecoder
from proxy.wire.sse import Event

ANSWER = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1750000000,"model":"m","choices":'
    b'[{"index":0,"message":{"role":"assistant","content":"Bonjour \xc3\xa9","refusal":null,'
    b'"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":17,'
    b'"completion_tokens":13,"total_tokens":30,"prompt_tokens_details":{"cached_tokens":4,'
    b'"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}},'
    b'"service_tier":"default","system_fingerprint":"fp"}'
)
CHUNK = (
    b'{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1750000000,"model":"m",'
    b'"service_tier":"default","system_fingerprint":"fp","choices":[{"index":0,"delta":'
    b'{"content":" potion"},"logprobs":null,"finish_reason":null}],"usage":null,'
    b'"obfuscation":"xyz"}'
)

texts = st.text(max_size=8) | st.sampled_from(["", "stop", "length", "\ud83d", "\udc00a", "error"])
numbers = st.sampled_from([0, 1, 2, -1, 5.0, 1.5, True, 2**53, 2**63, 2**64, 1e300, "3"])
odd: st.SearchStrategy[Any] = st.sampled_from(
    [None, {}, [], [{}], "", "x", 0, 1, True, {"error": 1}, [1], {"a": None}]
)
content = texts | odd
saids = st.fixed_dictionaries(
    {},
    optional={
        "content": content,
        "role": st.just("assistant") | odd,
        "refusal": st.none() | odd,
        "annotations": st.just([]) | odd,
        "tool_calls": st.just([]) | odd,
        "reasoning_content": st.none() | texts,
        "audio": st.none() | odd,
        "mood": odd,
    },
)
usages = st.fixed_dictionaries(
    {},
    optional={
        "prompt_tokens": numbers,
        "completion_tokens": numbers,
        "total_tokens": numbers,
        "cached_tokens": numbers,
        "prompt_tokens_details": odd | st.fixed_dictionaries({"cached_tokens": numbers}),
        "completion_tokens_details": odd | st.fixed_dictionaries({"reasoning_tokens": numbers}),
        "service_tier": content,
    },
)


def choices(member: str) -> st.SearchStrategy[Any]:
    choice = st.fixed_dictionaries(
        {member: saids},
        optional={
            "index": st.just(0) | numbers | odd,
            "finish_reason": st.sampled_from(["stop", "length", "eos"]) | content,
            "logprobs": st.none() | odd,
            "stop_reason": st.none() | content,
            "native_finish_reason": content,
            "content_filter_results": odd,
            "seed": odd,
            "text": content,
            "usage": usages,
        },
    )
    return st.lists(choice, min_size=1, max_size=1) | st.lists(choice, max_size=2) | odd


def bodies(member: str) -> st.SearchStrategy[bytes]:
    body = st.fixed_dictionaries(
        {"choices": choices(member)},
        optional={
            "id": texts | odd,
            "object": texts
            | st.sampled_from(["chat.completion", "chat.completion.chunk", "error"]),
            "provider": content,
            "created": numbers | odd,
            "model": content,
            "usage": usages | st.none() | odd,
            "service_tier": content,
            "x_groq": odd,
            "error": odd,
            "obfuscation": odd,
        },
    )
    return st.builds(
        lambda value, escaped: json.dumps(value, ensure_ascii=escaped).encode(
            "utf-8", "surrogatepass"
        ),
        body,
        st.booleans(),
    )


def read_completely(body: bytes) -> Answer:
    with patch("proxy.wire.chat_completions.response.decode_common_answer", return_value=None):
        return decode_response(body)


@settings(max_examples=600, deadline=None)
@given(bodies("message"))
def test_a_whole_answer_is_read_alike_both_ways(body: bytes) -> None:
    common = decode_common_answer(body)
    if common is not None:
        assert common == read_completely(body)


@settings(max_examples=600, deadline=None)
@given(bodies("delta"))
def test_a_chunk_is_read_alike_both_ways(data: bytes) -> None:
    fast, complete = StreamDecoder(), StreamDecoder()
    event = Event(data)
    chunk = fast.decode_event(event)
    with patch("proxy.wire.chat_completions.stream.decode_common_chunk", return_value=None):
        assert chunk == complete.decode_event(event)
    assert (fast.finished, fast.damaged, fast.error_status) == (
        complete.finished,
        complete.damaged,
        complete.error_status,
    )
    assert fast.close() == complete.close()


def test_what_openai_answers_is_of_the_common_kind() -> None:
    answer, chunk = decode_common_answer(ANSWER), decode_common_chunk(CHUNK)
    assert answer is not None
    assert answer.blocks == (Text("Bonjour é"),)
    assert answer == read_completely(ANSWER)
    assert chunk is not None
    assert chunk.deltas == (TextDelta("0", " potion"),)


@pytest.mark.parametrize(
    "member",
    [
        b'"tool_calls":[{"id":"a"}],',
        b'"reasoning_content":"hm",',
        b'"annotations":[{}],',
        b'"new":1,',
    ],
)
def test_what_says_more_is_left_to_the_complete_way(member: bytes) -> None:
    assert decode_common_answer(ANSWER.replace(b'"role"', member + b'"role"')) is None
    assert decode_common_chunk(CHUNK.replace(b'"content"', member + b'"content"')) is None


@pytest.mark.parametrize("damage", [ANSWER[:-1], ANSWER + b"x", ANSWER.replace(b"\xc3", b"")])
def test_damage_is_left_to_the_complete_way(damage: bytes) -> None:
    assert decode_common_answer(damage) is None


def test_nesting_without_end_is_no_fault_of_ours() -> None:
    deep = b'{"choices":[{"delta":{"role":' + b"[" * 100_000 + b"}}]}"
    assert decode_common_chunk(deep) is None
    with pytest.raises(UpstreamGarbage):
        decode_response(deep)


def test_a_tier_beside_the_counts_is_found() -> None:
    body = orjson.dumps(
        {
            "choices": [{"index": 0, "message": {"content": "a"}}],
            "usage": {"service_tier": "flex"},
        }
    )
    answer = decode_common_answer(body)
    assert answer is not None
    assert answer.service_tier == "flex"


TEXT_ONLY = CHUNK.replace(b'"default"', b'"flex"')


def test_texts_are_told_of_chunks_that_say_no_more() -> None:
    assert decode_texts([CHUNK, CHUNK.replace(b" potion", b"\\u00e9")], "default") == [
        " potion",
        "\u00e9",
    ]
    assert decode_texts([TEXT_ONLY], "flex") == [" potion"]


@pytest.mark.parametrize(
    "other",
    [
        TEXT_ONLY,
        CHUNK.replace(b'"service_tier":"default",', b""),
        CHUNK.replace(b" potion", b""),
        CHUNK.replace(b'" potion"', b"null"),
        CHUNK.replace(b'"index":0', b'"index":1'),
        CHUNK.replace(b'"finish_reason":null', b'"finish_reason":""'),
        CHUNK.replace(b'"usage":null', b'"usage":{}'),
        CHUNK.replace(b'"object":"chat.completion.chunk"', b'"object":"error"'),
        CHUNK.replace(b'"usage":null', b'"error":null'),
        b"[DONE]",
    ],
)
def test_one_chunk_that_says_more_leaves_all_to_the_complete_way(other: bytes) -> None:
    assert decode_texts([CHUNK], "default") == [" potion"]
    assert decode_texts([CHUNK, other], "default") is None


@settings(max_examples=600, deadline=None)
@given(bodies("delta"), st.sampled_from(["", "default"]))
def test_a_text_is_that_of_the_chunk_read_completely(data: bytes, tier: str) -> None:
    texts = decode_texts([data], tier)
    if texts is None:
        return
    decoder = StreamDecoder()
    with patch("proxy.wire.chat_completions.stream.decode_common_chunk", return_value=None):
        chunk = decoder.decode_event(Event(data))
    assert chunk is not None and chunk.service_tier == tier
    expected = Chunk(
        (TextDelta("0", *texts),),
        raw=data.decode(),
        response_id=chunk.response_id,
        created=chunk.created,
        service_tier=tier,
    )
    assert chunk == expected
    assert not decoder.finished and decoder.error_status is None
