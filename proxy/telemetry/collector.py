"""The numbers of all processes, rendered for Prometheus in small pieces.

A page of 100 KB takes 10 ms, and of a thousand functions a second. A thread for it would take the
interpreter's lock from the event loop at each of its callbacks, for 5 ms each time; in pieces of
some tenths of a millisecond, with calls served between them, nobody waits for longer than that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client import generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from proxy.telemetry.catalogue import Catalogue, Family, Series
from proxy.telemetry.cells import Cells
from proxy.telemetry.families import CONFIG_INFO, SCRATCH

PIECE_SAMPLES = 50
"""Lines of a piece, about."""


class Renderer:
    """Makes the text of `/metrics`: the families of a catalogue, summed over all processes."""

    def __init__(self, cells: Cells, catalogue: Catalogue) -> None:
        self._cells = cells
        self._catalogue = catalogue

    def render(self) -> bytes:
        """The whole text at once."""
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """The text in its order. Each piece has the numbers of the moment in which it is made."""
        families: dict[str, list[Series]] = {}
        for series in self._catalogue.series:
            if not series.family.name.startswith(SCRATCH):
                families.setdefault(series.family.name, []).append(series)
        for of_family in families.values():
            begun = False
            for some in _portions(of_family):
                piece = self._piece(some)
                yield piece.split(b"\n", 2)[2] if begun else piece
                begun = True

    def _piece(self, some: Sequence[Series]) -> bytes:
        """Help, type and samples of some series of one family."""
        family = some[0].family
        metric = Metric(_base(family), family.help, family.kind)
        for series in some:
            totals = self._cells.totals(series.column, family.width)
            # Of a configuration that is no longer in force nothing is told.
            if family.name != CONFIG_INFO.name or totals[0]:
                _add_samples(metric, series, totals)
        return generate_latest(_Lone(metric))


class _Lone(Collector):
    """One family."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterator[Metric]:
        yield self._metric


def _portions(of_family: Sequence[Series]) -> Iterator[Sequence[Series]]:
    step = max(1, PIECE_SAMPLES // of_family[0].family.width)
    for start in range(0, len(of_family), step):
        yield of_family[start : start + step]


def _base(family: Family) -> str:
    return family.name.removesuffix("_total") if family.kind == "counter" else family.name


def _add_samples(metric: Metric, series: Series, totals: Sequence[float]) -> None:
    """`totals` are the series' own columns."""
    family = series.family
    labels = {
        name: value for name, value in zip(family.labels, series.values, strict=True) if value
    }
    if family.kind != "histogram":
        metric.add_sample(family.name, labels, totals[0])
        return
    count = 0.0
    for place, bound in enumerate((*family.buckets, float("inf"))):
        count += totals[place]
        metric.add_sample(f"{family.name}_bucket", labels | {"le": _bound(bound)}, count)
    metric.add_sample(f"{family.name}_count", labels, count)
    metric.add_sample(f"{family.name}_sum", labels, totals[family.width - 1])


def _bound(bound: float) -> str:
    return "+Inf" if bound == float("inf") else repr(float(bound))
