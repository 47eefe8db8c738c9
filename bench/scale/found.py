"""All that a run has found: as it is kept in `scale.json`, and as figures for the bounds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from bench.documents import RESULTS, Document
from bench.results import Result, Setting
from bench.scale.bodies import Bodies
from bench.scale.kept import Kept
from bench.scale.reading import Read
from bench.scale.retention import Dropping
from bench.scale.sizes import IndexSize, TableSize
from bench.scale.writing import EXCHANGES

FILE = RESULTS / "scale.json"
PHASES = ("load", "sizes", "reading", "writing", "bodies", "retention", "checkpoints")


@dataclass(frozen=True, slots=True)
class Found:
    """A run. What was not measured is empty or None."""

    setting: Setting
    rows: int
    """Inferences, and as many feedbacks."""
    days: int
    load: Mapping[str, float]
    tables: Sequence[TableSize]
    indexes: Sequence[IndexSize]
    reads: Sequence[Read]
    rounds: Sequence[Result]
    bodies: Bodies | None
    retention: Dropping | None
    checkpoints: Mapping[str, float]
    """While the rounds were written: how many (one was asked for before each measurement), seconds
    of writing and of syncing, bytes written."""

    @property
    def document(self) -> Document:
        """What the bounds are held against."""
        results = [*self.rounds]
        if self.reads:
            figures = {
                "late_queries": float(sum(each.late for each in self.reads)),
                "scanning_queries": float(sum(bool(each.scans) for each in self.reads)),
            }
            results.append(Result("queries", "product", 1, figures))
        if self.retention is not None:
            dropping = self.retention
            figures = {
                "batch_ms": dropping.during_ms,
                "behind_reader_ms": dropping.behind_reader_ms,
            }
            results.append(Result("retention", "product", 1, figures))
        return Document(self.setting, results)

    def problems(self) -> list[str]:
        """A sentence for each query that is too slow, or reads what it should not."""
        return [problem for read in self.reads for problem in problems_of(read)]

    def dump(self) -> str:
        plain: dict[str, Any] = {
            "setting": asdict(self.setting),
            "rows": self.rows,
            "days": self.days,
            "load": dict(self.load),
            "sizes": {
                "tables": [asdict(each) for each in self.tables],
                "indexes": [asdict(each) for each in self.indexes],
            },
            "reading": [asdict(each) for each in self.reads],
            "writing": [asdict(each) for each in self.rounds],
            "checkpoints": dict(self.checkpoints),
            "bodies": None if self.bodies is None else asdict(self.bodies),
            "retention": None if self.retention is None else asdict(self.retention),
        }
        return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"


def problems_of(read: Read) -> list[str]:
    found = [
        f"{read.name} reads {rows:,} rows of {table} one after the other"
        for table, rows in read.scans.items()
    ]
    if read.late:
        found.append(f"{read.name} took {read.counted_ms:.0f} ms, {read.budget_ms:.0f} are allowed")
    return found


def build_found(setting: Setting, kept: Kept) -> Found:
    phases = {name: kept.get(name) for name in PHASES if kept.has(name)}
    plain = {"rows": kept.plan.rows, "days": kept.plan.days, **phases}
    found = _build(setting, plain)
    took = [each.figures["seconds"] for each in found.rounds if each.scenario == EXCHANGES]
    seconds = round(median(took), 1) if took else 0.0
    return replace(found, setting=replace(setting, seconds=seconds))


def load_found(path: Path = FILE) -> Found | None:
    """As it was written; None where nothing was."""
    if not path.exists():
        return None
    plain = json.loads(path.read_text())
    return _build(Setting(**plain["setting"]), plain)


def _build(setting: Setting, plain: Mapping[str, Any]) -> Found:
    sizes = plain.get("sizes") or {"tables": [], "indexes": []}
    bodies, retention = plain.get("bodies"), plain.get("retention")
    return Found(
        setting,
        plain["rows"],
        plain["days"],
        plain.get("load") or {},
        [TableSize(**each) for each in sizes["tables"]],
        [IndexSize(**each) for each in sizes["indexes"]],
        [Read(**each) for each in plain.get("reading") or ()],
        [Result(**each) for each in plain.get("writing") or ()],
        None if bodies is None else Bodies(**bodies),
        None if retention is None else Dropping(**retention),
        plain.get("checkpoints") or {},
    )
