"""How some servers spell the protocol: files, log probabilities, numbers, budgets of thinking."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.errors import UpstreamUnsupported
from proxy.types.content import Base64File, Block, Text, Thought, Unknown, UrlFile
from proxy.types.request import Input, Message, ModelRequest, Params
from proxy.wire.accumulate import ChunkAccumulator
from proxy.wire.chat_completions.dialect import PLAIN, Dialect
from proxy.wire.chat_completions.encode import encode_request, ignored_params
from proxy.wire.chat_completions.request import decode_request
from proxy.wire.chat_completions.response import decode_response
from proxy.wire.chat_completions.stream import StreamDecoder

ITS_OWN = Dialect(document_urls=True, audio_texts=True)
PDF = "data:application/pdf;base64,JVBERi0="
WAV = "UklGRgAAAABXQVZF"


def sent(request: ModelRequest, dialect: Dialect = PLAIN) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encode_request(request, dialect, body_defaults={}))
    return body


def passed_on(message: dict[str, Any], dialect: Dialect = PLAIN) -> Any:
    """A client's message as it goes out."""
    body = json.dumps({"messages": [message]}).encode()
    (out,) = sent(decode_request(body, model_name="m", stream=False), dialect)["messages"]
    return out


def read(*blocks: Block, dialect: Dialect = PLAIN) -> Any:
    """Blocks of a native request as parts."""
    (out,) = sent(ModelRequest("m", Input((Message("user", blocks),))), dialect)["messages"]
    return out["content"]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "document_url", "document_url": PDF, "document_name": "a.pdf"},
        {"type": "document_url", "document_url": "https://x/a.pdf", "more": 1},
        {"type": "document_url", "document_url": PDF, "document_name": 7},
        {"type": "input_audio", "input_audio": WAV},
        {"type": "input_audio", "input_audio": "https://x/a.mp3"},
        {"type": "image_url", "image_url": "https://x/a.png"},
        {"type": "image_url", "image_url": "data:image/png;base64,aGk="},
    ],
)
@pytest.mark.parametrize("dialect", [PLAIN, ITS_OWN])
def test_a_part_whose_member_is_a_text_goes_out_as_it_came(part: Any, dialect: Dialect) -> None:
    assert passed_on({"role": "user", "content": [part]}, dialect)["content"] == [part]


def test_documents_and_sound_become_the_kinds_that_a_vendor_knows() -> None:
    content = [
        {"type": "file", "file": {"file_data": PDF, "filename": "a.pdf"}},
        {"type": "file", "file": {"file_data": "https://x/a.pdf"}},
        {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}},
    ]
    assert passed_on({"role": "user", "content": content}, ITS_OWN)["content"] == [
        {"type": "document_url", "document_url": PDF, "document_name": "a.pdf"},
        {"type": "document_url", "document_url": "https://x/a.pdf"},
        {"type": "input_audio", "input_audio": WAV},
    ]


def test_files_of_native_requests_do_too() -> None:
    files = (
        Base64File("JVBERi0=", "application/pdf"),
        UrlFile("https://x/a.pdf", "application/pdf"),
        UrlFile("https://x/a.mp3", "audio/mpeg"),
        UrlFile("https://x/a.png", "image/png"),
    )
    assert read(*files, dialect=ITS_OWN) == [
        {"type": "document_url", "document_url": PDF},
        {"type": "document_url", "document_url": "https://x/a.pdf"},
        {"type": "input_audio", "input_audio": "https://x/a.mp3"},
        {"type": "image_url", "image_url": {"url": "https://x/a.png"}},
    ]
    with pytest.raises(UpstreamUnsupported):
        read(files[1])


def test_a_number_of_tokens_asks_for_log_probabilities_where_they_are_counted() -> None:
    counted = Dialect(counted_logprobs=True)
    plain = ModelRequest("m", Input(()), logprobs=True)
    two = ModelRequest("m", Input(()), logprobs=True, top_logprobs=2)
    assert sent(plain, counted)["logprobs"] == 1
    assert sent(two, counted)["logprobs"] == 2
    assert "top_logprobs" not in sent(two, counted)
    assert sent(two)["logprobs"] is True


def answer(*choices: dict[str, Any], **members: Any) -> bytes:
    return json.dumps({"choices": choices, **members}).encode()


def probabilities(choice: dict[str, Any]) -> Any:
    raw = decode_response(answer({"message": {"content": "t"}, **choice})).logprobs
    return None if raw is None else json.loads(raw)


def told(token: str, logprob: float, *top: dict[str, Any], **more: Any) -> dict[str, Any]:
    shown = {"token": token, "logprob": logprob, "bytes": list(token.encode())}
    return {**shown, "top_logprobs": list(top), **more}


def test_lists_that_run_side_by_side_are_told_token_by_token() -> None:
    logprobs = {
        "tokens": ["ä", "b", "c"],
        "token_logprobs": [-0.5, None],
        "top_logprobs": [{"ä": -0.5}],
        "token_ids": [3],
        "text_offset": [0],
    }
    top = {"token": "ä", "logprob": -0.5, "bytes": [195, 164]}
    assert probabilities({"logprobs": logprobs}) == {
        "content": [told("ä", -0.5, top, token_id=3), told("b", -9999.0), told("c", -9999.0)]
    }


