"""Rows of feedback in the binary form of COPY, and feedback as a worker would journal it."""

from __future__ import annotations

from collections.abc import Iterator
from struct import pack

from bench.scale.plan import Given, Identity, Plan, feedback, moment, uuid7_at
from proxy.store.copy_values import FALSE, FIELDS, TRUE, bytes_field, jsonb_field
from proxy.types.exchange import Feedback

FEEDBACK_TABLES = {
    "boolean": "boolean_metric_feedback",
    "float": "float_metric_feedback",
    "comment": "comment_feedback",
    "demonstration": "demonstration_feedback",
}
_METRIC = ("id", "target_id", "metric_name", "value", "tags", "snapshot_hash", "created_at")
FEEDBACK_COLUMNS = {
    "boolean": _METRIC,
    "float": _METRIC,
    "comment": ("id", "target_id", "target_type", "value", "tags", "snapshot_hash", "created_at"),
    "demonstration": ("id", "inference_id", "value", "tags", "snapshot_hash", "created_at"),
}
METRICS = {"boolean": (b"solved", b"thumbs_up"), "float": (b"rating", b"similarity", b"seconds")}
CONFIG_HASH = b"\x07" * 32
OF_EPISODES, TAGGED = 5, 10
"""One feedback in so many is about an episode; one in so many has a tag."""
COMMENT = b"The answer was right, but it took the question for another one at first (%d)."
DEMONSTRATION = b'[{"type":"text","text":"It should have said number %d."}]'


def feedback_rows(plan: Plan, kind: str) -> Iterator[bytes]:
    """All rows of a kind."""
    for given in feedback(plan, kind, range(plan.rows)):
        yield _row(kind, given, plan.identity(given.call))


def _row(kind: str, given: Given, who: Identity) -> bytes:
    bits = given.bits
    fields = [uuid7_at(given.millis, bits), _target(kind, bits, who)]
    if kind in METRICS:
        fields.append(METRICS[kind][bits % len(METRICS[kind])])
    elif kind == "comment":
        fields.append(b"episode" if _of_episode(bits) else b"inference")
    last = (
        _value(kind, bits)
        + jsonb_field(_tags(bits, who))
        + bytes_field(CONFIG_HASH)
        + bytes_field(moment(given.millis))
    )
    return FIELDS(len(fields) + 4) + b"".join(map(bytes_field, fields)) + last


def _of_episode(bits: int) -> bool:
    return bits // 7 % OF_EPISODES == 0


def _target(kind: str, bits: int, who: Identity) -> bytes:
    return who.episode if kind != "demonstration" and _of_episode(bits) else who.id


def _value(kind: str, bits: int) -> bytes:
    match kind:
        case "boolean":
            return TRUE if bits % 4 else FALSE
        case "float":
            return bytes_field(pack(">d", bits % 1000 / 1000))
        case "comment":
            return bytes_field(COMMENT % (bits % 100_000))
        case _:
            return bytes_field(DEMONSTRATION % (bits % 100_000))


def _tags(bits: int, who: Identity) -> bytes:
    return b"{}" if bits // 11 % TAGGED else b'{"user":"%b"}' % who.user


def build_feedback(identifier: bytes, kind: str, target: bytes, bits: int) -> Feedback:
    """One about an inference that is known to be stored."""
    texts = {"comment": COMMENT, "demonstration": DEMONSTRATION}
    return Feedback(
        id=identifier,
        metric_name=METRICS[kind][0].decode() if kind in METRICS else kind,
        metric_type=kind,
        level="inference",
        target_id=target,
        response_id="",
        value=float(bits % 2) if kind in METRICS else 0.0,
        tags=b"",
        config_hash=CONFIG_HASH,
        target_known=True,
        text=(texts[kind] % (bits % 100_000)).decode() if kind in texts else "true",
    )
