"""Embeddings of `/openai/v1`. Each id is one line of the compatibility tables."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy.errors import InvalidRequest
from proxy.types.embeddings import EmbeddingsAnswer
from proxy.types.usage import NO_USAGE, Usage
from proxy.wire.envelope.embeddings import (
    EmbeddingsInput,
    EnvelopeEmbeddingsRequest,
    InputKind,
    decode_embeddings_request,
    encode_embeddings_response,
)
from proxy.wire.envelope.extensions import CacheOptions
from proxy.wire.envelope.response import RawSource


def case(sentence: str, *values: object) -> Any:
    return pytest.param(*values, id=sentence)


def body(**members: object) -> bytes:
    members = {name.replace("tz_", "tensorzero::"): value for name, value in members.items()}
    whole = {"input": "a", "model": "tensorzero::embedding_model_name::e", **members}
    return orjson.dumps({name: value for name, value in whole.items() if value is not ...})


def decode(**members: object) -> EnvelopeEmbeddingsRequest:
    return decode_embeddings_request(body(**members))


@pytest.mark.parametrize(
    ("given", "kind", "count"),
    [
        case("a string", "a", "string", 1),
        case("a list of strings", ["a", ""], "strings", 2),
        case("a list of token ids", [1, 2, 3], "tokens", 1),
        case("a list of lists of token ids", [[1, 2], [3]], "token_lists", 2),
    ],
)
def test_the_input_may_be(given: object, kind: InputKind, count: int) -> None:
    assert decode(input=given).input == EmbeddingsInput(orjson.dumps(given), kind, count)


NO_INPUT = "input: data did not match any variant of untagged enum EmbeddingInput"
NO_INPUTS: dict[str, object] = {
    "null": None,
    "a number": 1,
    "an object": {},
    "strings beside tokens": ["a", 1],
    "a negative token": [-1],
    "a fraction": [1.5],
    "a token beyond 32 bits": [2**32],
    "lists of strings": [["a"]],
}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        case("nothing", ..., "missing field `input`"),
        case("an empty list", [], "input: must not be an empty list"),
        case("a list of an empty list", [[1], []], "input: must not contain an empty list"),
        *(case(name, value, NO_INPUT) for name, value in NO_INPUTS.items()),
    ],
)
def test_the_input_may_not_be(given: object, message: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        decode(input=given)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("model", "name", "warnings"),
    [
        case("with its prefix", "tensorzero::embedding_model_name::e", "e", 0),
        case("without a prefix, with a warning", "e", "e", 1),
        case(
            "as a shorthand",
            "tensorzero::embedding_model_name::openai::text-embedding-3-small",
            "openai::text-embedding-3-small",
            0,
        ),
    ],
)
def test_a_model_is_named(model: str, name: str, warnings: int) -> None:
    request = decode(model=model)
    assert (request.model_name, len(request.warnings)) == (name, warnings)


@pytest.mark.parametrize(
    ("members", "field", "value"),
    [
        case("`dimensions`", {"dimensions": 8}, "dimensions", 8),
        case("`dimensions` of null are none", {"dimensions": None}, "dimensions", None),
        case("`encoding_format` is float by default", {}, "encoding_format", "float"),
        case(
            "`encoding_format` may be base64",
            {"encoding_format": "base64"},
            "encoding_format",
            "base64",
        ),
        case("`credentials`", {"tz_credentials": {"k": "s"}}, "credentials", {"k": "s"}),
        case("`dryrun`", {"tz_dryrun": True}, "dryrun", True),
        case(
            "`cache_options`",
            {"tz_cache_options": {"enabled": "on"}},
            "cache_options",
            CacheOptions("on"),
        ),
        case(
            "`include_raw_response`",
            {"tz_include_raw_response": True},
            "include_raw_response",
            True,
        ),
        case("other members are ignored silently", {"user": "u", "foo": 1}, "warnings", ()),
    ],
)
def test_members_are_read(members: dict[str, object], field: str, value: object) -> None:
    assert getattr(decode(**members), field) == value


@pytest.mark.parametrize(
    ("members", "message"),
    [
        case("no model", {"model": ...}, "missing field `model`"),
        case(
            "negative dimensions",
            {"dimensions": -1},
            "dimensions: invalid value: integer `-1`, expected u32",
        ),
        case(
            "an unknown encoding format",
            {"encoding_format": "x"},
            "encoding_format: unknown variant `x`, expected `float` or `base64`",
        ),
    ],
)
def test_a_request_is_refused(members: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        decode(**members)
    assert str(raised.value) == message


def test_a_body_that_is_no_object_is_refused() -> None:
    with pytest.raises(InvalidRequest) as raised:
        decode_embeddings_request(b"[]")
    assert str(raised.value) == (
        "invalid type: sequence, expected struct OpenAICompatibleEmbeddingParams"
    )


def test_members_of_an_answer_stand_in_their_order_and_vectors_keep_their_spelling() -> None:
    answer = EmbeddingsAnswer((b"[1.0,-2e-3]", b'"AACAPw=="'), Usage(4, 0))
    assert encode_embeddings_response(answer, model_name="e") == (
        b'{"object":"list","data":['
        b'{"object":"embedding","embedding":[1.0,-2e-3],"index":0},'
        b'{"object":"embedding","embedding":"AACAPw==","index":1}],'
        b'"model":"tensorzero::embedding_model_name::e",'
        b'"usage":{"prompt_tokens":4,"total_tokens":4,"tensorzero_cost":null}}'
    )


def test_unknown_usage_is_null() -> None:
    raw = encode_embeddings_response(EmbeddingsAnswer((), NO_USAGE), model_name="e")
    assert b'"usage":{"prompt_tokens":null,"total_tokens":null,' in raw


def test_raw_responses_stand_under_a_key_with_a_double_colon() -> None:
    entry = RawSource("openai", api_type="embeddings").entry("body")
    answer = EmbeddingsAnswer((), NO_USAGE)
    raw = encode_embeddings_response(answer, model_name="e", raw_response=[entry])
    assert raw.endswith(
        b',"tensorzero::raw_response":'
        b'[{"provider_type":"openai","api_type":"embeddings","data":"body"}]}'
    )
