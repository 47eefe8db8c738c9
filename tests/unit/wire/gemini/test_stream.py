from __future__ import annotations

import random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.types.content import Block, Text, Thought, ToolCall, Unknown
from proxy.types.response import Answer, Chunk
from proxy.types.usage import Usage
from proxy.wire.accumulate import ChunkAccumulator
from proxy.wire.gemini.stream import StreamDecoder


def piece(*parts: object, **members: object) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": list(parts)}}
    for name in (
        "finishReason",
        "groundingMetadata",
        "citationMetadata",
        "logprobsResult",
        "index",
    ):
        if name in members:
            candidate[name] = members.pop(name)  # type: ignore[assignment]
    return {"candidates": [candidate], **members}


def as_events(*pieces: object) -> bytes:
    return b"".join(b"data: " + orjson.dumps(each) + b"\r\n\r\n" for each in pieces)


def as_list(*pieces: object) -> bytes:
    texts = (orjson.dumps(each, option=orjson.OPT_INDENT_2) for each in pieces)
    return b"[" + b"\n,\r\n".join(texts) + b"\n]\n"


def fed(body: bytes, size: int = 0, **options: Any) -> tuple[StreamDecoder, list[Chunk]]:
    decoder = StreamDecoder(**options)
    chunks: list[Chunk] = []
    for start in range(0, len(body), size or len(body) or 1):
        chunks += decoder.feed(body[start : start + (size or len(body))])
    return decoder, [*chunks, *decoder.close()]


def answer_of(body: bytes) -> Answer:
    accumulator = ChunkAccumulator()
    for chunk in fed(body)[1]:
        accumulator.add(chunk)
    return accumulator.answer()


def blocks_of(*pieces: object) -> tuple[Block, ...]:
    return answer_of(as_events(*pieces)).blocks


WHOLE = (
    piece(
        {"text": "Let me ", "thought": True}, responseId="r", usageMetadata={"promptTokenCount": 9}
    ),
    piece({"text": "see", "thought": True, "thoughtSignature": "c2ln"}),
    piece({"text": "Grüße \U0001f600 {["}),
    piece({"text": ' "]}'}, {"functionCall": {"name": "f", "args": {"a": "}"}}}),
    piece({"text": "", "thoughtSignature": "dHdv"}),
    piece(
        {"text": ""},
        finishReason="STOP",
        usageMetadata={"promptTokenCount": 8, "candidatesTokenCount": 5, "thoughtsTokenCount": 2},
    ),
)


@pytest.mark.parametrize("body", [as_events(*WHOLE), as_list(*WHOLE)])
def test_a_stream_gives_the_answer_in_either_framing(body: bytes) -> None:
    decoder, _ = fed(body)
    answer = answer_of(body)
    thought, text, call, end = answer.blocks
    assert thought == Thought("Let me see", "c2ln")
    assert text == Text('Grüße \U0001f600 {[ "]}')
    assert isinstance(call, ToolCall)
    assert (call.name, call.arguments) == ("f", '{"a":"}"}')
    assert end == Thought(None, "dHdv", extra_data=b'{"text":""}')
    assert (answer.id, answer.finish_reason) == ("r", "tool_call")
    assert answer.usage == Usage(8, 7, reasoning=2)
    assert (decoder.complete, decoder.damaged) == (True, False)


BODIES = (
    as_events(*WHOLE),
    as_list(*WHOLE),
    b"\xef\xbb\xbf\n " + as_list(*WHOLE),
    as_events(*WHOLE[:3]) + b'\n{\n  "error": {"code": 499, "message": "gone"}\n}\n',
    b": hello\ndata: {}\n" + orjson.dumps(WHOLE[2]) + b"\n" + as_events(WHOLE[4]),
    as_list(WHOLE[0], 7, "a \\ string {", [WHOLE[1]], {"deep": [[{"a": "]"}]]})
    + as_events(WHOLE[3]),
)


