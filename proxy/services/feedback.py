"""Feedback: a metric's value for an inference, an episode, or a provider's response.

The value is checked against the configuration here. Whether the target exists is asked of the
store for as long as the target may still be on its way there; when the store cannot be asked, the
feedback is taken, and the writer asks before it inserts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

import orjson

from proxy.config.schema import MetricConfig
from proxy.errors import InvalidRequest, NotFound, NotSupported, StoreUnavailable
from proxy.telemetry.metrics import Metrics
from proxy.types.exchange import Feedback
from proxy.types.ids import id_millis, new_id
from proxy.types.ports import InferenceStore, Recorder

RESERVED = ("comment", "demonstration")
PATIENCE_S = 6.0
LEAST_PATIENCE_S = 1.0
POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class FeedbackCall:
    """A request to `/feedback`, of the right shape but not yet checked."""

    metric_name: str
    value: object
    inference_id: UUID | None
    episode_id: UUID | None
    response_id: str | None
    tags: Mapping[str, str]
    dryrun: bool
    internal: bool


@dataclass(frozen=True, slots=True)
class _Target:
    level: str
    id: UUID | None
    response_id: str = ""


class FeedbackService:
    """Takes feedback on the metrics of one configuration."""

    def __init__(
        self,
        metrics_config: Mapping[str, MetricConfig],
        store: InferenceStore,
        recorder: Recorder,
        metrics: Metrics,
        config_hash: bytes,
        *,
        validate_targets: bool = True,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._config = metrics_config
        self._store = store
        self._recorder = recorder
        self._metrics = metrics
        self._hash = config_hash
        self._validate_targets = validate_targets
        self._sleep = sleep

    async def submit(self, call: FeedbackCall) -> UUID:
        """Check and record; returns the id of the feedback.

        Raises:
            NotFound: there is no such metric.
            InvalidRequest: value, level, target or tags are not right.
        """
        metric = self._metric(call.metric_name)
        value = _value(call.metric_name, metric, call.value)
        target = _target(call, metric)
        _check_tags(call)
        target_id, known = await self._find(target)
        feedback_id = new_id()
        if call.dryrun:
            return feedback_id
        feedback = Feedback(
            id=feedback_id.bytes,
            metric_name=call.metric_name,
            metric_type=metric.type,
            level=metric.level,
            target_id=b"" if target_id is None else target_id.bytes,
            response_id=target.response_id if target_id is None else "",
            value=value,
            tags=orjson.dumps(dict(call.tags)) if call.tags else b"",
            config_hash=self._hash,
            target_known=known,
        )
        await self._recorder.feedback(feedback)
        self._metrics.feedback_request(call.metric_name)
        return feedback_id

    def _metric(self, name: str) -> MetricConfig:
        metric = self._config.get(name)
        if metric is not None:
            return metric
        if name in RESERVED:
            raise NotSupported(f"Feedback of kind `{name}` is not served yet", param="metric_name")
        raise NotFound(f"Unknown metric: {name}", param="metric_name")

    async def _find(self, target: _Target) -> tuple[UUID | None, bool]:
        """The target's id, and whether the store knows it."""
        if not self._validate_targets and target.id is not None:
            return target.id, True
        deadline = time.monotonic() + _patience(target)
        while True:
            try:
                found = await self._ask(target)
            except StoreUnavailable:
                return target.id, False
            if found is not None:
                return found, True
            if time.monotonic() >= deadline:
                raise _unknown(target)
            await self._sleep(POLL_S)

    async def _ask(self, target: _Target) -> UUID | None:
        if target.id is None:
            found = await self._store.fetch_response_target(target.response_id)
            if found is None:
                return None
            return found[0] if target.level == "inference" else found[1]
        if target.level == "inference":
            return target.id if await self._store.inference_exists(target.id) else None
        return target.id if await self._store.episode_exists(target.id) else None


def _value(name: str, metric: MetricConfig, value: object) -> float:
    if metric.type == "boolean":
        if not isinstance(value, bool):
            raise InvalidRequest(
                f"Feedback value for metric `{name}` must be a boolean", param="value"
            )
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidRequest(f"Feedback value for metric `{name}` must be a number", param="value")
    return float(value)


def _target(call: FeedbackCall, metric: MetricConfig) -> _Target:
    given = (call.inference_id, call.episode_id, call.response_id)
    if sum(item is not None for item in given) > 1:
        raise InvalidRequest("Both episode_id and inference_id cannot be provided")
    if call.response_id is not None:
        return _Target(metric.level, None, call.response_id)
    identifier = call.inference_id if metric.level == "inference" else call.episode_id
    if identifier is None:
        raise InvalidRequest(
            f'Correct ID was not provided for feedback level "{metric.level}".',
            param=f"{metric.level}_id",
        )
    return _Target(metric.level, identifier)


def _check_tags(call: FeedbackCall) -> None:
    for tag in call.tags:
        if tag.startswith("tensorzero::") and not call.internal:
            raise InvalidRequest(f"Tag name cannot start with 'tensorzero::': {tag}", param="tags")


def _patience(target: _Target) -> float:
    """How long an unknown target may still be on its way: less, the older it is."""
    if target.id is None:
        return PATIENCE_S
    if target.id.version != 7:
        return LEAST_PATIENCE_S
    age = time.time() - id_millis(target.id) / 1000
    return max(PATIENCE_S - max(age, 0.0), LEAST_PATIENCE_S)


def _unknown(target: _Target) -> InvalidRequest:
    if target.id is None:
        return InvalidRequest(f"Response ID: {target.response_id} does not exist")
    level = "Inference" if target.level == "inference" else "Episode"
    return InvalidRequest(f"{level} ID: {target.id} does not exist")
