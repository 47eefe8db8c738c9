"""Rules between limits."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.config.findings import Finding, Tree
from proxy.config.schema.gateway import Gateway
from proxy.config.tree import select, table, walk

_GLOBAL = "global_outbound_http_timeout_ms"
_TIMEOUTS = (
    ("models", "*", "timeouts"),
    ("models", "*", "providers", "*", "timeouts"),
    ("embedding_models", "*", "timeout_ms"),
    ("embedding_models", "*", "providers", "*", "timeout_ms"),
    ("functions", "*", "variants", "*", "timeouts"),
    ("evaluations", "*", "evaluators", "*", "variants", "*", "timeouts"),
    ("functions", "*", "evaluators", "*", "variants", "*", "timeouts"),
    ("zeroproxy", "timeouts"),
)


def check_timeouts(tree: Tree) -> Iterator[Finding]:
    """No limit that is written is larger than the one of all calls."""
    most = table(tree, "gateway").get(_GLOBAL, Gateway.model_fields[_GLOBAL].default)
    if not isinstance(most, int):
        return
    for pattern in _TIMEOUTS:
        for path, timeouts in select(tree, *pattern):
            for place, value in walk(timeouts):
                if isinstance(value, int) and value > most:
                    message = f"`{value}` is greater than `gateway.{_GLOBAL}`: `{most}`"
                    remedy = f"lower it, or raise `gateway.{_GLOBAL}`"
                    yield Finding((*path, *place), message, remedy)


def check_writes(tree: Tree) -> Iterator[Finding]:
    """Batch writes exclude async writes, which are the default."""
    observability = table(table(tree, "gateway"), "observability")
    batches = table(observability, "batch_writes").get("enabled") is True
    if batches and observability.get("async_writes", True) is True:
        message = "batch writes and async writes cannot be enabled at the same time"
        path = ("gateway", "observability", "batch_writes")
        yield Finding(path, message, "set `gateway.observability.async_writes: false`")


def check_retention(tree: Tree) -> Iterator[Finding]:
    """Data goes no later than the metadata that points at it."""
    postgres = table(tree, "postgres")
    keys = ("inference_data_retention_days", "inference_retention_days")
    key = next((key for key in keys if key in postgres), None)
    if key is None:
        return
    if all(each in postgres for each in keys):
        message = f"`{keys[0]}` and its older name `{keys[1]}` are both given"
        yield Finding(("postgres", keys[1]), message, "keep the first")
    data, metadata = postgres[key], postgres.get("inference_metadata_retention_days")
    if isinstance(data, int) and isinstance(metadata, int) and data > metadata:
        message = f"{data} days are more than the {metadata} days of the metadata"
        remedy = "keep data at most as long as `inference_metadata_retention_days`"
        yield Finding(("postgres", key), message, remedy)
