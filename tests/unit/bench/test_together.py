"""Where subjects are measured at the same time, nobody is waited for before all have begun."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench.kinds import together
from bench.kinds.base import Run
from bench.measure import Account
from bench.scenarios import SCENARIOS


class Crowd:
    """Notes what is asked of it."""

    def __init__(self, name: str, notes: list[str]) -> None:
        self.name, self.notes = name, notes

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *_: object) -> None: ...

    def begin(self, command: object) -> None:
        self.notes.append(f"{self.name} begins")

    def seen(self) -> Any:
        self.notes.append(f"{self.name} is waited for")
        return SimpleNamespace(answered=10, errors=1, first_errors=["said something else"])


class Served:
    """A subject that takes 1 ms of CPU each time that it is looked at, and 1 ms for its records."""

    workers = 1

    def __init__(self, name: str) -> None:
        self.name, self.spent = name, 0.0

    def settle(self, answered: int) -> None:
        self.spent += 0.001

    def cpu(self) -> Account:
        self.spent += 0.001
        return Account(self.spent, 0.0, 0.0)


def test_all_begin_before_one_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []
    monkeypatch.setattr(together, "generator", lambda run, of, each: Crowd(each.name, notes))
    stage = SimpleNamespace(get=Served)
    run = Run(cast(Any, stage), 3, 1.0, 0.5)
    results = together.measure_round(run, SCENARIOS["unary-together"], ["bare", "product"])
    both = ["bare begins", "product begins", "bare is waited for", "product is waited for"]
    assert notes == both * 2, "once to warm up, once to be measured"
    assert [(each.subject, each.round) for each in results] == [("bare", 3), ("product", 3)]
    # 2 ms for 10 calls: of the look at the end, and of the records, not of the warm-up.
    assert [each.figures["cpu_us"] for each in results] == pytest.approx([200.0, 200.0])
    assert [each.errors for each in results] == [2, 2], "the warm-up's are told, too"