@pytest.mark.parametrize("body", BODIES)
def test_every_cut_gives_the_same_chunks(body: bytes) -> None:
    decoder, expected = fed(body)
    for size in (1, 2, 3, 7, 50):
        other, chunks = fed(body, size)
        assert chunks == expected
        assert other.error_status == decoder.error_status
    for cut in range(len(body)):
        divided = StreamDecoder()
        chunks = [*divided.feed(body[:cut]), *divided.feed(body[cut:]), *divided.close()]
        assert chunks == expected


def test_the_last_counts_hold_though_earlier_ones_were_larger() -> None:
    answer = answer_of(
        as_events(
            piece({"text": "a"}, usageMetadata={"promptTokenCount": 50}),
            piece({"text": "b"}, usageMetadata={"trafficType": "ON_DEMAND"}),
            piece(
                usageMetadata={"promptTokenCount": 20, "candidatesTokenCount": 2},
                finishReason="STOP",
            ),
        )
    )
    assert answer.usage == Usage(20, 2)


def test_counts_are_told_though_the_stream_was_cut_or_they_came_late() -> None:
    cut = as_events(piece({"text": "a"}, usageMetadata={"promptTokenCount": 5}))
    assert answer_of(cut).usage == Usage(5)
    late = as_events(
        piece({"text": "a"}, finishReason="STOP"), {"usageMetadata": {"promptTokenCount": 5}}
    )
    assert answer_of(late).usage == Usage(5)


def test_a_signature_in_the_middle_of_a_text_begins_a_new_one() -> None:
    assert blocks_of(
        piece({"text": "a"}), piece({"text": "b", "thoughtSignature": "c2ln"}), piece({"text": "c"})
    ) == (Text("a"), Thought(None, "c2ln"), Text("bc"))


def test_blocks_stand_in_the_order_in_which_they_came() -> None:
    code = {"executableCode": {"language": "PYTHON", "code": "1"}}
    result = {"codeExecutionResult": {"outcome": "OUTCOME_OK"}}
    assert blocks_of(
        piece({"text": "a"}, code), piece(result), piece({"text": "b"}, {"text": "c"})
    ) == (
        Text("a"),
        Unknown(orjson.dumps(code)),
        Unknown(orjson.dumps(result)),
        Text("bc"),
    )


def test_calls_of_one_name_in_a_row_are_two_calls() -> None:
    call = {"functionCall": {"name": "f", "args": {"a": 1}}}
    first, second = blocks_of(piece(call), piece(call))
    assert isinstance(first, ToolCall) and isinstance(second, ToolCall)
    assert first.id != second.id
    assert first.arguments == second.arguments == '{"a":1}'


def streamed(**call: object) -> dict[str, Any]:
    return piece({"functionCall": call})


def text_at(path: str, value: str, on: bool = False) -> dict[str, object]:
    return {"jsonPath": path, "stringValue": value, "willContinue": on}


def test_arguments_that_come_in_pieces_are_joined() -> None:
    begun = {"functionCall": {"name": "f", "willContinue": True}, "thoughtSignature": "c2ln"}
    signature, first, second = blocks_of(
        piece(begun),
        streamed(partialArgs=[text_at("$.city", "Bos", True)], willContinue=True),
        streamed(partialArgs=[text_at("$.city", "ton")], willContinue=True),
        streamed(),
        streamed(name="g", id="own", partialArgs=[text_at("$.n", "1")]),
    )
    assert signature == Thought(None, "c2ln")
    assert isinstance(first, ToolCall) and isinstance(second, ToolCall)
    assert (first.name, first.arguments) == ("f", '{"city":"Boston"}')
    assert second == ToolCall("own", "g", '{"n":"1"}')


def test_a_call_that_another_one_follows_is_over() -> None:
    one, two = blocks_of(streamed(name="f", willContinue=True), streamed(name="g", args={"a": 1}))
    assert isinstance(one, ToolCall) and isinstance(two, ToolCall)
    assert (one.name, two.name, two.arguments) == ("f", "g", '{"a":1}')


