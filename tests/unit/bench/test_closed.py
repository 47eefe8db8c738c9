"""Subjects of a closed loop take turns, and their results come in the order of their names."""

from __future__ import annotations

from typing import Any, cast

import pytest

from bench.kinds import closed
from bench.kinds.base import Run
from bench.scenarios import SCENARIOS


class Turn:
    """Notes when it is its turn; its subject has a name of its own."""

    def __init__(self, name: str, taken: list[str]) -> None:
        self.name, self.taken = name, taken

    def warm(self, *_: object) -> None: ...

    def take(self, *_: object) -> None:
        self.taken.append(self.name)


@pytest.mark.parametrize(("scenario", "slices"), [("tls", closed.SLICES), ("stream", 1)])
def test_who_was_first_is_last_the_next_time(
    monkeypatch: pytest.MonkeyPatch, scenario: str, slices: int
) -> None:
    taken: list[str] = []

    def begin(run: Run, of: object, name: str, loads: object) -> Any:
        return Turn(name, taken)

    monkeypatch.setattr(closed, "_begin", begin)
    monkeypatch.setattr(closed, "_result", lambda run, of, turn: turn.name)
    names = ["product", "bare tls"]
    run = Run(cast(Any, None), 1, 1.0, 0.5)
    assert closed.measure_round(run, SCENARIOS[scenario], names) == names
    assert taken == [
        name for at in range(slices) for name in (names if at % 2 == 0 else names[::-1])
    ]
