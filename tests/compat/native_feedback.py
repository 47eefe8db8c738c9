"""`POST /feedback`: its fields."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from tests.compat.case import FEEDBACK, Check, Result, Section
from tests.compat.checks import fits, mentions, native, that
from tests.compat.native_inference import ask

INFERENCE_ID = "{{inference_id}}"
EPISODE_ID = "{{episode_id}}"
SENDING = ask(function_name="sending")
TITLED = ask(function_name="dummy_json")

feedback = Section("Fields of `POST /feedback`")


def add(
    line: str,
    body: Mapping[str, Any],
    *checks: Check,
    earlier: Mapping[str, Any] = SENDING,
    status: int = 200,
) -> None:
    feedback.add(line, body, *checks, path=FEEDBACK, earlier=earlier, status=status)


def about(metric: str, value: Any, **more: Any) -> dict[str, Any]:
    """Feedback on the inference that was made before, unless it is on its episode."""
    target = {} if "episode_id" in more else {"inference_id": INFERENCE_ID}
    return {"metric_name": metric, "value": value, **target, **more}


def row(table: str, **wanted: Any) -> Check:
    """The feedback's row has these values."""

    def check(result: Result) -> None:
        found = result.find(table, result.json["feedback_id"])
        assert found is not None, "nothing was stored"
        assert fits(found, wanted), (found, wanted)

    return check


def _metrics() -> None:
    line = "`metric_name`, `value`: a boolean or a number, as the metric's type says"
    add(line, about("good", True), row("boolean_metric_feedback", metric_name="good", value=True))
    add(line, about("length", 4), row("float_metric_feedback", metric_name="length", value=4.0))
    wrong = native("Feedback value for metric `good` must be a boolean")
    add(line, about("good", 1), wrong, status=400)
    wrong = native("Feedback value for metric `length` must be a number")
    add(line, about("length", "4"), wrong, status=400)
    missing = {"metric_name": "good", "inference_id": INFERENCE_ID}
    add(line, missing, mentions("missing field `value`"), status=400)
    add(line, about("nosuch", 1), native("Unknown metric: nosuch"), status=404)
    line = "`inference_id` or `episode_id`: the one of the metric's level"
    episode = {"episode_id": EPISODE_ID}
    add(line, about("solved", False, **episode), row("boolean_metric_feedback", value=False))
    add(line, about("stars", 4.5, **episode), row("float_metric_feedback", value=4.5))
    wrong = native('Correct ID was not provided for feedback level "inference".')
    add(line, about("good", True, **episode), wrong, status=400)
    both = {"inference_id": INFERENCE_ID, "episode_id": EPISODE_ID}
    add(line, about("good", True, **both), mentions("cannot be provided"), status=400)
    old = str(uuid.UUID("0199a000-0000-7000-8000-000000000000"))
    gone = mentions(f"Inference ID: {old} does not exist")
    add(line, about("good", True, inference_id=old), gone, status=400)


def _texts() -> None:
    line = "`metric_name` `comment`: a text on an inference or an episode"
    add(line, about("comment", "Fine."), row("comment_feedback", value="Fine."))
    add(line, about("comment", "Long.", episode_id=EPISODE_ID), row("comment_feedback"))
    wrong = native("Feedback value for a comment must be a string")
    add(line, about("comment", 1), wrong, status=400)
    line = "`metric_name` `demonstration`: what should have been answered, in the function's form"
    table = "demonstration_feedback"
    add(line, about("demonstration", "Hello!"), row(table))
    add(line, about("demonstration", [{"type": "text", "text": "Hello!"}]), row(table))
    add(line, about("demonstration", {"answer": "Yes"}), row(table), earlier=TITLED)
    unfit = mentions("Demonstration does not fit function output schema")
    add(line, about("demonstration", {"answer": 1}), unfit, earlier=TITLED, status=400)
    call = {"type": "tool_call", "id": "1", "name": "weather", "arguments": {"city": "Rome"}}
    tooled = ask(function_name="tooled")
    add(line, about("demonstration", [call]), row(table), earlier=tooled)
    lost = mentions("Demonstration contains invalid tool name")
    stray = call | {"name": "nosuch"}
    add(line, about("demonstration", [stray]), lost, earlier=tooled, status=400)
    wrong = mentions("Demonstration must be a string or an array of content blocks")
    add(line, about("demonstration", 1), wrong, status=400)


def _others() -> None:
    line = "`tags`: stored with the feedback"
    table = "boolean_metric_feedback"
    add(line, about("good", True, tags={"who": "me"}), row(table, tags={"who": "me"}))
    own = {"tensorzero::x": "1"}
    reserved = mentions("cannot start with 'tensorzero::'")
    add(line, about("good", True, tags=own), reserved, status=400)
    line = "`internal`: allows tags that begin with `tensorzero::`"
    add(line, about("good", True, tags=own, internal=True), row(table, tags=own))
    line = "`dryrun`: checks, and stores nothing"
    unstored = that("no row", lambda r: r.find(table, r.json["feedback_id"]) is None)
    add(line, about("good", True, dryrun=True), unstored)
    line = "Any other field is refused"
    add(line, about("good", True, zz=1), mentions("unknown field `zz`"), status=400)
    line = "The answer is `feedback_id`, a UUIDv7"
    add(line, about("good", True), that("it is", lambda r: r.json["feedback_id"][14] == "7"))


_metrics()
_texts()
_others()
