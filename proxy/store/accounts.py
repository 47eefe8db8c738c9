"""The books of recording, in exchanges: what came in is somewhere, to the last one.

    produced + adopted = written + journalled + shed + quarantined + expired

*Produced* and *adopted* are read off the journals, where each frame carries its own number: the
writer finds what an owner appended even if that was killed before it could count anything. *Shed*
is counted by the workers, which never journalled it. The four ways out are counted one record at
a time where they happen, so the equation is a check and no definition.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


class Cell(Protocol):
    """One number, perhaps in memory that several processes share; written by one of them."""

    def add(self, amount: float) -> None: ...

    def set(self, value: float) -> None: ...

    def get(self) -> float: ...


class LocalCell:
    """A number of this process alone."""

    __slots__ = ("_value",)

    def __init__(self) -> None:
        self._value = 0.0

    def add(self, amount: float) -> None:
        self._value += amount

    def set(self, value: float) -> None:
        self._value = value

    def get(self) -> float:
        return self._value


def _cell() -> Cell:
    return LocalCell()


@dataclass(frozen=True, slots=True)
class RecorderCells:
    """A worker's. The first two it counts; the others are the writer's, and only read here."""

    shed: Cell = field(default_factory=_cell)
    feedback_shed: Cell = field(default_factory=_cell)
    journal_bytes: Cell = field(default_factory=_cell)
    journal_ticks: Cell = field(default_factory=_cell)
    """Changes whenever `journal_bytes` has been measured anew."""


@dataclass(frozen=True, slots=True)
class WriterCells:
    """The writer's. `produced` includes what was shed."""

    produced: Cell = field(default_factory=_cell)
    adopted: Cell = field(default_factory=_cell)
    written: Cell = field(default_factory=_cell)
    quarantined: Cell = field(default_factory=_cell)
    expired: Cell = field(default_factory=_cell)
    journalled: Cell = field(default_factory=_cell)
    """A gauge: in journals, not yet settled."""
    oldest_seconds: Cell = field(default_factory=_cell)
    """A gauge: age of the oldest record that is not settled."""
    written_until: Cell = field(default_factory=_cell)
    """A gauge, Unix time: all that was journalled before is settled."""
    journal_bytes: Cell = field(default_factory=_cell)
    """A gauge: bytes of all journal files."""
    journal_ticks: Cell = field(default_factory=_cell)
    postgres_up: Cell = field(default_factory=_cell)
    decode_failures: Cell = field(default_factory=_cell)
    feedback_written: Cell = field(default_factory=_cell)
    feedback_rejected: Cell = field(default_factory=_cell)
    feedback_pending: Cell = field(default_factory=_cell)
    """A gauge: waiting for their target to arrive."""
    failures_unavailable: Cell = field(default_factory=_cell)
    """Batches that had to wait because Postgres could not be asked."""
    failures_refused: Cell = field(default_factory=_cell)
    """Batches that Postgres refused, and that were divided."""


@dataclass(frozen=True, slots=True)
class Balance:
    """The books at one moment, in exchanges."""

    produced: int
    adopted: int
    written: int
    journalled: int
    shed: int
    quarantined: int
    expired: int

    @property
    def difference(self) -> int:
        """Zero at rest; more is lost, less is counted twice."""
        out = self.written + self.journalled + self.shed + self.quarantined + self.expired
        return self.produced + self.adopted - out


def balance_of(cells: WriterCells, shed: float) -> Balance:
    """The books as the writer has them; `shed` is the sum over all workers."""
    return Balance(
        produced=int(cells.produced.get()),
        adopted=int(cells.adopted.get()),
        written=int(cells.written.get()),
        journalled=int(cells.journalled.get()),
        shed=int(shed),
        quarantined=int(cells.quarantined.get()),
        expired=int(cells.expired.get()),
    )
