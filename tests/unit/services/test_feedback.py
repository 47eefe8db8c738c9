"""Feedback of each kind: what is recorded, what is refused, and in whose words."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
import pytest

from proxy.config.schema import MetricConfig
from proxy.errors import InvalidRequest, NotFound
from proxy.services.feedback import FeedbackService
from proxy.services.feedback_target import Found, Target
from proxy.types.exchange import Feedback
from proxy.types.feedback import StoredInference
from proxy.types.ids import new_id
from proxy.wire.native.feedback import decode_feedback_request

ID = "0199a000-0000-7000-8000-000000000000"
METRICS = {
    "good": MetricConfig(type="boolean", optimize="max", level="inference"),
    "rating": MetricConfig(type="float", optimize="max", level="episode"),
}


def case(sentence: str, *values: object) -> Any:
    return pytest.param(*values, id=sentence)


class Desk:
    """The service between fakes: `known` says whether the store knows targets by now."""

    def __init__(self, *, known: bool = True, validate: bool = True) -> None:
        self.known = known
        self.sought: list[Target] = []
        self.recorded: list[Feedback] = []
        self.counted: list[str] = []
        parts: Any = self
        self.service = FeedbackService(
            METRICS, parts, parts, parts, parts, b"\x01" * 32, validate_targets=validate
        )

    async def find(self, target: Target) -> Found:
        self.sought.append(target)
        if not self.known:
            return Found(target.id, known=False)
        identifier = target.id or UUID(int=7)
        if not target.wants_inference:
            return Found(identifier, known=True)
        inference = StoredInference(identifier, "f", "v", new_id(), "chat")
        return Found(identifier, True, inference)

    def read(self, value: bytes, inference: StoredInference) -> bytes:
        if value == b"1":
            raise InvalidRequest("it does not fit")
        return b'["as it is stored"]'

    async def feedback(self, feedback: Feedback) -> None:
        self.recorded.append(feedback)

    def feedback_request(self, metric_name: str) -> None:
        self.counted.append(metric_name)

    async def submit(self, **members: object) -> UUID:
        body = {"metric_name": "good", "value": True, "inference_id": ID, **members}
        given = {name: value for name, value in body.items() if value is not ...}
        return await self.service.submit(decode_feedback_request(orjson.dumps(given)))


async def test_a_value_of_each_kind_is_recorded_on_its_target() -> None:
    desk = Desk()
    episode: dict[str, object] = {"inference_id": ..., "episode_id": ID}
    await desk.submit(tags={"a": "b"})
    await desk.submit(metric_name="rating", value=4, **episode)
    await desk.submit(metric_name="comment", value="gut, é")
    await desk.submit(metric_name="comment", value="gut", **episode)
    await desk.submit(metric_name="demonstration", value="say this")
    assert [(each.metric_type, each.level, each.value, each.text) for each in desk.recorded] == [
        ("boolean", "inference", 1.0, "true"),
        ("float", "episode", 4.0, "4"),
        ("comment", "inference", 0.0, "gut, é"),
        ("comment", "episode", 0.0, "gut"),
        ("demonstration", "inference", 0.0, '["as it is stored"]'),
    ]
    assert {each.target_id for each in desk.recorded} == {UUID(ID).bytes}
    assert all(each.target_known for each in desk.recorded)
    assert desk.recorded[0].tags == b'{"a":"b"}'
    assert desk.counted == ["good", "rating", "comment", "comment", "demonstration"]


async def test_what_is_answered_is_the_id_of_what_is_recorded() -> None:
    desk = Desk()
    answered = await desk.submit()
    assert answered.version == 7 and desk.recorded[0].id == answered.bytes


async def test_what_the_store_does_not_know_yet_is_recorded_as_it_came() -> None:
    desk = Desk(known=False)
    await desk.submit(metric_name="demonstration", value=[{"any": "thing"}])
    await desk.submit(inference_id=..., response_id="chatcmpl-1")
    first, second = desk.recorded
    assert (first.target_known, first.text) == (False, '[{"any":"thing"}]')
    assert (second.target_known, second.target_id, second.response_id) == (
        False,
        b"",
        "chatcmpl-1",
    )


async def test_a_dry_run_checks_and_records_nothing() -> None:
    desk = Desk()
    assert (await desk.submit(dryrun=True)).version == 7
    assert len(desk.sought) == 1
    assert (desk.recorded, desk.counted) == ([], [])
    with pytest.raises(InvalidRequest, match="it does not fit"):
        await desk.submit(metric_name="demonstration", value=1, dryrun=True)


async def test_without_validation_only_a_demonstration_asks_for_its_target() -> None:
    desk = Desk(known=False, validate=False)
    await desk.submit()
    await desk.submit(metric_name="comment", value="a")
    assert desk.sought == [] and all(each.target_known for each in desk.recorded)
    await desk.submit(metric_name="demonstration", value="a")
    await desk.submit(inference_id=..., response_id="chatcmpl-1")
    assert len(desk.sought) == 2


EVALUATED = {
    "tensorzero::human_feedback": "true",
    "tensorzero::datapoint_id": ID,
    "tensorzero::evaluator_inference_id": ID,
}


async def test_feedback_by_people_on_an_evaluation_has_two_ids() -> None:
    desk = Desk()
    await desk.submit(internal=True, tags=EVALUATED)
    assert orjson.loads(desk.recorded[0].tags).items() >= EVALUATED.items()
    for name in ("datapoint_id", "evaluator_inference_id"):
        with pytest.raises(InvalidRequest, match=r"Invalid \w+ ID: Invalid UUID: .* \(raw: x\)"):
            await desk.submit(internal=True, tags=EVALUATED | {f"tensorzero::{name}": "x"})


@pytest.mark.parametrize(
    ("members", "message"),
    [
        case(
            "a boolean metric that is a number",
            {"value": 1},
            "Feedback value for metric `good` must be a boolean",
        ),
        case(
            "a boolean metric that is null",
            {"value": None},
            "Feedback value for metric `good` must be a boolean",
        ),
        case(
            "a float metric that is a boolean",
            {"metric_name": "rating", "value": True, "inference_id": ..., "episode_id": ID},
            "Feedback value for metric `rating` must be a number",
        ),
        case(
            "a float metric that is a text",
            {"metric_name": "rating", "value": "1", "inference_id": ..., "episode_id": ID},
            "Feedback value for metric `rating` must be a number",
        ),
        case(
            "a comment that is no text",
            {"metric_name": "comment", "value": ["a"]},
            "Feedback value for a comment must be a string",
        ),
        case(
            "a comment on nothing",
            {"metric_name": "comment", "value": "a", "inference_id": ...},
            "Exactly one of inference_id or episode_id must be provided",
        ),
        case(
            "an inference's metric on an episode",
            {"inference_id": ..., "episode_id": ID},
            'Correct ID was not provided for feedback level "inference".',
        ),
        case(
            "an episode's metric on an inference",
            {"metric_name": "rating", "value": 1},
            'Correct ID was not provided for feedback level "episode".',
        ),
        case(
            "a demonstration of an episode",
            {"metric_name": "demonstration", "inference_id": ..., "episode_id": ID},
            'Correct ID was not provided for feedback level "inference".',
        ),
        case(
            "a demonstration that does not fit",
            {"metric_name": "demonstration", "value": 1},
            "it does not fit",
        ),
    ],
)
async def test_what_is_wrong_is_said_in_tensorzeros_words(
    members: dict[str, object], message: str
) -> None:
    desk = Desk()
    with pytest.raises(InvalidRequest) as raised:
        await desk.submit(**members)
    assert str(raised.value) == message
    assert desk.recorded == []


async def test_a_number_beyond_all_numbers_is_none() -> None:
    body = b'{"metric_name":"rating","value":1e999,"episode_id":"' + ID.encode() + b'"}'
    with pytest.raises(InvalidRequest):
        await Desk().service.submit(decode_feedback_request(body))


async def test_an_unknown_metric_is_not_found() -> None:
    with pytest.raises(NotFound, match="Unknown metric: nope"):
        await Desk().submit(metric_name="nope")