def test_pieces_without_a_beginning_are_a_call_without_a_name() -> None:
    (call,) = blocks_of(streamed(partialArgs=[text_at("$.a", "b")]))
    assert isinstance(call, ToolCall)
    assert (call.name, call.arguments) == ("", '{"a":"b"}')


def test_choices_are_told_apart() -> None:
    def two(first: str, second: str, **members: object) -> dict[str, object]:
        return {
            "candidates": [
                {"index": 1, "content": {"parts": [{"text": second}]}, **members},
                {"content": {"parts": [{"text": first}]}, "index": 0, **members},
            ]
        }

    sources = {"webSearchQueries": ["q"]}
    answer = answer_of(
        as_events(two("a", "x"), two("b", "y", finishReason="STOP", groundingMetadata=sources))
    )
    extra = orjson.dumps({"groundingMetadata": sources})
    assert answer.blocks == (Text("ab", extra),)
    (other,) = answer.others
    assert (other.index, other.blocks, other.finish_reason) == (1, (Text("xy", extra),), "stop")


def test_a_chunk_of_another_choice_alone_says_nothing_of_the_first() -> None:
    _, chunks = fed(as_events(piece({"text": "x"}, index=1, finishReason="STOP")))
    assert (chunks[0].deltas, chunks[0].finish_reason) == ((), None)
    assert chunks[0].others[0].finish_reason == "stop"


