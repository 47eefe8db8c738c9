"""A snapshot of all processes' numbers, rendered for Prometheus, off the event loop."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from proxy.telemetry.catalogue import Catalogue, Family, Series
from proxy.telemetry.cells import Cells
from proxy.telemetry.families import CONFIG_INFO, SCRATCH


class CellsCollector(Collector):
    """The families of a catalogue, with the sums over all processes."""

    def __init__(self, cells: Cells, catalogue: Catalogue) -> None:
        self._cells = cells
        self._catalogue = catalogue

    def collect(self) -> Iterator[Metric]:
        totals = self._cells.totals(self._catalogue.size)
        metrics: dict[str, Metric] = {}
        for series in self._catalogue.series:
            family = series.family
            if family.name.startswith(SCRATCH) or _is_past(series, totals):
                continue
            metric = metrics.get(family.name)
            if metric is None:
                metric = metrics[family.name] = Metric(_base(family), family.help, family.kind)
            _add_samples(metric, series, totals)
        yield from metrics.values()


class Renderer:
    """Makes the text of `/metrics`."""

    def __init__(self, cells: Cells, catalogue: Catalogue) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(CellsCollector(cells, catalogue))

    def render(self) -> bytes:
        return generate_latest(self._registry)


def _is_past(series: Series, totals: list[float]) -> bool:
    """Whether it tells of a configuration that is no longer in force."""
    return series.family.name == CONFIG_INFO.name and not totals[series.column]


def _base(family: Family) -> str:
    return family.name.removesuffix("_total") if family.kind == "counter" else family.name


def _add_samples(metric: Metric, series: Series, totals: list[float]) -> None:
    family = series.family
    labels = {
        name: value for name, value in zip(family.labels, series.values, strict=True) if value
    }
    if family.kind != "histogram":
        metric.add_sample(family.name, labels, totals[series.column])
        return
    count = 0.0
    for place, bound in enumerate((*family.buckets, float("inf"))):
        count += totals[series.column + place]
        metric.add_sample(f"{family.name}_bucket", labels | {"le": _bound(bound)}, count)
    metric.add_sample(f"{family.name}_count", labels, count)
    metric.add_sample(f"{family.name}_sum", labels, totals[series.column + family.width - 1])


def _bound(bound: float) -> str:
    return "+Inf" if bound == float("inf") else repr(float(bound))
