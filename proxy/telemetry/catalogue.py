"""Which series exist, and where their cells stand.

A catalogue is built from the configuration in the same order by every process, so that a column
means the same to all. It only ever grows.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

log = logging.getLogger(__name__)

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


SPARE_WIDTH = 64
"""Cells at the beginning that belong to no series: where what nobody foresaw is counted, unseen."""


@dataclass(slots=True)
class Catalogue:
    """All series, in the order in which they were asked for.

    Once sealed it gives the spare cells for a series that it does not have: a column made by one
    process alone would be another series' to the others.
    """

    series: list[Series] = field(default_factory=list)
    size: int = SPARE_WIDTH
    sealed: bool = False
    _known: dict[tuple[str, tuple[str, ...]], Series] = field(default_factory=dict)

    def column(self, family: Family, values: Sequence[str] = ()) -> int:
        """The first column of a series, which is made if it is new."""
        key = (family.name, tuple(values))
        known = self._known.get(key)
        if known is None:
            assert len(values) == len(family.labels), family.name
            if self.sealed:
                log.error("no series %s of %s", key[1], family.name)
                return 0
            known = Series(family, key[1], self.size)
            self._known[key] = known
            self.series.append(known)
            self.size += family.width
        return known.column

    def extended(self) -> Catalogue:
        """A copy that can grow; what is in this one keeps its columns."""
        return Catalogue(list(self.series), self.size, False, dict(self._known))

    def gauges(self) -> frozenset[int]:
        """The columns of gauges, which die with their process."""
        return frozenset(each.column for each in self.series if each.family.kind == "gauge")