def test_sources_are_told_at_the_end() -> None:
    web = {"groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}]}
    support = [{"segment": {"startIndex": 2, "endIndex": 4}, "groundingChunkIndices": [0]}]
    (text,) = blocks_of(
        piece({"text": "ab"}, groundingMetadata=web),
        piece({"text": "cd"}, groundingMetadata={**web, "groundingSupports": support}),
    )
    assert isinstance(text, Text)
    extra = orjson.loads(text.extra or b"")
    assert [each["url_citation"]["start_index"] for each in extra["citations"]] == [2]


def test_citations_of_several_pieces_are_all_kept() -> None:
    def cited(*addresses: str) -> dict[str, Any]:
        citations = [{"uri": address} for address in addresses]
        return piece({"text": "a"}, citationMetadata={"citations": citations})

    (text,) = blocks_of(cited("https://a"), cited("https://a", "https://b"), piece({"text": "c"}))
    assert isinstance(text, Text)
    extra = orjson.loads(text.extra or b"")
    assert [each["uri"] for each in extra["citationMetadata"]["citations"]] == [
        "https://a",
        "https://b",
    ]


def test_sources_without_a_text_are_a_block() -> None:
    (block,) = blocks_of(piece(groundingMetadata={"webSearchQueries": ["q"]}))
    assert block == Unknown(b'{"groundingMetadata":{"webSearchQueries":["q"]}}')


def test_log_probabilities_and_tier_are_told() -> None:
    result = {"chosenCandidates": [{"token": "a", "logProbability": -1.0}]}
    answer = answer_of(
        as_events(
            piece({"text": "a"}, logprobsResult=result),
            piece({"text": "a"}, logprobsResult=result, usageMetadata={"serviceTier": "flex"}),
        )
    )
    assert len(orjson.loads(answer.logprobs or b"")["content"]) == 2
    assert answer.service_tier == "flex"


def test_a_blocked_prompt_ends_the_stream() -> None:
    body = as_events({"promptFeedback": {"blockReason": "SAFETY"}})
    answer = answer_of(body)
    assert (answer.finish_reason, len(answer.blocks)) == ("content_filter", 1)
    assert fed(body)[0].complete


def test_an_event_that_nobody_knows_is_kept() -> None:
    assert blocks_of({"news": 1}, {"news": 2}) == (Unknown(b'{"news":1}'), Unknown(b'{"news":2}'))


@pytest.mark.parametrize(
    "body",
    [
        b'{\n  "error": {\n    "code": 429,\n    "message": "slow {down"\n  }\n}\n',
        b'[{\n  "error": {"code": 429, "message": "slow"}\n}\n]',
        b'data: {"error": {"code": 429}}\n\n',
        b'data: [{"error": {"code": 429}}]\n\n',
        as_events(WHOLE[0]) + b'{"error": {"status": "RESOURCE_EXHAUSTED"}}',
        as_list(WHOLE[0], {"error": {"code": 429}}),
    ],
)
def test_an_error_is_found_in_every_framing(body: bytes) -> None:
    for size in (0, 1):
        decoder, _ = fed(body, size)
        assert decoder.error_status == 429
        assert b'"error"' in decoder.error_body
        assert not decoder.complete


def test_an_answer_that_was_not_streamed_is_read() -> None:
    body = orjson.dumps(piece({"text": "all"}, finishReason="STOP"), option=orjson.OPT_INDENT_2)
    decoder, _ = fed(body)
    assert answer_of(body).blocks == (Text("all"),)
    assert decoder.complete


@pytest.mark.parametrize("frame", [as_events, as_list])
def test_what_cannot_be_read_is_passed_over_and_told(frame: Any) -> None:
    good = piece({"text": "a"})
    body = frame(good, good).replace(b'"text":', b'"text"', 1)
    decoder, chunks = fed(body, tell_damage=True)
    assert decoder.damaged
    assert chunks[0].error is not None
    deep = (
        b'data: {"candidates":[{"content":{"parts":[{"x":' + b"[" * 990 + b"]" * 990 + b"}]}}]}\n\n"
    )
    assert fed(deep)[0].damaged


def test_a_stream_that_was_cut_short_is_no_damage_and_keeps_what_came() -> None:
    for body in (as_events(*WHOLE[2:4]), as_list(*WHOLE[2:4])):
        decoder, _ = fed(body[:-30])
        assert answer_of(body[:-30]).blocks[0] == Text("Grüße \U0001f600 {[")
        assert (decoder.damaged, decoder.complete) == (False, False)


@pytest.mark.parametrize("frame", [as_events, as_list])
def test_an_event_beyond_the_bound_is_given_up(frame: Any) -> None:
    body = frame(piece({"text": "a"}), piece({"text": "b" * 5000}), piece({"text": "c"}))
    for size in (0, 100):
        decoder, chunks = fed(body, size, max_event_bytes=1000)
        texts = [delta.text for chunk in chunks for delta in chunk.deltas]  # type: ignore[union-attr]
        assert texts == ["a", "c"]
        assert decoder.damaged


def test_a_mark_of_the_end_is_honoured() -> None:
    decoder, chunks = fed(as_events(WHOLE[2]) + b"data: [DONE]\n\n" + as_events(WHOLE[3]))
    assert (decoder.done, len(chunks)) == (True, 1)


@given(st.binary(max_size=60), st.randoms())
def test_damaged_bytes_do_no_harm(noise: bytes, chance: random.Random) -> None:
    body = bytearray(chance.choice(BODIES))
    place = chance.randrange(len(body))
    body[place : place + chance.randrange(40)] = noise
    assert fed(bytes(body))[1] == fed(bytes(body), 11)[1]


def test_citations_of_all_pieces_count_by_either_name() -> None:
    first, second = {"uri": "https://a.test", "startIndex": 1}, {"uri": "https://b.test"}
    for name in ("citations", "citationSources"):
        block = blocks_of(
            piece({"text": "said"}, citationMetadata={name: [first]}),
            piece({"text": ", twice"}, citationMetadata={name: [first, second]}),
        )[0]
        assert isinstance(block, Text)
        extra = orjson.loads(block.extra or b"{}")
        assert extra["citationMetadata"] == {name: [first, second]}
        assert [each["url_citation"]["url"] for each in extra["citations"]] == [
            "https://a.test",
            "https://b.test",
        ]


def test_a_text_that_has_more_to_it_is_a_block_of_its_own() -> None:
    blocks = blocks_of(
        piece({"text": "a"}, {"text": "b", "partMetadata": {"x": 1}}), piece({"text": "c"})
    )
    assert blocks == (Text("a"), Text("b", b'{"partMetadata":{"x":1}}'), Text("c"))
