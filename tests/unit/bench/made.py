"""Results made up for tests."""

from __future__ import annotations

from collections.abc import Sequence

from bench.documents import Document
from bench.results import Result, Setting

SETTING = Setting(
    "bench", "a machine", 2, True, "3.11", {"uvloop": "1"}, 8, 1.5, "abc", "2026-01-01"
)


def results(scenario: str, figure: str, **values: Sequence[float]) -> list[Result]:
    """One result for each value: rounds count from 1."""
    return [
        Result(scenario, subject, number, {figure: value})
        for subject, rounds in values.items()
        for number, value in enumerate(rounds, 1)
    ]


def document(made: Sequence[Result]) -> Document:
    return Document(SETTING, made)
