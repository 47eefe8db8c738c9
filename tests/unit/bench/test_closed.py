"""Subjects of a closed loop take turns, and each turn has a result of its own."""

from __future__ import annotations

from typing import Any, cast

import pytest

from bench.kinds import closed
from bench.kinds.base import Run
from bench.scenarios import SCENARIOS


class Side:
    """Notes when it is its turn; its subject has a name of its own."""

    def __init__(self, name: str) -> None:
        self.name = name

    def warm(self) -> None: ...

    def take(self, turn: int, seconds: float) -> tuple[int, str, float]:
        return turn, self.name, seconds


@pytest.mark.parametrize(("scenario", "turns"), [("tls", closed.TURNS), ("stream", 1)])
def test_who_was_first_is_last_the_next_time(
    monkeypatch: pytest.MonkeyPatch, scenario: str, turns: int
) -> None:
    monkeypatch.setattr(closed, "_begin", lambda run, of, name, loads: Side(name))
    names = ["product", "bare tls"]
    run = Run(cast(Any, None), 1, 3.0, 0.5)
    of = SCENARIOS[scenario]
    taken: list[Any] = list(closed.measure_round(run, of, names))
    assert taken == [
        (turn, name, (of.seconds or 3.0) / turns)
        for turn in range(1, turns + 1)
        for name in (names if turn % 2 else names[::-1])
    ]
