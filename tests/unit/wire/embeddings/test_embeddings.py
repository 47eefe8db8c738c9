"""Requests for embeddings and their answers, in which not a digit of a vector changes."""

from __future__ import annotations

import json

import pytest
from openai.types import CreateEmbeddingResponse

from proxy.errors import InvalidRequest, UpstreamGarbage
from proxy.types.decoded import Decoder
from proxy.types.embeddings import EmbeddingsAnswer, EmbeddingsRequest
from proxy.types.exchange import ModelCall
from proxy.types.usage import NO_USAGE, Usage
from proxy.wire.embeddings.decode import EmbeddingsDecoder
from proxy.wire.embeddings.request import decode_request, encode_request
from proxy.wire.embeddings.response import decode_response, encode_response

ANSWER = (
    b'{"object":"list","data":[{"index":1,"embedding":[2.50, -1e-9]},'
    b'{"object":"embedding","index":0,"embedding":"AACA\\/w=="}],'
    b'"model":"m","id":"e-1","usage":{"prompt_tokens":4,"total_tokens":4}}'
)


@pytest.mark.parametrize(
    ("given", "count"),
    [
        (b'"a"', 1),
        (b'["a", "b"]', 2),
        (b"[ 1, 2, 3 ]", 1),
        (b"[[1], [2, 3]]", 2),
        (b'[ "lone" ]', 1),
    ],
)
def test_a_request_keeps_its_input_and_knows_how_many_vectors_it_wants(
    given: bytes, count: int
) -> None:
    body = b'{"input": ' + given + b', "dimensions":256,"encoding_format":"base64","user":"u"}'
    request = decode_request(body, model_name="p", credentials={"K": "v"})
    assert request == EmbeddingsRequest("p", given, count, 256, "base64", {"K": "v"})
    assert "v'" not in repr(request)
    assert encode_request(request) == (
        b'{"model":"p","input":' + given + b',"dimensions":256,"encoding_format":"base64"}'
    )


def test_what_is_not_given_is_not_sent() -> None:
    request = decode_request(b'{"input":"a","dimensions":null}', model_name="p")
    assert encode_request(request) == b'{"model":"p","input":"a"}'


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{}", "input"),
        (b'{"input":[]}', "input"),
        (b'{"input":null}', "input"),
        (b'{"input":["a",1]}', "input"),
        (b'{"input":[1.5]}', "input"),
        (b'{"input":"a","dimensions":"x"}', "dimensions"),
        (b'{"input":"a","encoding_format":"int8"}', "encoding_format"),
        (b"[]", None),
    ],
)
def test_a_request_that_cannot_be_understood_is_refused(body: bytes, param: str | None) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decode_request(body, model_name="p")
    assert caught.value.param == param


def test_vectors_come_by_index_and_as_they_were_spelled() -> None:
    answer = decode_response(ANSWER)
    assert answer.embeddings == (b'"AACA\\/w=="', b"[2.50, -1e-9]")
    assert (answer.usage, answer.id) == (Usage(4, 0), "e-1")
    assert answer.raw_response == ANSWER.decode()


def test_without_index_and_usage_vectors_stand_as_they_come() -> None:
    answer = decode_response(b'{"data":[{"embedding":[1]},{"embedding":[2]}],"usage":null}')
    assert (answer.embeddings, answer.usage) == ((b"[1]", b"[2]"), NO_USAGE)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"data":{}}',
        b'{"data":[7]}',
        b'{"data":[{"index":0}]}',
        b'{"data":[{"embedding":null}]}',
        ANSWER[:-20],
    ],
)
def test_an_answer_without_vectors_is_none(body: bytes) -> None:
    with pytest.raises(UpstreamGarbage):
        decode_response(body)


def test_an_answer_is_put_into_openais_words() -> None:
    encoded = encode_response(decode_response(ANSWER), "m")
    assert encoded == (
        b'{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AACA\\/w=="},'
        b'{"object":"embedding","index":1,"embedding":[2.50, -1e-9]}],'
        b'"model":"m","usage":{"prompt_tokens":4,"total_tokens":4}}'
    )
    floats = encode_response(EmbeddingsAnswer((b"[0.50]",), Usage(4, 0)), "m")
    assert CreateEmbeddingResponse.model_validate_json(floats).data[0].embedding == [0.5]
    assert b"usage" not in encode_response(EmbeddingsAnswer(()), "m")


def model_call(*blocks: bytes) -> ModelCall:
    return ModelCall(
        id=b"",
        model_name="m",
        provider_name="p",
        wire="embeddings",
        stream=False,
        raw_request=b"",
        raw_response=list(blocks),
        response_time_ms=0,
        ttft_ms=None,
        output=b"",
        input_tokens=None,
        output_tokens=None,
        finish_reason="",
    )


def test_the_record_gets_the_tokens_and_no_inference() -> None:
    decoder: Decoder = EmbeddingsDecoder()
    decoded = decoder.decode_call(model_call(ANSWER[:9], ANSWER[9:]))
    assert (decoded.output, decoded.is_inference) == (b"[]", False)
    assert (decoded.input_tokens, decoded.output_tokens, decoded.response_id) == (4, 0, "e-1")
    assert (decoded.usage_found, decoded.complete, decoded.error) == (True, True, "")


def test_the_record_of_a_damaged_answer_says_so() -> None:
    decoder = EmbeddingsDecoder()
    for cut in range(len(ANSWER)):
        decoded = decoder.decode_call(model_call(ANSWER[:cut]))
        assert (decoded.complete, decoded.is_inference) == (False, False)
        assert bool(decoded.error) == bool(cut)
    failed = decoder.decode_call(model_call(b'{"error":{"message":"x"}}'))
    assert (failed.complete, failed.output) == (False, b"[]")


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        (b'"a"', ["a"]),
        (b'["a","b"]', ["a", "b"]),
        (b"[1, 2]", ["[1,2]"]),
        (b"[[1],[2, 3]]", ["[1]", "[2,3]"]),
    ],
)
def test_the_record_shows_the_inputs_as_one_message(given: bytes, texts: list[str]) -> None:
    decoded = EmbeddingsDecoder().decode_input("embeddings", b'{"input":' + given + b"}")
    content = [{"type": "text", "text": text} for text in texts]
    assert json.loads(decoded.messages) == [{"role": "user", "content": content}]
    assert json.loads(decoded.input) == {"messages": json.loads(decoded.messages)}
    assert decoded.system is None
