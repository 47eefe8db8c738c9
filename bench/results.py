"""What was measured, as it is kept: one line of JSON each, so that a run can be gone on with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.programs import ROOT

SOURCES = ("proxy", "sql", "bench")


@dataclass(frozen=True, slots=True)
class Result:
    """One subject, one scenario, one round."""

    scenario: str
    subject: str
    round: int
    figures: Mapping[str, float]
    """By the names of `bench.figures`."""
    errors: int = 0
    first_errors: Sequence[str] = field(default=())
    turn: int = 1
    """Which of the subject's, where those of a round take turns; each can be compared by itself."""

    def dump(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Setting:
    """What one has to know about a run to compare it with another."""

    target: str
    machine: str
    cores: int
    apart: bool
    """Whether the server has a core of its own."""
    python: str
    versions: Mapping[str, str]
    rounds: int
    seconds: float
    sources: str
    """A digest of the product and the benchmark."""
    date: str


def digest_sources(root: Path = ROOT) -> str:
    """Changes with every file of code that is measured or that measures."""
    digest = hashlib.sha256()
    for folder in SOURCES:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in {".py", ".sql"} and "__pycache__" not in path.parts:
                digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


class Journal:
    """A file of results that grows while a target runs.

    A second run with the same setting goes on where the first ended. Only whole rounds of a
    scenario count: what is compared should have run within the same minutes.
    """

    def __init__(self, path: Path | None, setting: Setting) -> None:
        self._path = path
        self.setting = setting
        self._head = ""
        self.results: list[Result] = []
        if path is None:
            return
        lines = path.read_text().splitlines() if path.exists() else []
        head = _head(setting)
        if lines and lines[0] == head:
            self.results = [each for line in lines[1:] if (each := load_result(line))]
        self._head = head
        self._rewrite()

    def keep_whole(self, subjects: Mapping[str, Iterable[str]]) -> None:
        """Forget rounds of scenarios in which one of the subjects is missing."""
        seen: dict[tuple[str, int], set[str]] = {}
        for each in self.results:
            seen.setdefault((each.scenario, each.round), set()).add(each.subject)
        self.results = [
            each
            for each in self.results
            if set(subjects.get(each.scenario, ())) <= seen[each.scenario, each.round]
        ]
        self._rewrite()

    def has(self, scenario: str, number: int) -> bool:
        return any(each.scenario == scenario and each.round == number for each in self.results)

    def add(self, result: Result) -> None:
        self.results.append(result)
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(result.dump() + "\n")

    def remove(self) -> None:
        """Everything is done and stands elsewhere."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _rewrite(self) -> None:
        if self._path is not None:
            self._path.parent.mkdir(exist_ok=True)
            lines = [self._head, *(each.dump() for each in self.results)]
            self._path.write_text("\n".join(lines) + "\n")


def _head(setting: Setting) -> str:
    """All but the date."""
    return json.dumps({**asdict(setting), "date": ""})


def load_result(line: str) -> Result | None:
    """None of a line that was cut short."""
    try:
        return Result(**json.loads(line))
    except (ValueError, TypeError):
        return None
