"""Feedback on an inference or an episode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from proxy.errors import InvalidRequest
from proxy.types.feedback import DATAPOINT_ID, EVALUATOR_INFERENCE_ID, HUMAN_FEEDBACK
from proxy.wire.dumps import dumps
from proxy.wire.envelope.extensions import read_uuid
from proxy.wire.envelope.params import Reader
from proxy.wire.native.request import read_members, with_internal_tag
from proxy.wire.serde import (
    check_known,
    is_string,
    read_body,
    read_flag,
    read_string,
    read_string_map,
)


@dataclass(frozen=True, slots=True)
class NativeFeedback:
    """What somebody says of a target, read and checked as far as that needs no configuration."""

    metric_name: str
    """A configured metric, `comment` or `demonstration`."""
    value: bytes
    """Raw JSON; `null` is a value, too."""
    inference_id: UUID | None = None
    episode_id: UUID | None = None
    response_id: str | None = None
    """Ours: the id in a provider's answer, which is all that an application knows whose client
    shows no other. At most one of the three is there; whether the metric is of that level is for
    others to say."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """With that of an internal call."""
    dryrun: bool = False
    internal: bool = False


def decode_feedback_request(body: bytes) -> NativeFeedback:
    """Read and check a body. Null counts as absent, except for `value`.

    An `inference_id` that is no UUID is taken for a `response_id`.

    Raises:
        InvalidRequest: with TensorZero's message.
    """
    members = read_body(body, "Params")
    check_known(members, "", tuple(_READERS))
    values = read_members(members, _READERS, _NEEDED)
    values["tags"] = with_internal_tag(values.get("tags", {}), values.get("internal", False))
    _check_human(values["tags"])
    given = [name for name in _TARGETS if name in values]
    if len(given) > 1:
        raise InvalidRequest(_BOTH.format(" and ".join(given)), param=given[0])
    if isinstance(values.get("inference_id"), str):
        values["response_id"] = values.pop("inference_id")
    return NativeFeedback(**values)


def encode_feedback_response(feedback_id: UUID | str) -> bytes:
    """`{"feedback_id": …}`."""
    return dumps({"feedback_id": str(feedback_id)})


def _read_inference_id(raw: bytes, path: str) -> UUID | str:
    try:
        return read_uuid(raw, path)
    except InvalidRequest:
        text = read_string(raw, path) if is_string(raw) else ""
        if not text:
            raise
        return text


_TARGETS = ("episode_id", "inference_id", "response_id")
_BOTH = "Both {} cannot be provided"
_NEEDED = ("metric_name", "value")

_READERS: Mapping[str, Reader] = {
    "episode_id": read_uuid,
    "inference_id": _read_inference_id,
    "metric_name": read_string,
    "value": lambda raw, path: raw,
    "internal": read_flag,
    "tags": read_string_map,
    "dryrun": read_flag,
    "response_id": read_string,
}
"""In the order in which an error lists them."""


def _check_human(tags: Mapping[str, str]) -> None:
    if {DATAPOINT_ID, HUMAN_FEEDBACK} <= tags.keys() and EVALUATOR_INFERENCE_ID not in tags:
        raise InvalidRequest(
            f"{EVALUATOR_INFERENCE_ID} is required when {DATAPOINT_ID} and {HUMAN_FEEDBACK} "
            "are provided",
            param="tags",
        )
