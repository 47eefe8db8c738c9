from __future__ import annotations

import json
import math
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from proxy.telemetry.cells import Cells
from proxy.telemetry.metrics import Histogram
from tests.harness import ROOT
from tests.unit.telemetry.counting import (
    DONE,
    SECONDS,
    TENTH,
    UNDER_WAY,
    build_catalogue,
    counters,
)

WORKERS = 3
KILLS = 12
READINGS = 3000
SHORT_LIVES = 200
"""After each kill, so many rows are filled and retired at once: a reader meets many retirements."""


class Processes:
    """Real processes, all of which end with the test."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[str]] = []

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.unit.telemetry.counting", *map(str, arguments)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self._running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline(), "it did not start"
        return process

    def end(self) -> None:
        for process in self._running:
            process.kill()
            process.communicate()


@pytest.fixture
def processes() -> Iterator[Processes]:
    running = Processes()
    yield running
    running.end()


@pytest.fixture
def cells(tmp_path: Path) -> Iterator[Cells]:
    made = Cells.create(tmp_path / "cells", WORKERS + 2, 100)
    yield made
    made.close()


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL


def test_counters_never_go_back_and_end_exact_while_processes_are_killed_and_retired(
    tmp_path: Path, cells: Cells, processes: Processes
) -> None:
    path, stop, chance = tmp_path / "cells", tmp_path / "stop", random.Random(20260)
    catalogue = build_catalogue()
    done = catalogue.column(DONE)
    done_by_the_dead = [0.0] * catalogue.size
    reader = processes.start("read", path, stop, READINGS)
    workers = {slot: processes.start("count", path, slot, 0) for slot in range(1, WORKERS + 1)}
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.0, 0.05))
        slot = chance.choice(sorted(workers))
        kill(workers[slot])
        row = [cells.read(column)[slot] for column in range(catalogue.size)]
        done_by_the_dead = [sum(pair) for pair in zip(done_by_the_dead, row, strict=True)]
        cells.retire(slot, catalogue.gauges(), catalogue.size)
        for _ in range(SHORT_LIVES):
            cells.cell(WORKERS + 1, done).add(1000)
            cells.retire(WORKERS + 1, catalogue.gauges(), catalogue.size)
        workers[slot] = processes.start("count", path, slot, 0)
    done_by_the_dead[done] += KILLS * SHORT_LIVES * 1000
    alive = [0.0] * catalogue.size
    for slot, worker in workers.items():
        kill(worker)
        row = [cells.read(column)[slot] for column in range(catalogue.size)]
        alive = [sum(pair) for pair in zip(alive, row, strict=True)]
    stop.touch()
    report = json.loads(reader.communicate(timeout=60)[0])

    assert report["readings"] >= READINGS
    assert report["went_back"] == []
    totals = cells.totals(0, catalogue.size)
    for column in counters(catalogue):
        assert totals[column] == done_by_the_dead[column] + alive[column]
    assert totals[done] > KILLS * SHORT_LIVES * 1000
    assert totals[catalogue.column(UNDER_WAY)] == alive[catalogue.column(UNDER_WAY)]


def test_what_several_processes_count_adds_up_to_the_last_one(
    tmp_path: Path, cells: Cells, processes: Processes
) -> None:
    catalogue, rounds = build_catalogue(), 20_000
    running = [processes.start("count", tmp_path / "cells", slot, rounds) for slot in (1, 2, 3)]
    for process in running:
        assert process.wait(60) == 0
    cells.retire(2, catalogue.gauges(), catalogue.size)
    totals = cells.totals(0, catalogue.size)
    seconds = catalogue.column(SECONDS)
    assert totals[catalogue.column(DONE)] == 3 * rounds
    assert totals[catalogue.column(UNDER_WAY)] == 0
    assert sum(totals[seconds : seconds + 3]) == 3 * rounds
    expected = 3 * rounds / 4 * TENTH * (0 + 1 + 2 + 3)
    assert math.isclose(totals[seconds + 3], expected, rel_tol=1e-5)


def test_the_gauges_of_a_dead_process_are_gone_and_its_counters_stay(cells: Cells) -> None:
    catalogue = build_catalogue()
    done, under_way = catalogue.column(DONE), catalogue.column(UNDER_WAY)
    for slot in (1, 2):
        cells.cell(slot, done).add(5)
        cells.cell(slot, under_way).add(1)
    cells.retire(1, catalogue.gauges(), catalogue.size)
    totals = cells.totals(0, catalogue.size)
    assert (totals[done], totals[under_way]) == (10, 1)


def test_one_total_is_the_same_as_among_all_of_them(cells: Cells) -> None:
    catalogue = build_catalogue()
    done = catalogue.column(DONE)
    for slot in (0, 1, 2):
        cells.cell(slot, done).add(slot + 0.5)
    cells.retire(1, catalogue.gauges(), catalogue.size)
    assert cells.total(done) == cells.totals(0, catalogue.size)[done] == 4.5


def test_a_replacement_in_the_same_slot_begins_at_nothing(cells: Cells) -> None:
    catalogue = build_catalogue()
    column = catalogue.column(DONE)
    for _ in range(3):
        cells.cell(1, column).add(7)
        cells.retire(1, catalogue.gauges(), catalogue.size)
        assert cells.cell(1, column).get() == 0
    assert cells.totals(0, catalogue.size)[column] == 21


def test_no_sum_changes_by_a_single_bit_when_a_process_is_retired(cells: Cells) -> None:
    catalogue, chance = build_catalogue(), random.Random(20261)
    column = catalogue.column(SECONDS)
    for _ in range(200):
        for slot in (1, 2, 3):
            seconds = Histogram(cells, slot, SECONDS, column)
            for _ in range(5):
                seconds.observe(chance.expovariate(3.0))
        before = cells.totals(0, catalogue.size)
        cells.retire(chance.randint(1, 3), catalogue.gauges(), catalogue.size)
        assert cells.totals(0, catalogue.size) == before


def test_steps_between_times_are_observed_as_if_one_by_one(cells: Cells) -> None:
    catalogue, chance = build_catalogue(), random.Random(20262)
    column = catalogue.column(SECONDS)
    one, many = Histogram(cells, 1, SECONDS, column), Histogram(cells, 2, SECONDS, column)
    for count in (2, 3, 50, 200):
        # Multiples of what sums are rounded to, so that both are exact.
        times = [chance.randrange(2**20) / 2**20 for _ in range(count)]
        times = [sum(times[:place]) for place in range(count)]
        for earlier, later in pairwise(times):
            one.observe(later - earlier)
        many.observe_steps(times)
    start, other, size = cells.offset(1, 0), cells.offset(2, 0), catalogue.size
    assert cells.view[start : start + size].tolist() == cells.view[other : other + size].tolist()
    assert cells.view[other + column : other + size].tolist() != [0.0] * (size - column)


def test_a_shared_cell_shows_every_process_s_number_and_writes_only_its_own(
    tmp_path: Path, cells: Cells
) -> None:
    other = Cells(tmp_path / "cells")
    other.shared(2, 0).set(20.0)
    mine = cells.shared(1, 0)
    mine.add(1.5)
    assert mine.values() == [0.0, 1.5, 20.0, 0.0, 0.0]
    other.close()


def test_a_file_made_anew_leaves_those_alone_who_count_in_the_old_one(
    tmp_path: Path, cells: Cells, processes: Processes
) -> None:
    path = tmp_path / "cells"
    worker = processes.start("count", path, 1, 0)
    for _ in range(200):
        Cells.create(path, WORKERS + 2, 100).close()
    column = build_catalogue().column(DONE)
    before = cells.read(column)[1]
    while cells.read(column)[1] == before:
        assert worker.poll() is None
    fresh = Cells(path)
    assert fresh.read(column) == [0.0] * (WORKERS + 2)
    fresh.close()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["cells"]


def test_a_file_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "other"
    file.write_bytes(b"\0" * 4096)
    with pytest.raises(ValueError, match="holds no cells"):
        Cells(file)


@pytest.mark.parametrize(("slot", "column"), [(-1, 0), (WORKERS + 3, 0), (0, -1), (0, 100)])
def test_a_cell_outside_the_file_is_refused_rather_than_a_neighbour_s_given(
    cells: Cells, slot: int, column: int
) -> None:
    with pytest.raises(IndexError):
        cells.cell(slot, column)
