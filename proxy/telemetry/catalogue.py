"""Which series exist, and where their cells stand.

A catalogue is built from the configuration in the same order by every process, so that a column
means the same to all. It only ever grows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric. A histogram's `buckets` are upper bounds in the metric's unit, ascending."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        """Cells of one series: of a histogram a count for each bucket, one beyond, and the sum."""
        return len(self.buckets) + 2 if self.kind == "histogram" else 1


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a family and the column of its first cell."""

    family: Family
    values: tuple[str, ...]
    column: int


@dataclass(slots=True)
class Catalogue:
    """All series, in the order in which they were asked for."""

    series: list[Series] = field(default_factory=list)
    size: int = 0
    _known: dict[tuple[str, tuple[str, ...]], Series] = field(default_factory=dict)

    def column(self, family: Family, values: Sequence[str] = ()) -> int:
        """The first column of a series, which is made if it is new."""
        key = (family.name, tuple(values))
        known = self._known.get(key)
        if known is None:
            assert len(values) == len(family.labels), family.name
            known = Series(family, key[1], self.size)
            self._known[key] = known
            self.series.append(known)
            self.size += family.width
        return known.column

    def gauges(self) -> frozenset[int]:
        """The columns of gauges, which die with their process."""
        return frozenset(each.column for each in self.series if each.family.kind == "gauge")
