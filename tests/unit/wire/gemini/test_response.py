from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy.errors import UpstreamGarbage
from proxy.types.content import Text, Thought, ToolCall, Unknown
from proxy.types.response import Answer
from proxy.types.usage import NO_USAGE, Usage
from proxy.wire.gemini.response import decode_response


def answered(*parts: object, candidate: object = None, **members: object) -> Answer:
    first = {"content": {"role": "model", "parts": list(parts)}, **(candidate or {})}  # type: ignore[dict-item]
    return decode_response(orjson.dumps({"candidates": [first], **members}))


def test_a_whole_answer_is_read() -> None:
    answer = answered(
        {"text": "Hello"},
        candidate={"finishReason": "STOP"},
        responseId="r1",
        createTime="2026-01-02T03:04:05.123456Z",
        usageMetadata={
            "promptTokenCount": 10,
            "candidatesTokenCount": 3,
            "thoughtsTokenCount": 4,
            "cachedContentTokenCount": 5,
            "toolUsePromptTokenCount": 100,
            "serviceTier": "STANDARD",
        },
    )
    assert (answer.id, answer.blocks, answer.finish_reason) == ("r1", (Text("Hello"),), "stop")
    assert answer.usage == Usage(10, 7, 5, None, 4)
    assert (answer.created, answer.service_tier) == (1767323045, "standard")


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        ({"promptTokenCount": 1}, Usage(1)),
        ({"promptTokenCount": 1, "thoughtsTokenCount": 2}, Usage(1, 2, reasoning=2)),
        ({"totalTokenCount": 1, "trafficType": "ON_DEMAND"}, NO_USAGE),
        (None, NO_USAGE),
    ],
)
def test_counts_that_are_missing_are_unknown(counts: object, usage: Usage) -> None:
    assert answered({"text": "a"}, usageMetadata=counts).usage == usage


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "tool_call"),
        ("LANGUAGE", "unknown"),
        ("NEW_ONE", "unknown"),
        (1, "stop"),
        (2, "length"),
        (99, "unknown"),
        (-1, "unknown"),
        ("", None),
        (True, None),
        (None, None),
    ],
)
def test_reasons_have_neutral_words(word: object, reason: str | None) -> None:
    assert answered({"text": "a"}, candidate={"finishReason": word}).finish_reason == reason


def test_parallel_calls_are_kept_apart_and_are_the_reason_of_the_end() -> None:
    answer = answered(
        {"functionCall": {"name": "f", "args": {"a": "ü"}}},
        {"functionCall": {"name": "f", "args": {"a": "ü"}}},
        {"functionCall": {"id": "own", "name": "g"}},
        {"functionCall": {"id": "own", "name": "g"}},
        candidate={"finishReason": "STOP"},
        responseId="r1",
    )
    calls = [block for block in answer.blocks if isinstance(block, ToolCall)]
    assert [(call.name, call.arguments) for call in calls] == [
        ("f", '{"a":"ü"}'),
        ("f", '{"a":"ü"}'),
        ("g", "{}"),
        ("g", "{}"),
    ]
    assert len({call.id for call in calls}) == 4
    assert calls[2].id == "own"
    assert answer.finish_reason == "tool_call"


def test_made_ids_are_the_same_for_the_same_answer_and_others_for_another() -> None:
    def made(response_id: str) -> str:
        (call,) = answered({"functionCall": {"name": "f"}}, responseId=response_id).blocks
        assert isinstance(call, ToolCall)
        return call.id

    assert made("a") == made("a") != made("b")
    assert made("") == made("")


def test_thoughts_and_signatures_are_kept() -> None:
    answer = answered(
        {"text": "hm", "thought": True},
        {"text": "Hi", "thoughtSignature": "c2ln"},
        {"text": "", "thoughtSignature": "dHdv"},
    )
    assert answer.blocks == (
        Thought("hm"),
        Thought(None, "c2ln"),
        Text("Hi"),
        Thought(None, "dHdv", extra_data=b'{"text":""}'),
    )


