"""The results: kept as JSON, one entry a fault, and shown as a table in `docs/operations.md`.

    python -m bench.faults.page

puts the table of the kept results into the page.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.faults.catalogue import FAULTS
from bench.faults.verdict import Outcome, judge

RESULTS = Path(__file__).resolve().parents[1] / "results" / "faults.json"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
BEGIN = "<!-- faults: made by `python -m bench.faults` -->"
END = "<!-- faults: end -->"

MUCH_CORES = 0.2
"""What others may take of the machine without being mentioned."""

HEADS = (
    "fault",
    "requests",
    "failed",
    "seconds with failures",
    "records lost",
    "doubled",
    "recovered after",
    "memory before, peak",
    "p99 before, during",
    "verdict",
)


@dataclass(frozen=True, slots=True)
class Line:
    """One fault's entry: an outcome, or why there is none."""

    fault: str
    date: str
    machine: str
    outcome: Outcome | None
    skipped: str = ""

    def failed(self) -> bool:
        """Whether it is no proof: it was skipped, or something broke a promise."""
        if self.outcome is None:
            return True
        return not judge(self.outcome, FAULTS[self.fault].limits).passed


def load_lines(path: Path = RESULTS) -> dict[str, Line]:
    """The kept entries by fault; those of faults or of a form that are no more are left out."""
    if not path.is_file():
        return {}
    found: Sequence[Mapping[str, Any]] = json.loads(path.read_text())["faults"]
    lines = {}
    for entry in found:
        made = entry["outcome"]
        with contextlib.suppress(TypeError):
            outcome = None if made is None else Outcome(**made)
            lines[entry["fault"]] = Line(**{**entry, "outcome": outcome})
    return {name: lines[name] for name in FAULTS if name in lines}


def store_lines(lines: Mapping[str, Line], path: Path = RESULTS) -> None:
    """Keep them, in the order of the catalogue."""
    path.parent.mkdir(exist_ok=True)
    entries = [asdict(lines[name]) for name in FAULTS if name in lines]
    path.write_text(json.dumps({"faults": entries}, indent=1) + "\n")


def render_table(lines: Mapping[str, Line]) -> str:
    """Markdown: where and when, and a row for each fault."""
    if not lines:
        return "No results yet: `make bench-faults`.\n"
    dates = sorted({line.date for line in lines.values()})
    machines = sorted({line.machine for line in lines.values()})
    rates = [line.outcome.rate for line in lines.values() if line.outcome is not None]
    intro = f"{' to '.join(dict.fromkeys((dates[0], dates[-1])))}; {', '.join(machines)}. "
    if rates:
        intro += (
            f"Load: {min(rates):,.0f} to {max(rates):,.0f} calls a second, 60 % of what was "
            "measured before each fault.\n"
        )
    rows = [HEADS, tuple("---" for _ in HEADS), *map(_row, lines.values())]
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    return f"{intro}\n{table}{_remarks(lines)}"


def _row(line: Line) -> tuple[str, ...]:
    title, outcome = FAULTS[line.fault].title, line.outcome
    if outcome is None:
        return (title, *[""] * (len(HEADS) - 2), f"not tried: {line.skipped}")
    verdict = judge(outcome, FAULTS[line.fault].limits)
    return (
        title,
        f"{outcome.sent:,}",
        _failures(outcome),
        str(outcome.failing_s),
        f"{outcome.lost}" + (f" (shed: {outcome.shed:,})" if outcome.shed else ""),
        str(outcome.doubled),
        "never" if outcome.recovery_s is None else f"{outcome.recovery_s:.1f} s",
        f"{outcome.memory_mb:.0f}, {outcome.memory_peak_mb:.0f} MB",
        f"{_millis(outcome.p99_ms)}, {_millis(outcome.p99_fault_ms)}",
        "**held**" if verdict.passed else f"**broken**: {'; '.join(verdict.reasons)}",
    )


def _failures(outcome: Outcome) -> str:
    if not outcome.failed:
        return "0"
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in outcome.failed.items())
    return f"{outcome.failures / outcome.sent:.2%}: {kinds}"


def _millis(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"


def _remarks(lines: Mapping[str, Line]) -> str:
    remarks = []
    for line in lines.values():
        outcome = line.outcome
        if outcome is None:
            continue
        said = [*outcome.notes, f"at most {outcome.backlog:,} exchanges waited for Postgres"]
        if outcome.others_cores > MUCH_CORES:
            said.append(f"others took {outcome.others_cores:.1f} cores of the machine meanwhile")
        remarks.append(f"- {FAULTS[line.fault].title}: {'; '.join(said)}.\n")
    return "\n" + "".join(remarks)


def put_into(page: str, table: str) -> str:
    """The page with the table between its marks. Raises ValueError where it has none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no place for the table: {BEGIN} … {END}")
    return f"{before}{begin}\n\n{table}\n{end}{after}"


def update_page() -> None:
    PAGE.write_text(put_into(PAGE.read_text(), render_table(load_lines())))


if __name__ == "__main__":
    update_page()
