"""What is made of the results: a section, its figures on paper, and a run that goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.results import Result, Setting
from bench.scale import page, paper
from bench.scale.bodies import Bodies
from bench.scale.found import Found, load_found, problems_of
from bench.scale.kept import Kept
from bench.scale.paper import Costs, largest_rate, plan_capacity, read_costs
from bench.scale.reading import Read
from bench.scale.retention import Dropping
from bench.scale.sizes import IndexSize, TableSize
from bench.scale.writing import EXCHANGES, FEEDBACK
from tests.unit.bench.made import document, results

SETTING = Setting("db", "a machine", 2, True, "3.11", {}, 5, 2.0, "x", "2026-01-02")
READ = Read(
    "fetch_it", "program", 50, 100, 9, 0.2, 1.5, 3, 0.4, 6, "index on a × 3", "index on a", {}
)
COSTS = Costs(100, 50, 120, 9000, 8000, 700, 6000, 1.25)


def writing(scenario: str, full: float) -> list[Result]:
    return [
        Result(scenario, subject, number, {"rate": rate, "wal_bytes": wal, "seconds": 2.0})
        for number in range(1, 6)
        for subject, rate, wal in (("empty", 1000.0, 4000.0), ("full", full, 5000.0))
    ]


def found(**changes: object) -> Found:
    whole = Found(
        SETTING,
        10_000_000,
        30,
        {"seconds": 900.0},
        [TableSize("exchanges", 2000, 2_000_000, 0, 300_000, 31)],
        [IndexSize("exchanges_pkey", "exchanges", 80_000)],
        [READ],
        [*writing(EXCHANGES, 950), *writing(FEEDBACK, 990)],
        Bodies(9000, 8000, 6000, 60, 110),
        Dropping(100, 150, 500, 80, 9000, 12, 5000),
        {"checkpoints": 20.0},
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def test_the_page_shows_the_results_that_are_kept() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert text == page.render_page(text), "run: python -m bench.scale.page"


def test_without_results_the_sections_say_how_to_get_them() -> None:
    assert "make bench-db" in page.render(None)


def test_the_section_has_a_table_for_each_thing() -> None:
    shown = page.render(found())
    assert (
        "| exchanges a second | 1,000 (1,000-1,000) | 950 (950-950) | 0.95 (0.95-0.95) |" in shown
    )
    assert "| `fetch_it` | 0.2 ms | 1.5 ms | 50 ms | 9 ms |" in shown and "| held |" in shown
    assert "dropped 12 partitions while 5,000 exchanges" in shown
    assert "| `exchanges` | 2,000 | 1,000 | 150: pkey 40.0 |" in shown


def test_a_slow_query_and_one_that_reads_all_are_problems() -> None:
    assert problems_of(READ) == []
    assert problems_of(replace(READ, p99_ms=80)) == ["fetch_it took 80 ms, 50 are allowed"]
    (said,) = problems_of(replace(READ, scans={"a": 5000}))
    assert said == "fetch_it reads 5,000 rows of a one after the other"
    broken = found(reads=[replace(READ, p99_ms=80)])
    assert "**broken**" in page.render(broken) and len(broken.problems()) == 1
    figures = broken.document.results[-2].figures
    assert figures == {"late_queries": 1.0, "scanning_queries": 0.0}


def test_what_is_kept_can_be_read_again(tmp_path: Path) -> None:
    path = tmp_path / "scale.json"
    assert load_found(path) is None
    path.write_text(found().dump())
    read = load_found(path)
    assert read is not None and read.dump() == found().dump()
    assert page.render(read) == page.render(found())


def test_a_place_without_marks_is_refused() -> None:
    assert page.put_between("a <b> x <e> c", "new", "<b>", "<e>") == "a <b>\n\nnew\n\n<e> c"
    with pytest.raises(ValueError, match="no place"):
        page.put_between("a <b> x", "new", "<b>", "<e>")


# On paper.


def test_capacity_is_costs_times_calls() -> None:
    plan = plan_capacity(COSTS, 10_000)
    assert plan.worker_cores == pytest.approx(10_000 * 100e-6 / 0.6)
    assert plan.postgres_cores == pytest.approx(2.0)
    # The writer of a pod bounds it: 60 % of what one writes alone.
    assert plan.pod_rate == pytest.approx(3600)
    assert plan.pods == 4
    assert plan.connections == 4 * (2 + 3 * 2)
    assert plan.wal_mb == pytest.approx(100)
    assert plan.disk_day_tb == pytest.approx(10_000 * 9000 * 86_400 / 1e12)


def test_the_largest_rate_of_one_server_is_by_its_cores_or_by_its_log() -> None:
    by_cores, by_log = largest_rate(COSTS)
    assert by_cores == pytest.approx(32 * 0.6e6 / 120)
    assert by_log == pytest.approx(15_000)


def test_the_paper_is_computed_from_what_was_measured_and_from_nothing_else() -> None:
    measured = document(
        [
            *results("unary", "worker_us", product=[80.0] * 5),
            *results("unary", "main_us", product=[50.0] * 5),
            *results("unary", "postgres_us", product=[120.0] * 5),
        ]
    )
    costs = read_costs(measured, found())
    assert costs == Costs(80, 50, 120, 9000, 8000, 0, 6000, 1.25)
    assert costs is not None
    shown = paper.render(costs, measured, found())
    assert "| cores of workers | 80 µs a call | 0.1 | 1.3 | 4.0 |" in shown
    assert "30,000 a second" in shown and "distributed Postgres" in shown
    assert read_costs(measured, found(bodies=None)) is None
    assert read_costs(document([]), found()) is None


# Going on.


def test_a_run_goes_on_with_its_plan_and_with_what_was_measured(tmp_path: Path) -> None:
    kept = Kept(tmp_path, 5000, 30)
    kept.keep("load", {"seconds": 1})
    kept.keep("sizes", {"tables": []})
    again = Kept(tmp_path, 5000, 30)
    assert again.plan == kept.plan
    assert again.has("load") and again.get("sizes") == {"tables": []}
    with pytest.raises(BenchError, match="5,000 inferences"):
        Kept(tmp_path, 6000, 30)


def test_what_was_measured_of_other_code_is_measured_again_and_what_was_loaded_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Kept(tmp_path, 5000, 30)
    kept.keep("load", {"seconds": 1})
    kept.keep("sizes", {})
    monkeypatch.setattr("bench.scale.kept.digest_sources", lambda: "other")
    again = Kept(tmp_path, 5000, 30)
    assert again.has("load") and not again.has("sizes")
