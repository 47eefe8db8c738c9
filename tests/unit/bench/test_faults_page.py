"""The page for operators: its table is that of the results, and what it names exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.faults.catalogue import FAULTS
from bench.faults.page import (
    BEGIN,
    END,
    PAGE,
    Line,
    load_lines,
    put_into,
    render_table,
    store_lines,
)
from tests.unit.bench.outcomes import GOOD, an_outcome

ROOT = Path(__file__).resolve().parents[3]


def a_line(fault: str = "kill-worker", **changes: object) -> Line:
    return Line(fault, "2026-01-02", "2 cores, a machine", an_outcome(fault=fault, **changes))


def test_the_page_shows_the_results_that_are_kept() -> None:
    page = PAGE.read_text(encoding="utf-8")
    shown = put_into(page, render_table(load_lines()))
    assert page == shown, "run: python -m bench.faults.page"


def test_results_are_kept_by_fault_in_the_order_of_the_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "results" / "faults.json"
    skipped = Line("clock", "2026-01-02", "2 cores", None, "no library")
    lines = {"postgres-hang": a_line("postgres-hang"), "clock": skipped, "kill-worker": a_line()}
    store_lines(lines, path)
    kept = load_lines(path)
    assert list(kept) == ["kill-worker", "clock", "postgres-hang"]
    assert kept["clock"] == skipped
    assert kept["kill-worker"].outcome is not None
    assert kept["kill-worker"].outcome.sent == GOOD.sent
    assert load_lines(tmp_path / "nothing.json") == {}


def test_a_row_says_what_failed_what_was_lost_and_whether_it_held() -> None:
    row = next(line for line in render_table({"x": a_line()}).splitlines() if "60 cut off" in line)
    assert "| 12,000 | 0.50%: 60 cut off | 4 | 0 | 0 | 0.4 s | 170, 182 MB | 20 ms, 45 ms |" in row
    assert row.endswith("| **held** |")
    assert "others took" not in render_table({"x": a_line()})
    assert "others took 1.2 cores" in render_table({"x": a_line(others_cores=1.2)})
    broken = render_table({"x": a_line(missing=7, shed=2)})
    assert "| 5 (shed: 2) |" in broken and "**broken**: 5 records lost" in broken
    line = Line("clock", "2026-01-02", "2 cores", None, "no library")
    assert "not tried: no library" in render_table({"clock": line}) and line.failed()


def test_only_the_text_between_the_marks_is_changed() -> None:
    page = f"before\n\n{BEGIN}\n\nold\n\n{END}\n\nafter\n"
    assert put_into(page, "new\n") == f"before\n\n{BEGIN}\n\nnew\n\n{END}\n\nafter\n"
    assert put_into(put_into(page, "new\n"), "new\n") == put_into(page, "new\n")
    with pytest.raises(ValueError, match="no place"):
        put_into("a page without marks", "new\n")


def test_metrics_alerts_and_keys_of_the_page_exist() -> None:
    page = PAGE.read_text(encoding="utf-8")
    metrics = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    alerts = (ROOT / "deploy" / "prometheus" / "rules.yml").read_text(encoding="utf-8")
    keys = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    for name in re.findall(r"`(zeroproxy_[a-z_]+)[`{]", page):
        assert f"`{name}`" in metrics, name
    for name in re.findall(r"`(Zeroproxy[A-Za-z]+)`", page):
        assert f"alert: {name}\n" in alerts, name
    for path in re.findall(r"`((?:zeroproxy|postgres)\.[a-z_.]+)`", page):
        assert f"`{path.rpartition('.')[2]}`" in keys, path


def test_commands_of_the_page_exist() -> None:
    page = PAGE.read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make ([a-z-]+)`", page):
        assert re.search(rf"^{target}:", makefile, re.M), target
    usage = run("--help")
    for option in re.findall(r"`(?:python -m bench.faults )?(--[a-z]+)", page):
        assert option in usage, option
    assert [line.split()[0] for line in run("--list").splitlines()] == list(FAULTS)


def run(*options: str) -> str:
    command = [sys.executable, "-m", "bench.faults", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
