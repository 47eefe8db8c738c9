"""The numbers of one configuration: names that may be labels, catalogue, cells, facade."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from proxy import __version__
from proxy.config.loaded import LoadedConfig
from proxy.config.schema import (
    SHORTHAND_TYPES,
    Config,
    EmbeddingProviderConfig,
    ProviderConfig,
    blocking,
    shorthand_provider,
)
from proxy.config.schema.shorthands import WATCHED_SHORTHAND_TYPES
from proxy.models.budget import RetryBudget, Second
from proxy.providers import build_default_provider, build_provider
from proxy.providers.dummy import FlakyCounters
from proxy.services.relay_call import monotonic
from proxy.telemetry import families as f
from proxy.telemetry.catalogue import Catalogue
from proxy.telemetry.cells import Cells
from proxy.telemetry.collector import Renderer
from proxy.telemetry.metrics import OTHER, Metrics, Names
from proxy.telemetry.setup import extend_catalogue

SPARE_CELLS = 2**21
"""Room for series that later configurations add; a hole in the file until it is used."""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What one process has of the shared numbers, under one configuration."""

    cells: Cells
    slot: int
    catalogue: Catalogue
    metrics: Metrics
    budgets: dict[str, RetryBudget]

    def budget_of(self, origin: str) -> RetryBudget:
        """An origin's budget; those that no configuration names share one."""
        return self.budgets.get(origin) or self.budgets[OTHER]

    def renderer(self) -> Renderer:
        return Renderer(self.cells, self.catalogue)

    def under(self, loaded: LoadedConfig, catalogue: Catalogue) -> Telemetry:
        """The same numbers under another configuration; series go on where they were."""
        return _telemetry(self.cells, self.slot, loaded, catalogue)


def plan_catalogue(loaded: LoadedConfig, known: Catalogue | None = None) -> Catalogue:
    """All series of a configuration, behind those that are known already.

    The main process plans and hands it out, so that a column means the same to all.
    """
    catalogue = Catalogue() if known is None else known.extended()
    extend_catalogue(
        catalogue,
        _names(loaded.config),
        _latencies(loaded.config),
        version=__version__,
        config_hash=loaded.snapshot.hash.hex(),
        budget_places=_places(loaded.config),
    )
    catalogue.sealed = True
    return catalogue


def create_cells(path: Path, catalogue: Catalogue, workers: int) -> None:
    """Make the file that all processes share, with room for what reloads may add."""
    Cells.create(path, workers + 1, 2 * catalogue.size + SPARE_CELLS).close()


def open_telemetry(path: Path, loaded: LoadedConfig, slot: int, catalogue: Catalogue) -> Telemetry:
    """This process's part of the shared numbers."""
    return _telemetry(Cells(path), slot, loaded, catalogue)


def _telemetry(cells: Cells, slot: int, loaded: LoadedConfig, catalogue: Catalogue) -> Telemetry:
    names = _names(loaded.config)
    metrics = Metrics(cells, slot, catalogue, _latencies(loaded.config), names)
    budgets = {
        origin: _budget(loaded.config, metrics, origin) for origin in (*names.origins, OTHER)
    }
    return Telemetry(cells, slot, catalogue, metrics, budgets)


def _latencies(config: Config) -> f.Latencies:
    return f.build_latencies(
        tuple(config.zeroproxy.latency_buckets),
        tuple(config.gateway.metrics.tensorzero_inference_latency_overhead_seconds_buckets),
    )


def _names(config: Config) -> Names:
    variants = {name: tuple(entry.variants) for name, entry in config.functions.items()}
    models = {name: tuple(entry.routing) for name, entry in config.models.items()}
    for name, embedding in config.embedding_models.items():
        models[name] = tuple(dict.fromkeys((*models.get(name, ()), *embedding.routing)))
    return Names(
        functions=variants,
        models=models,
        function_models={
            (name, key): variant.model
            for name, entry in config.functions.items()
            for key, variant in entry.variants.items()
        },
        origins=_origins(config),
        metrics=tuple(config.metrics),
        provider_types=tuple(dict.fromkeys(each.type for each in _entries(config))),
    )


def _origins(config: Config) -> tuple[str, ...]:
    """The origins of all providers that can be called: configured, default, shorthands in use."""
    flaky, entries = FlakyCounters(), _entries(config)
    providers = [build_provider(entry, flaky) for entry in entries if blocking(entry) is None]
    default = config.zeroproxy.default_provider
    if default is not None:
        providers.append(build_default_provider(default, "-"))
    return tuple(dict.fromkeys(provider.origin for provider in providers))


def _entries(config: Config) -> list[ProviderConfig | EmbeddingProviderConfig]:
    return [
        *(each for model in config.models.values() for each in model.providers.values()),
        *(each for model in config.embedding_models.values() for each in model.providers.values()),
        *_shorthands(config),
    ]


def _shorthands(config: Config) -> list[ProviderConfig]:
    """The providers of shorthands that variants name, and of those that callers mostly do."""
    models = [each.model for entry in config.functions.values() for each in entry.variants.values()]
    prefixes = [name.partition("::")[0] for name in models if name not in config.models]
    wanted = dict.fromkeys([*prefixes, *WATCHED_SHORTHAND_TYPES])
    return [shorthand_provider(prefix, "-") for prefix in wanted if prefix in SHORTHAND_TYPES]


def _places(config: Config) -> int:
    """Entries of a budget's ring: the seconds of its window, and the one that is being filled."""
    return math.ceil(config.zeroproxy.retry_budget.window_s) + 1


def _budget(config: Config, metrics: Metrics, origin: str) -> RetryBudget:
    settings = config.zeroproxy.retry_budget
    ring = [
        Second(
            metrics.shared(f.BUDGET_EPOCH, origin, str(place)),
            metrics.shared(f.BUDGET_REQUESTS, origin, str(place)),
            metrics.shared(f.BUDGET_RETRIES, origin, str(place)),
        )
        for place in range(_places(config))
    ]
    return RetryBudget(ring, settings.ratio, settings.floor, monotonic)
