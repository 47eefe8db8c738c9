"""Limits in time of variants that are more than one call."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from proxy.models.model import TimeLimits
from proxy.models.policy import Candidate, Schedule
from proxy.services.deadline import Deadline


def _deadline(limits: TimeLimits, *, stream: bool) -> Deadline:
    variant: Any = SimpleNamespace(name="v", candidate=SimpleNamespace(limits=limits))
    return Deadline(variant, stream, 10.0)


def test_without_limits_nothing_ends_a_strategy() -> None:
    assert _deadline(TimeLimits(), stream=False).first is None


def test_a_whole_answer_has_the_limit_of_calls_that_do_not_stream() -> None:
    deadline = _deadline(TimeLimits(2.0, 1.0, 5.0), stream=False)
    assert deadline.first == 2.0
    assert "`non_streaming.total_ms` timeout (2s)" in deadline.sentence


def test_a_stream_has_to_begin_within_the_first_of_its_limits() -> None:
    assert "`streaming.ttft_ms`" in _deadline(TimeLimits(2.0, 1.0, 5.0), stream=True).sentence
    assert "`streaming.total_ms`" in _deadline(TimeLimits(2.0, 7.0, 5.0), stream=True).sentence


def test_the_last_question_has_what_the_others_have_left() -> None:
    model: Any = SimpleNamespace(name="m")
    candidate = Candidate("v", model, Schedule(0, 0.0), TimeLimits())
    left = _deadline(TimeLimits(None, 3.0, 5.0), stream=True).narrowed(candidate, 12.0)
    assert (left.limits.streaming_ttft, left.limits.streaming_total) == (1.0, 3.0)
    late = _deadline(TimeLimits(1.0), stream=False).narrowed(candidate, 99.0)
    assert late.limits.non_streaming_total == 0.0
