from __future__ import annotations

import json

import pytest

from bench.canned import SCRIPTS, Script
from bench.checking import build_check

SMALL, PACED = SCRIPTS["small"], SCRIPTS["paced"]


@pytest.mark.parametrize("script", [SMALL, PACED, SCRIPTS["large"]], ids=lambda script: script.name)
def test_the_provider_s_own_answer_is_right_in_both_ways(script: Script) -> None:
    assert build_check(script, "bytes")(script.answer_body()) == ""
    assert build_check(script, "sense")(script.answer_body()) == ""


def test_a_body_written_anew_is_right_in_its_sense_only() -> None:
    anew = json.dumps(json.loads(SMALL.answer_body()), indent=2).encode()
    assert build_check(SMALL, "bytes")(anew)
    assert build_check(SMALL, "sense")(anew) == ""


def test_a_stream_written_anew_is_right_in_its_sense() -> None:
    events = PACED.answer_body().split(b"\n\n")[:-2]
    anew = [json.dumps(json.loads(event[6:])).encode() for event in events]
    body = b"".join(b"data: %b\n\n" % each for each in anew) + b"data: [DONE]\n\n"
    check = build_check(PACED, "sense")
    assert check(b": a comment\n\n" + body) == ""
    assert "said something else" in check(body.replace(b"potion", b"poison"))


@pytest.mark.parametrize("cut", [b"data: [DONE]\n\n", b'"finish_reason":"stop"'])
def test_a_stream_without_its_end_is_wrong(cut: bytes) -> None:
    assert build_check(PACED, "sense")(PACED.answer_body().replace(cut, b"")) != ""


def test_an_answer_that_was_cut_off_is_wrong() -> None:
    unfinished = SMALL.answer_body().replace(b'"stop"', b'"length"')
    assert "not finished" in build_check(SMALL, "sense")(unfinished)
    assert "unreadable" in build_check(SMALL, "sense")(SMALL.answer_body()[:-9])
