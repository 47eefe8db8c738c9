"""How much agreed: counted per provider and protocol, shown as a table."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.recorded.exceptions import known_reason
from tests.recorded.exchanges import named
from tests.recorded.playing import Outcome

HEAD = ("provider", "api", "rows", "groups", "requests", "answers", "requests*", "answers*")
NOTE = """\
groups: of near copies, in which all agree. requests, answers: those that agree, of fidelity
`bytes`; with *: of the other fidelities.
An exception that is named below counts neither way."""


@dataclass
class Share:
    """Of so many, so many agree."""

    agreed: int = 0
    total: int = 0

    def add(self, differences: list[str] | None) -> None:
        if differences is not None:
            self.total += 1
            self.agreed += not differences

    def __str__(self) -> str:
        return f"{self.agreed}/{self.total}" if self.total else "-"


@dataclass
class Cell:
    """One provider's one protocol."""

    rows: int = 0
    groups: set[str] = field(default_factory=set)
    broken_groups: set[str] = field(default_factory=set)
    shares: dict[tuple[str, bool], Share] = field(default_factory=lambda: defaultdict(Share))

    def cells(self) -> list[str]:
        sides = [(side, exact) for exact in (True, False) for side in ("request", "answer")]
        groups = f"{len(self.groups - self.broken_groups)}/{len(self.groups)}"
        return [str(self.rows), groups, *(str(self.shares[key]) for key in sides)]


@dataclass(frozen=True)
class Disagreement:
    """One side of one row."""

    outcome: Outcome
    side: str
    lines: Sequence[str]

    @property
    def exact(self) -> bool:
        return bool(self.outcome.row["fidelity"] == "bytes")

    def __str__(self) -> str:
        said = "".join(f"\n    {line}" for line in self.lines[:6])
        return f"{named(self.outcome.row)}, {self.side}:{said}"


class Agreement:
    """Counts outcomes."""

    def __init__(self) -> None:
        self.disagreements: list[Disagreement] = []
        self.reasons: Counter[tuple[str, str]] = Counter()
        self._cells: dict[tuple[str, str], Cell] = defaultdict(Cell)

    def add(self, outcome: Outcome) -> None:
        """Count one row."""
        row = outcome.row
        cell = self._cells[row["provider"], row["api"]]
        cell.rows += 1
        cell.groups.add(row["group"])
        for reason in (outcome.exception, outcome.no_request):
            if reason is not None:
                self.reasons[f"{row['provider']} {row['api']}", reason] += 1
        if outcome.without_sdk:
            self.reasons["not installed", f"the SDK that reads {row['api']}"] += 1
        for side, lines in (("request", outcome.request), ("answer", outcome.answer)):
            reason = known_reason(row, side, lines) if lines else None
            if reason is not None:
                self.reasons[f"{row['provider']} {row['api']} {side}", reason] += 1
                continue
            cell.shares[side, row["fidelity"] == "bytes"].add(lines)
            if lines:
                cell.broken_groups.add(row["group"])
                self.disagreements.append(Disagreement(outcome, side, lines))

    def broken(self) -> list[Disagreement]:
        """Those of fidelity `bytes` that no named exception speaks for."""
        return [each for each in self.disagreements if each.exact]

    def render(self) -> str:
        """The table and the exceptions."""
        rows = [
            [*key, *cell.cells()] for key, cell in sorted(self._cells.items(), key=lambda it: it[0])
        ]
        reasons = [f"  {where}: {why}: {count}" for (where, why), count in self._sorted_reasons()]
        return "\n".join((*_table([list(HEAD), *rows]), NOTE, "exceptions:", *reasons))

    def _sorted_reasons(self) -> list[tuple[tuple[str, str], int]]:
        return sorted(self.reasons.items())


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def counted(outcomes: Iterable[Outcome]) -> Agreement:
    """The agreement of many."""
    agreement = Agreement()
    for outcome in outcomes:
        agreement.add(outcome)
    return agreement
