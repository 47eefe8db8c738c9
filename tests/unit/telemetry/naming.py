"""A small configuration's names, and the numbers made from them."""

from __future__ import annotations

from pathlib import Path

from proxy.telemetry.catalogue import Catalogue
from proxy.telemetry.cells import Cells
from proxy.telemetry.families import Latencies, build_latencies
from proxy.telemetry.metrics import Metrics, Names
from proxy.telemetry.setup import build_catalogue

SLOTS = 3

NAMES = Names(
    functions={"haiku": ("classic", "bold"), "letter": ("only",)},
    models={"small": ("alpha", "beta"), "large": ("alpha",)},
    function_models={
        ("haiku", "classic"): "small",
        ("haiku", "bold"): "large",
        ("letter", "only"): "vendor::not-in-the-table",
    },
    origins=("https://alpha.test:443",),
    metrics=("thumbs_up",),
)


def latencies() -> Latencies:
    return build_latencies((0.01, 0.1, 1.0), (0.001, 0.01))


def catalogue() -> Catalogue:
    return build_catalogue(
        NAMES, latencies(), version="1.2.3", config_hash="ab" * 32, budget_places=3
    )


def create(path: Path) -> Cells:
    return Cells.create(path, SLOTS, catalogue().size + 100)


def open_metrics(cells: Cells, slot: int, columns: Catalogue) -> Metrics:
    return Metrics(cells, slot, columns, latencies(), NAMES)
