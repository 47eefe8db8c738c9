"""What a run has done, in a file beside the database: so that it can be gone on with."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.results import digest_sources
from bench.scale.plan import Plan

NAME = "scale.kept.json"
LASTING = ("load", "loading")


class Kept:
    """The plan of the folder, and the phases that are done, by name.

    The database stays what it is while the code changes; what was measured does not.
    """

    def __init__(self, folder: Path, rows: int, days: int) -> None:
        """Raises BenchError where the folder has a database of another size."""
        self._path = folder / NAME
        self._phases: dict[str, Any] = {}
        self._sources = digest_sources()
        found = json.loads(self._path.read_text()) if self._path.exists() else None
        if found is None:
            self.plan = Plan(rows, days, int(time.time() * 1000))
            return
        self.plan = Plan(**found["plan"])
        if (self.plan.rows, self.plan.days) != (rows, days):
            raise BenchError(
                f"{folder} has {self.plan.rows:,} inferences of {self.plan.days} days; "
                "name another folder, or --remove this one"
            )
        same = found["sources"] == self._sources
        self._phases = {
            name: phase for name, phase in found["phases"].items() if same or name in LASTING
        }

    @property
    def age_hours(self) -> float:
        """Since the last call of the plan."""
        return (time.time() - self.plan.end_ms / 1000) / 3600

    def has(self, phase: str) -> bool:
        return phase in self._phases

    def get(self, phase: str) -> Any:
        return self._phases[phase]

    def forget(self, phase: str) -> None:
        self._phases.pop(phase, None)

    def keep(self, phase: str, found: Any) -> None:
        """Written at once."""
        self._phases[phase] = found
        self._write()

    def phases(self) -> Mapping[str, Any]:
        return self._phases

    def _write(self) -> None:
        plan = self.plan
        kept = {
            "plan": {"rows": plan.rows, "days": plan.days, "end_ms": plan.end_ms},
            "sources": self._sources,
            "phases": self._phases,
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".new")
        temporary.write_text(json.dumps(kept))
        temporary.replace(self._path)
