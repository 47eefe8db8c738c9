"""A leg knows its last attempt, and nothing of those before."""

from __future__ import annotations

from typing import Any, cast

from proxy.models.model import NO_LIMITS, Model
from proxy.models.policy import CallLog, Candidate, Schedule
from proxy.services.answer_head import NO_HEAD, AnswerHead
from proxy.services.leg import Leg
from proxy.services.tasks import EmbeddingsTask
from proxy.types.content import Text, Unknown
from proxy.types.ids import new_identifier
from proxy.types.response import Answer


class Route:
    name = "route"

    class provider:
        type = "vendor"


ROUTE = cast(Any, Route)


def leg() -> Leg:
    candidate = Candidate("v", Model("m", ()), Schedule(0, 0.0), NO_LIMITS)
    return Leg("v", candidate, EmbeddingsTask.of_text("a"), CallLog(0.0))


def test_another_attempt_forgets_the_last_one() -> None:
    asked = leg()
    asked.begin(ROUTE, new_identifier(), 10, 1.0)
    first = asked.tap
    first.add(b"abc")
    asked.answer, asked.head = Answer("", ()), AnswerHead("text/plain")
    asked.raw_request, asked.wire = b"{}", "chat_completions"
    assert asked.accumulator is asked.chunks
    asked.begin(ROUTE, new_identifier(), 10, 2.0)
    assert asked.answer is None
    assert asked.chunks is None
    assert (asked.raw_request, asked.wire, asked.head) == (b"", "", NO_HEAD)
    assert asked.tap is not first
    assert (asked.tap.blocks, asked.tap.total, asked.attempt_began) == ([], 0, 2.0)


def test_what_only_its_author_understands_bears_its_name() -> None:
    asked = leg()
    asked.begin(ROUTE, new_identifier(), 10, 1.0)
    asked.wire = "chat_completions"
    text, unknown = Text("a"), Unknown(b"{}")
    assert asked.signed(Answer("", (text,))).blocks == (text,)
    assert asked.signed(Answer("", (text, unknown))).blocks == (text, Unknown(b"{}", "m", "route"))
    assert asked.signed(Answer("", (unknown,))).blocks == (Unknown(b"{}", "m", "route"),)
