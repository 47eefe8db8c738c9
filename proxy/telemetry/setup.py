"""From the names of a configuration to the catalogue: every series that there can be."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.telemetry import families as f
from proxy.telemetry.catalogue import Catalogue, Family
from proxy.telemetry.metrics import (
    IGNORABLE,
    INFERENCE,
    OTHER,
    OUTCOMES,
    REJECTIONS,
    STATUSES,
    TOKEN_KINDS,
    Names,
)
from proxy.types.exchange import EndReason
from proxy.types.feedback import COMMENT, DEMONSTRATION

ENDPOINTS = (
    "chat_completions",
    "inference",
    "embeddings",
    "responses",
    "completions",
    "moderations",
    "images",
    "audio",
    "files",
    "batches",
    "other",
)
FUNCTION_ENDPOINTS = ("chat_completions", "inference", "responses", "completions")
"""Where functions can be called."""
FEEDBACK_STATES = ("written", "rejected", "shed")
RELOAD_RESULTS = ("applied", "refused", "unchanged")
FAILURES = ("unavailable", "refused")

Wanted = Iterator[tuple[Family, tuple[str, ...]]]


def build_catalogue(
    names: Names, latencies: f.Latencies, *, version: str, config_hash: str, budget_places: int
) -> Catalogue:
    """A catalogue of one configuration."""
    catalogue = Catalogue()
    extend_catalogue(
        catalogue,
        names,
        latencies,
        version=version,
        config_hash=config_hash,
        budget_places=budget_places,
    )
    return catalogue


def extend_catalogue(
    catalogue: Catalogue,
    names: Names,
    latencies: f.Latencies,
    *,
    version: str,
    config_hash: str,
    budget_places: int,
) -> None:
    """Add all series of a configuration, in an order that depends on nothing else."""
    for wanted in (
        _plain(version, config_hash),
        _endpoints(),
        _routes(names, latencies),
        _origins(names, budget_places),
        _ignorable(names),
    ):
        for family, values in wanted:
            catalogue.column(family, values)


def _plain(version: str, config_hash: str) -> Wanted:
    yield f.BUILD_INFO, (version,)
    yield f.CONFIG_INFO, (config_hash[:12],)
    for family in (
        *f.EXCHANGES.values(),
        f.JOURNALLED,
        f.OLDEST_UNWRITTEN,
        f.JOURNAL_BYTES,
        f.JOURNAL_LIMIT,
        f.DEFAULT_ROWS,
        f.POSTGRES_UP,
        f.WRITER_BATCH,
        f.DECODE_FAILURES,
        f.FEEDBACK_PENDING,
        f.WORKERS,
        f.WORKER_RESTARTS,
        f.INPUT_TOKENS,
        f.OUTPUT_TOKENS,
        f.RECEIVED_BYTES,
        f.JOURNAL_TICKS,
        f.WRITTEN_UNTIL,
    ):
        yield family, ()
    for family in (f.RELOAD_OK, f.RELOAD_TIME):
        yield family, ()
    yield from ((f.RELOADS, (result,)) for result in RELOAD_RESULTS)
    yield from ((f.WRITER_FAILURES, (reason,)) for reason in FAILURES)
    yield from ((f.FEEDBACK, (state,)) for state in FEEDBACK_STATES)
    yield from ((f.REJECTED, (reason,)) for reason in REJECTIONS)
    yield from ((f.LOOP_LAG, (process,)) for process in ("main", "worker"))


def _endpoints() -> Wanted:
    for endpoint in ENDPOINTS:
        yield f.IN_FLIGHT, (endpoint,)
        yield f.OVERHEAD, (endpoint,)
        yield from ((f.RESPONSES, (endpoint, status)) for status in STATUSES)
        yield from ((f.STREAM_ENDS, (endpoint, reason.value)) for reason in EndReason)


def _routes(names: Names, latencies: f.Latencies) -> Wanted:
    providers = [(model, name) for model, all_ in names.models.items() for name in all_]
    for model, provider in [*providers, (OTHER, OTHER)]:
        yield from ((f.ATTEMPTS, (model, provider, outcome)) for outcome in OUTCOMES)
        yield from ((f.TOKENS, (model, provider, kind)) for kind in TOKEN_KINDS)
        yield latencies.provider, (model, provider)
        yield f.GAP, (model, provider)
    for route in names.all_routes():
        yield latencies.first_token, route
    for function, variant in _ends(names):
        yield latencies.tensorzero_overhead, (function, variant)
        named = FUNCTION_ENDPOINTS if function in names.functions else ENDPOINTS
        yield from ((latencies.request, (each, function, variant)) for each in named)
    for values in _calls(names):
        yield f.REQUESTS, values
        yield f.INFERENCES, values
    for metric in dict.fromkeys((*names.metrics, COMMENT, DEMONSTRATION)):
        yield f.REQUESTS, ("feedback", "", "", metric)


def _ends(names: Names) -> Iterator[tuple[str, str]]:
    for function, variants in names.functions.items():
        yield from ((function, variant) for variant in (*variants, ""))
    for model in (*names.models, OTHER, ""):
        yield names.variant("", model)


def _calls(names: Names) -> Iterator[tuple[str, str, str, str]]:
    for function in names.functions:
        yield INFERENCE, function, "", ""
    default, _ = names.variant("", "")
    for model in (*names.models, OTHER):
        yield INFERENCE, default, model, ""


def _origins(names: Names, places: int) -> Wanted:
    for origin in (*names.origins, OTHER):
        yield f.RETRIES_REFUSED, (origin,)
        for place in range(places):
            for family in (f.BUDGET_EPOCH, f.BUDGET_REQUESTS, f.BUDGET_RETRIES):
                yield family, (origin, str(place))


def _ignorable(names: Names) -> Wanted:
    for provider_type in (*names.provider_types, OTHER):
        yield from ((f.IGNORED, (provider_type, parameter)) for parameter in IGNORABLE)
