"""Feedback: a metric's value, a comment or a demonstration, on an inference or an episode.

What is said is checked against the configuration here, and a demonstration against what is stored
of its inference. Whether the target exists is asked of the store; when the store cannot say, the
feedback is taken as it is, and the writer checks it when it inserts it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import orjson

from proxy.config.schema import MetricConfig
from proxy.errors import InvalidRequest, NotFound
from proxy.services.feedback_target import Found, Target, TargetFinder
from proxy.telemetry.metrics import Metrics
from proxy.types.exchange import Feedback
from proxy.types.feedback import (
    COMMENT,
    DATAPOINT_ID,
    DEMONSTRATION,
    EVALUATOR_INFERENCE_ID,
    HUMAN_FEEDBACK,
    DemonstrationReader,
)
from proxy.types.ids import new_id
from proxy.types.ports import Recorder
from proxy.wire.native.feedback import NativeFeedback
from proxy.wire.serde import is_string, read_string


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a metric's name stands for."""

    type: str
    """`boolean`, `float`, `comment` or `demonstration`."""
    level: str


@dataclass(frozen=True, slots=True)
class _Said:
    """The value: as a number, and as a text (see `types.exchange.Feedback`)."""

    number: float
    text: str


class FeedbackService:
    """Takes feedback on the metrics of one configuration."""

    def __init__(
        self,
        metrics_config: Mapping[str, MetricConfig],
        finder: TargetFinder,
        demonstrations: DemonstrationReader,
        recorder: Recorder,
        metrics: Metrics,
        config_hash: bytes,
        *,
        validate_targets: bool = True,
    ) -> None:
        """Without `validate_targets` any id of ours is taken for one that exists, except where a
        demonstration needs to know what it belongs to."""
        self._config = metrics_config
        self._finder = finder
        self._demonstrations = demonstrations
        self._recorder = recorder
        self._metrics = metrics
        self._hash = config_hash
        self._validate_targets = validate_targets

    async def submit(self, call: NativeFeedback) -> UUID:
        """Check and record; returns the id of the feedback. A dry run only checks.

        Raises:
            NotFound: there is no such metric, or no longer the function of a demonstration.
            InvalidRequest: value, level, target or tags are not right.
            RecordingError: it could not be made safe.
        """
        kind = self._kind(call)
        target = _target(call, kind)
        said = _value(call.metric_name, kind.type, call.value)
        _check_human(call.tags)
        if not call.dryrun:
            self._metrics.feedback_request(call.metric_name)
        found = await self._find(target)
        if found.inference is not None:
            stored = self._demonstrations.read(call.value, found.inference)
            said = _Said(0.0, stored.decode())
        feedback = self._feedback(call, kind, target, found, said)
        if not call.dryrun:
            await self._recorder.feedback(feedback)
        return UUID(bytes=feedback.id)

    def _kind(self, call: NativeFeedback) -> _Kind:
        """Type and level; those of a configured metric, or of a reserved name."""
        name = call.metric_name
        metric = self._config.get(name)
        if metric is not None:
            return _Kind(metric.type, metric.level)
        if name == DEMONSTRATION:
            return _Kind(DEMONSTRATION, "inference")
        if name != COMMENT:
            raise NotFound(f"Unknown metric: {name}", param="metric_name")
        if call.episode_id is None and call.inference_id is None and call.response_id is None:
            raise InvalidRequest("Exactly one of inference_id or episode_id must be provided")
        return _Kind(COMMENT, "inference" if call.episode_id is None else "episode")

    async def _find(self, target: Target) -> Found:
        if self._validate_targets or target.id is None or target.wants_inference:
            return await self._finder.find(target)
        return Found(target.id, known=True)

    def _feedback(
        self, call: NativeFeedback, kind: _Kind, target: Target, found: Found, said: _Said
    ) -> Feedback:
        return Feedback(
            id=new_id().bytes,
            metric_name=call.metric_name,
            metric_type=kind.type,
            level=kind.level,
            target_id=b"" if found.id is None else found.id.bytes,
            response_id=target.response_id if found.id is None else "",
            value=said.number,
            tags=orjson.dumps(dict(call.tags)) if call.tags else b"",
            config_hash=self._hash,
            target_known=found.known,
            text=said.text,
        )


def _target(call: NativeFeedback, kind: _Kind) -> Target:
    wants_inference = kind.type == DEMONSTRATION
    if call.response_id is not None:
        return Target(kind.level, None, call.response_id, wants_inference)
    identifier = call.inference_id if kind.level == "inference" else call.episode_id
    if identifier is None:
        raise InvalidRequest(
            f'Correct ID was not provided for feedback level "{kind.level}".',
            param=f"{kind.level}_id",
        )
    return Target(kind.level, identifier, wants_inference=wants_inference)


def _value(name: str, kind: str, raw: bytes) -> _Said:
    if kind == "boolean":
        if raw not in (b"true", b"false"):
            raise _wrong(f"Feedback value for metric `{name}` must be a boolean")
        return _Said(float(raw == b"true"), raw.decode())
    if kind == "float":
        number = float(raw) if raw[:1] in b"-0123456789" else math.nan
        if not math.isfinite(number):
            raise _wrong(f"Feedback value for metric `{name}` must be a number")
        return _Said(number, raw.decode())
    if kind == COMMENT:
        if not is_string(raw):
            raise _wrong("Feedback value for a comment must be a string")
        return _Said(0.0, read_string(raw, "value"))
    return _Said(0.0, raw.decode())


def _wrong(message: str) -> InvalidRequest:
    return InvalidRequest(message, param="value")


def _check_human(tags: Mapping[str, str]) -> None:
    """The ids that feedback by people on an evaluation has to carry."""
    if HUMAN_FEEDBACK not in tags:
        return
    for name, what in (
        (DATAPOINT_ID, "datapoint"),
        (EVALUATOR_INFERENCE_ID, "evaluator_inference"),
    ):
        try:
            UUID(tags.get(name, "00000000-0000-0000-0000-000000000000"))
        except ValueError as error:
            raise InvalidRequest(
                f"Invalid {what} ID: Invalid UUID: {error} (raw: {tags[name]})", param="tags"
            ) from error
