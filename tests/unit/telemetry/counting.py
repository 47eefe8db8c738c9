"""Processes that count, and one that reads, for the tests of the shared cells.

`python -m tests.unit.telemetry.counting count PATH SLOT ROUNDS`, `… read PATH STOP_FILE READINGS`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from proxy.telemetry.catalogue import Catalogue, Family
from proxy.telemetry.cells import Cells
from proxy.telemetry.metrics import Histogram

DONE = Family("test_done_total", "counter", "Work done.")
UNDER_WAY = Family("test_under_way", "gauge", "Work under way.")
SECONDS = Family("test_seconds", "histogram", "Time of the work.", (), (0.1, 0.2))
TENTH = 0.1
"""No float is a tenth: adding it in another order gives another sum."""


def build_catalogue() -> Catalogue:
    catalogue = Catalogue()
    for family in (DONE, UNDER_WAY, SECONDS):
        catalogue.column(family)
    return catalogue


def counters(catalogue: Catalogue) -> list[int]:
    """The columns that must never go back."""
    return [column for column in range(catalogue.size) if column not in catalogue.gauges()]


def count(path: Path, slot: int, rounds: int) -> None:
    """Works `rounds` times, or until killed when that is 0; says so before it begins."""
    cells, catalogue = Cells(path), build_catalogue()
    done = cells.cell(slot, catalogue.column(DONE))
    under_way = cells.cell(slot, catalogue.column(UNDER_WAY))
    seconds = Histogram(cells, slot, SECONDS, catalogue.column(SECONDS))
    print("counting", flush=True)
    number = 0
    while rounds == 0 or number < rounds:
        number += 1
        under_way.add(1)
        done.add(1)
        seconds.observe(TENTH * (number % 4))
        if rounds:
            under_way.add(-1)


def read(path: Path, stop: Path, readings: int) -> None:
    """Reads totals until told to stop, at least so often; prints how often, and what went back."""
    cells, catalogue = Cells(path), build_catalogue()
    columns = counters(catalogue)
    before = [0.0] * catalogue.size
    number, went_back = 0, []
    print("reading", flush=True)
    while number < readings or not stop.exists():
        totals = cells.totals(0, catalogue.size)
        went_back += [
            (column, before[column], totals[column])
            for column in columns
            if totals[column] < before[column]
        ]
        before = totals
        number += 1
    print(json.dumps({"readings": number, "went_back": went_back, "last": before}), flush=True)


if __name__ == "__main__":
    job, file, *rest = sys.argv[1:]
    if job == "count":
        count(Path(file), int(rest[0]), int(rest[1]))
    else:
        read(Path(file), Path(rest[0]), int(rest[1]))