@pytest.mark.parametrize(
    "part",
    [
        {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "c2ln"},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
        {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
        {"functionResponse": {"name": "f"}},
        {"neverSeen": {"a": 1}},
    ],
)
def test_parts_without_a_neutral_form_are_kept_whole(part: dict[str, object]) -> None:
    (block,) = answered(part).blocks
    assert isinstance(block, Unknown)
    assert orjson.loads(block.data) == part


def test_several_candidates_are_choices_in_their_order() -> None:
    body = {
        "candidates": [
            {"index": 1, "content": {"parts": [{"text": "b"}]}, "finishReason": "MAX_TOKENS"},
            {"index": 0, "content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"},
            {"index": 0, "content": {"parts": [{"text": "twice"}]}},
            "odd",
        ]
    }
    answer = decode_response(orjson.dumps(body))
    assert answer.blocks == (Text("a"),)
    assert [(each.index, each.blocks, each.finish_reason) for each in answer.others] == [
        (1, (Text("b"),), "length")
    ]


def test_a_blocked_prompt_is_an_answer_that_was_filtered() -> None:
    feedback = {"blockReason": "SAFETY", "safetyRatings": []}
    answer = decode_response(orjson.dumps({"promptFeedback": feedback}))
    assert answer.finish_reason == "content_filter"
    assert answer.blocks == (Unknown(orjson.dumps({"promptFeedback": feedback})),)


def test_an_answer_that_says_nothing_is_empty() -> None:
    answer = decode_response(b'{"candidates": [{"content": {}}], "createTime": "soon"}')
    assert (answer.blocks, answer.finish_reason, answer.created) == ((), None, 0)
    assert decode_response(b"{}").blocks == ()


def grounded(**segment: object) -> dict[str, Any]:
    return {
        "groundingChunks": [
            {"web": {"uri": "https://a", "title": "A"}},
            {"retrievedContext": {"text": "no address"}},
        ],
        "groundingSupports": [
            {"segment": segment, "groundingChunkIndices": [0, 1, 7]},
            {"segment": segment},
        ],
    }


def test_sources_are_citations_of_the_text_counted_in_characters() -> None:
    metadata = grounded(startIndex=3, endIndex=6)
    answer = answered({"text": "äö is cited"}, candidate={"groundingMetadata": metadata})
    (text,) = answer.blocks
    assert isinstance(text, Text)
    extra = orjson.loads(text.extra or b"")
    assert extra["groundingMetadata"] == metadata
    assert extra["citations"] == [
        {
            "type": "url_citation",
            "url_citation": {
                "url": "https://a",
                "title": "A",
                "start_index": 1,
                "end_index": 4,
            },
        }
    ]


def test_sources_of_a_later_part_are_counted_from_the_beginning_of_all() -> None:
    answer = answered(
        {"text": "one"},
        {"text": "hidden", "thought": True},
        {"text": "two", "partMetadata": {"a": 1}},
        {"functionCall": {"name": "f"}},
        candidate={"groundingMetadata": grounded(partIndex=2, endIndex=3)},
    )
    text = answer.blocks[2]
    assert isinstance(text, Text)
    extra = orjson.loads(text.extra or b"")
    (citation,) = extra["citations"]
    assert (citation["url_citation"]["start_index"], citation["url_citation"]["end_index"]) == (
        3,
        6,
    )
    assert extra["partMetadata"] == {"a": 1}


def test_recited_sources_are_citations_too() -> None:
    citations = [{"uri": "https://b", "endIndex": 2}, {"license": "MIT"}]
    answer = answered({"text": "ab"}, candidate={"citationMetadata": {"citations": citations}})
    (text,) = answer.blocks
    assert isinstance(text, Text)
    (citation,) = orjson.loads(text.extra or b"")["citations"]
    assert citation["url_citation"]["url"] == "https://b"


def test_sources_without_a_text_are_a_block_of_their_own() -> None:
    fetched = {"urlMetadata": [{"retrievedUrl": "https://a"}]}
    answer = answered(candidate={"urlContextMetadata": fetched, "groundingMetadata": {}})
    assert answer.blocks == (Unknown(orjson.dumps({"urlContextMetadata": fetched})),)


def test_sources_that_cite_nothing_are_kept_all_the_same() -> None:
    answer = answered({"text": "a"}, candidate={"groundingMetadata": {"webSearchQueries": ["q"]}})
    (text,) = answer.blocks
    assert isinstance(text, Text)
    assert text.extra == b'{"groundingMetadata":{"webSearchQueries":["q"]}}'


def test_log_probabilities_have_openais_form() -> None:
    result = {
        "chosenCandidates": [
            {"token": "ü", "logProbability": -0.5},
            {"token": "b", "logProbability": "-1.5"},
            {"token": "c", "logProbability": "NaN"},
            {"token": "d", "logProbability": "low"},
            {"token": "e"},
        ],
        "topCandidates": [{"candidates": [{"token": "x", "logProbability": -2}]}],
    }
    candidate = {"logprobsResult": result, "avgLogprobs": -1.0}
    logprobs = orjson.loads(answered({"text": "üb"}, candidate=candidate).logprobs or b"")
    assert logprobs["avgLogprobs"] == -1.0
    assert logprobs["content"][0] == {
        "token": "ü",
        "logprob": -0.5,
        "bytes": [195, 188],
        "top_logprobs": [{"token": "x", "logprob": -2.0, "bytes": [120]}],
    }
    assert [each["logprob"] for each in logprobs["content"]] == [-0.5, -1.5, 0.0, 0.0, 0.0]
    del candidate["avgLogprobs"]
    assert b"avg" not in (answered({"text": "üb"}, candidate=candidate).logprobs or b"")
    assert answered({"text": "a"}, candidate={"avgLogprobs": -1}).logprobs is None


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"candidates": [{"content"'])
def test_what_is_no_json_is_garbage(body: bytes) -> None:
    with pytest.raises(UpstreamGarbage):
        decode_response(body)


def test_an_answer_nested_beyond_reading_is_garbage() -> None:
    deep = b"[" * 990 + b"]" * 990
    with pytest.raises(UpstreamGarbage):
        decode_response(b'{"candidates":[{"content":{"parts":[{"x":' + deep + b"}]}}]}")