def test_of_a_lone_token_they_may_be_no_lists() -> None:
    top = {"token": "H", "logprob": -1.5, "bytes": [72]}
    lone = {"tokens": ["t"], "token_logprobs": [-1], "top_logprobs": {"H": -1.5}}
    assert probabilities({"logprobs": lone}) == {"content": [told("t", -1, top)]}
    body = answer({"delta": {"content": "t"}, "logprobs": -1, "top_logprobs": {"H": -1.5}})
    assert streamed(body).logprobs is not None
    assert json.loads(streamed(body).logprobs or b"") == {"content": [told("t", -1, top)]}


@pytest.mark.parametrize("logprobs", [None, True, "x", [], {}, {"content": None, "tokens": None}])
def test_what_tells_no_probabilities_is_none(logprobs: Any) -> None:
    assert probabilities({"logprobs": logprobs}) is None


def streamed(*bodies: bytes) -> Any:
    decoder, accumulator = StreamDecoder(), ChunkAccumulator()
    events = b"".join(b"data: " + body + b"\n\n" for body in bodies)
    for chunk in (*decoder.feed(events), *decoder.close()):
        accumulator.add(chunk)
    return accumulator.answer()


def test_choices_are_numbered_by_texts_by_their_place_or_from_1() -> None:
    a, b = ({"message": {"content": text}} for text in "ab")
    for choices in (
        ({**a, "index": "0"}, {**b, "index": "1"}),
        (a, b),
        ({**a, "index": 1}, {**b, "index": 2.0}),
        ({**a, "index": 0}, {**b, "index": 0}),
        ({**b, "index": 1}, {**a, "index": 0}),
    ):
        found = decode_response(answer(*choices))
        assert (found.blocks, found.others[0].blocks) == ((Text("a"),), (Text("b"),))
    far = decode_response(answer({**a, "index": "9" * 50}, {**b, "index": "0"}))
    assert (far.blocks, far.others) == ((Text("b"),), ())


def test_a_chunk_may_say_two_things_of_one_choice() -> None:
    a, b = ({"index": "0", "delta": {"content": text}} for text in "ab")
    assert streamed(answer(a, b)).blocks == (Text("ab"),)


def test_what_was_said_so_far_is_not_said_again() -> None:
    first = {"delta": {"content": "a"}, "message": {"content": "a"}}
    last = {"delta": {}, "message": {"content": "a"}, "finish_reason": "stop"}
    assert streamed(answer(first), answer(last)).blocks == (Text("a"),)
    assert streamed(answer({"message": {"content": "a"}})).blocks == (Text("a"),)


def test_a_choice_without_a_message_may_have_a_text() -> None:
    assert decode_response(answer({"text": "a"})).blocks == (Text("a"),)


def test_the_service_tier_may_stand_with_the_counts() -> None:
    assert decode_response(answer(usage={"service_tier": "standard"})).service_tier == "standard"
    body = answer({"delta": {"content": "a"}}, usage={"service_tier": "standard"})
    assert streamed(body).service_tier == "standard"


@pytest.mark.parametrize(
    ("budget", "members", "ignored"),
    [
        ("", {"reasoning_effort": "low"}, ("thinking_budget_tokens",)),
        ("thinking", {"thinking": {"type": "enabled", "budget_tokens": 9}}, ("reasoning_effort",)),
        ("budget", {"budget": 9, "reasoning_effort": "low"}, ()),
    ],
)
def test_a_budget_of_thinking_goes_where_the_vendor_has_it(
    budget: str, members: dict[str, Any], ignored: tuple[str, ...]
) -> None:
    lacks = frozenset() if budget else PLAIN.lacks
    dialect = Dialect(lacks=lacks, budget=budget)
    params = Params(reasoning_effort="low", thinking_budget_tokens=9)
    request = ModelRequest("m", Input(()), params=params)
    body = sent(request, dialect)
    assert {key: body[key] for key in body if key not in ("messages", "model", "stream")} == members
    assert ignored_params(request, dialect) == ignored
    (alone,) = (ModelRequest("m", Input(()), params=Params(reasoning_effort="low")),)
    assert sent(alone, dialect)["reasoning_effort"] == "low"


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "reasoning_content": "r"},
        {"role": "assistant", "content": "t", "reasoning_content": "r", "reasoning": "s"},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "no"}],
            "refusal": "never",
        },
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "c", "type": "retrieval", "function": {"name": "f", "arguments": "{}"}}
            ],
        },
    ],
)
@pytest.mark.parametrize("key", ["reasoning_content", "reasoning"])
def test_an_answer_that_is_sent_back_says_what_it_said(message: Any, key: str) -> None:
    out = passed_on(message, Dialect(reasoning_key=key))
    if key == "reasoning" and len({"reasoning", "reasoning_content"} & message.keys()) == 1:
        message = {"role": "assistant", "reasoning": "r"}
    assert out == message


def test_a_thought_without_a_word_goes_back_where_thoughts_are_parts() -> None:
    part = {"type": "thinking", "thinking": [{"type": "text", "text": ""}], "signature": "s"}
    message = {"role": "assistant", "content": [part, {"type": "text", "text": "t"}]}
    assert passed_on(message, Dialect(thinking_parts=True)) == message


def test_a_thought_alone_says_nothing_to_other_protocols() -> None:
    said = Input((Message("assistant", (Thought("r"),)), Message("user", (Unknown(b"7"),))))
    assert [each["role"] for each in sent(ModelRequest("m", said))["messages"]] == ["user"]
