"""What a call takes in instructions of the interpreter is known to the digit, and bounded."""

from __future__ import annotations

import pytest

from bench.canned import SCRIPTS
from bench.opcodes import count

TRIES = 4
"""On a machine that stands still in between, chunks come together, and less is done for them."""


@pytest.mark.parametrize(
    ("lane", "bound"), [("relay", 0.85), ("envelope", 1.1)], ids=["relay", "envelope"]
)
def test_a_call_takes_no_more_than_its_share_of_the_pass_throughs(lane: str, bound: float) -> None:
    bare, ours = count("bare", SCRIPTS["small"]), count(lane, SCRIPTS["small"])
    assert ours.total / bare.total < bound, ours.table(30)


@pytest.mark.parametrize(
    ("lane", "bound"), [("relay", 0.5), ("envelope", 0.85)], ids=["relay", "envelope"]
)
def test_a_stream_takes_no_more_than_its_share_of_the_pass_throughs(
    lane: str, bound: float
) -> None:
    for _ in range(TRIES):
        bare, ours = count("bare", SCRIPTS["paced"], 4), count(lane, SCRIPTS["paced"], 4)
        if ours.total / bare.total < bound:
            return
    raise AssertionError(f"{ours.total / bare.total:.2f} of it:\n{ours.table(30)}")


def test_counts_repeat_and_name_functions() -> None:
    first, second = count("relay", SCRIPTS["small"]), count("relay", SCRIPTS["small"])
    assert first.total == pytest.approx(second.total, rel=0.02)
    assert "build_exchange" in first.table(10)
