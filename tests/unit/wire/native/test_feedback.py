"""Bodies of `/feedback`. Each id is one line of the compatibility tables."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
import pytest

from proxy.errors import InvalidRequest
from proxy.wire.native.feedback import (
    NativeFeedback,
    decode_feedback_request,
    encode_feedback_response,
)

ID = "0199a000-0000-7000-8000-000000000000"


def case(sentence: str, *values: object) -> Any:
    return pytest.param(*values, id=sentence)


def decode(**members: object) -> NativeFeedback:
    whole = {"metric_name": "m", "value": True, "inference_id": ID, **members}
    given = {name: value for name, value in whole.items() if value is not ...}
    return decode_feedback_request(orjson.dumps(given))


def refusal(**members: object) -> str:
    with pytest.raises(InvalidRequest) as raised:
        decode(**members)
    return str(raised.value)


def test_the_least_that_is_said() -> None:
    assert decode() == NativeFeedback("m", b"true", UUID(ID))


def test_the_body_of_the_official_client_is_understood() -> None:
    feedback = decode(episode_id=None, internal=False, tags={}, dryrun=None)
    assert feedback == NativeFeedback("m", b"true", UUID(ID))


def test_everything_that_can_be_said() -> None:
    feedback = decode(
        inference_id=None, episode_id=ID, tags={"a": "b"}, dryrun=True, internal=True, value=1
    )
    assert feedback == NativeFeedback(
        "m",
        b"1",
        episode_id=UUID(ID),
        tags={"a": "b", "tensorzero::internal": "true"},
        dryrun=True,
        internal=True,
    )


@pytest.mark.parametrize(
    "raw",
    [
        case("a boolean", b"false"),
        case("a number in its own spelling", b"1.50"),
        case("a comment", '"gut, \u00e9"'.encode()),
        case("a demonstration with its keys in order", b'{"z": 1E2, "a": [ ]}'),
        case("null", b"null"),
    ],
)
def test_a_value_stays_raw(raw: bytes) -> None:
    body = b'{"metric_name":"m","value":' + raw + b',"inference_id":"' + ID.encode() + b'"}'
    assert decode_feedback_request(body).value == raw


def test_the_id_of_a_providers_answer_is_a_target() -> None:
    assert decode(inference_id=None, response_id="chatcmpl-1").response_id == "chatcmpl-1"
    feedback = decode(inference_id="chatcmpl-1")
    assert (feedback.inference_id, feedback.response_id) == (None, "chatcmpl-1")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        case("no metric", {"metric_name": ...}, "missing field `metric_name`"),
        case("no value", {"value": ...}, "missing field `value`"),
        case(
            "a metric that is a number",
            {"metric_name": 1},
            "metric_name: invalid type: integer `1`, expected a string",
        ),
        case(
            "an unknown field",
            {"x": 1},
            "x: unknown field `x`, expected one of `episode_id`, `inference_id`, `metric_name`, "
            "`value`, `internal`, `tags`, `dryrun`, `response_id`",
        ),
        case(
            "two targets",
            {"episode_id": ID},
            "Both episode_id and inference_id cannot be provided",
        ),
        case(
            "an inference and an answer",
            {"response_id": "a"},
            "Both inference_id and response_id cannot be provided",
        ),
        case(
            "an episode that is no UUID",
            {"inference_id": ..., "episode_id": "x"},
            "episode_id: UUID parsing failed: invalid character: found `x` at 1",
        ),
        case(
            "an inference that is a number",
            {"inference_id": 3},
            "inference_id: invalid type: integer `3`, expected a formatted UUID string",
        ),
        case(
            "a tag of TensorZero's own",
            {"tags": {"tensorzero::a": "b"}},
            "Tag name cannot start with 'tensorzero::': tensorzero::a",
        ),
        case(
            "human feedback without an evaluator",
            {
                "internal": True,
                "tags": {"tensorzero::human_feedback": "true", "tensorzero::datapoint_id": ID},
            },
            "tensorzero::evaluator_inference_id is required when tensorzero::datapoint_id and "
            "tensorzero::human_feedback are provided",
        ),
    ],
)
def test_feedback_of_another_shape_is_refused(members: dict[str, object], message: str) -> None:
    assert refusal(**members) == message


def test_the_answer_is_an_id() -> None:
    assert encode_feedback_response(UUID(ID)) == b'{"feedback_id":"' + ID.encode() + b'"}'
