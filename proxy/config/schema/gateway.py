"""`gateway`: the server itself, as TensorZero's schema has it."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Annotated, Literal

from proxy.config.schema.addresses import ApiBase as RelayUrl
from proxy.config.schema.base import (
    Buckets,
    Count,
    Millis,
    NoEffect,
    NotBuilt,
    Section,
    Shown,
    problem,
)
from proxy.config.schema.credentials import Location
from proxy.config.schema.form import BeforeValidator, Field
from proxy.config.schema.named_files import TEXT


def split_address(text: str) -> tuple[str, int]:
    """`127.0.0.1:3000` or `[::]:3000` as host (without brackets) and port.

    Raises ValueError when it is neither.
    """
    host, separator, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    address = ipaddress.ip_address(host[1:-1] if bracketed else host)
    if not separator or (address.version == 6) != bracketed:
        raise ValueError(text)
    if not (port.isascii() and port.isdigit() and int(port) < 2**16):
        raise ValueError(text)
    return str(address), int(port)


def _check_address(value: object) -> object:
    if isinstance(value, str):
        try:
            split_address(value)
        except ValueError:
            raise problem(
                "invalid socket address syntax",
                "write an IP address and a port, such as `127.0.0.1:3000` or `[::]:3000`",
            ) from None
    return value


def _check_base_path(value: object) -> object:
    if isinstance(value, str):
        if not value.startswith("/"):
            raise problem("`base_path` must start with `/`", "write it like `/proxy`")
        return value.rstrip("/") or "/"
    return value


class BatchWrites(Section):
    enabled: bool = Field(description="Switch.")
    flush_interval_ms: Millis = Field(100, description="The longest wait for a batch.")
    max_rows: Count = Field(1000, description="Rows of one batch.")
    max_rows_postgres: Count | None = Field(None, description="The same, for Postgres only.")
    write_queue_capacity: Count | None = Field(None, description="Accepted; the journal bounds it.")
    force_allow_embedded: bool | None = Field(
        None,
        validation_alias="__force_allow_embedded_batch_writes",
        description="Accepted, without effect.",
    )


_JOURNAL = NoEffect("writing always happens behind the journal")


class Observability(Section):
    enabled: bool | None = Field(
        None,
        description="null: record where a database answers; true: refuse to start without one; "
        "false: record nothing.",
    )
    backend: Annotated[
        Literal["auto", "postgres", "clickhouse"], NoEffect("records go to Postgres")
    ] = Field("auto", description="Accepted: records go to Postgres.")
    async_writes: Annotated[bool, _JOURNAL] = Field(
        True, description="Accepted: writing always happens behind the journal."
    )
    batch_writes: Annotated[BatchWrites | None, NoEffect("the writer always works in batches")] = (
        Field(None, description="Accepted: the writer always works in batches.")
    )
    disable_automatic_migrations: Annotated[bool, NoEffect("deprecated")] = Field(
        False, description="Deprecated; ignored."
    )


class AuthCache(Section):
    enabled: bool = Field(True, description="Remember looked-up keys.")
    ttl_ms: Millis = Field(1000, description="For how long.")


_MANAGED = NotBuilt(
    "`gateway.auth` (managed keys)",
    instead="callers need a key of `zeroproxy.api_keys`",
)


class Auth(Section):
    enabled: Annotated[bool, _MANAGED] = Field(
        description="Callers need a key. Managed keys are not built yet: with `true` nobody is "
        "let in but holders of keys of `zeroproxy.api_keys`."
    )
    cache: Annotated[AuthCache, NotBuilt("`gateway.auth` (managed keys)")] = Field(
        AuthCache.by_default(), description="The cache of looked-up keys."
    )


class GatewayMetrics(Section):
    tensorzero_inference_latency_overhead_seconds_buckets: Buckets = Field(
        (0.001, 0.01, 0.1), description="Buckets of the overhead histogram."
    )


class ValkeyCache(Section):
    ttl_s: Count = Field(86_400, description="For how many seconds an answer is kept.")


class GatewayCache(Section):
    enabled: bool | None = Field(None, description="Switch; null: where a backend answers.")
    backend: Literal["auto", "clickhouse", "valkey"] = Field(
        "auto", description="Where answers are kept."
    )
    valkey: ValkeyCache = Field(ValkeyCache.by_default(), description="Of that backend.")


class OtlpTraces(Section):
    enabled: bool = Field(False, description="Switch.")
    format: Literal["opentelemetry", "openinference"] = Field(
        "opentelemetry", description="The names of attributes."
    )
    extra_headers: Mapping[str, str] = Field(
        default_factory=dict, description="Sent with every export."
    )
    include_content: bool = Field(False, description="Inputs and outputs, too.")


class Otlp(Section):
    traces: Annotated[OtlpTraces, NotBuilt("the export of traces")] = Field(
        OtlpTraces.by_default(), description="Traces."
    )


class Export(Section):
    otlp: Otlp = Field(Otlp.by_default(), description="OpenTelemetry.")


class TemplateAccess(Section):
    """Templates that others include. Loading reads those that are named, and no others."""

    enabled: Annotated[bool | None, NoEffect("`base_path` says it")] = Field(
        None, description="Deprecated; ignored: `base_path` says it."
    )
    base_path: str | None = Field(
        None, min_length=1, description="The folder that includes count from."
    )
    files: Annotated[Mapping[str, str], Shown("table")] = Field(
        default_factory=dict,
        alias=TEXT,
        description="Written by loading: the texts that templates include, by their names.",
    )


_RELAY = NotBuilt("`gateway.relay`", blocks=True)


class Relay(Section):
    gateway_url: RelayUrl | None = Field(None, description="The other gateway's address.")
    api_key_location: Location | None = Field(None, description="Where its key is found.")


class Gateway(Section):
    bind_address: Annotated[str, BeforeValidator(_check_address), Shown("`IP:port`")] | None = (
        Field(
            None,
            description="Where to listen; the command line may say it instead, not as well. "
            "Without either, 127.0.0.1:3000.",
        )
    )
    base_path: Annotated[str, BeforeValidator(_check_base_path)] = Field(
        "/", description="A prefix of all routes; a slash at its end is ignored."
    )
    debug: bool = Field(False, description="More detail in logs.")
    disable_pseudonymous_usage_analytics: Annotated[
        bool, NoEffect("no usage analytics exist here")
    ] = Field(False, description="Accepted; no usage analytics exist here.")
    fetch_and_encode_input_files_before_inference: Annotated[bool, NotBuilt()] = Field(
        False, description="Fetches files of inputs and sends their content."
    )
    global_outbound_http_timeout_ms: Millis = Field(
        900_000, description="The limit of any call to a provider; no other may be larger."
    )
    unstable_error_json: Annotated[bool, NotBuilt()] = Field(
        False, description="Errors with their details, beside the message."
    )
    unstable_disable_feedback_target_validation: bool = Field(
        False, description="Takes feedback for ids that are not known."
    )
    auth: Auth | None = Field(None, description="TensorZero's managed keys.")
    observability: Observability = Field(Observability.by_default(), description="Recording.")
    metrics: GatewayMetrics = Field(GatewayMetrics.by_default(), description="Prometheus.")
    cache: Annotated[GatewayCache, NotBuilt("the cache of answers")] = Field(
        GatewayCache.by_default(), description="The cache of answers."
    )
    export: Export = Field(Export.by_default(), description="To other systems.")
    template_filesystem_access: TemplateAccess = Field(
        TemplateAccess.by_default(), description="Templates that others include."
    )
    relay: Annotated[Relay | None, _RELAY] = Field(
        None, description="Another gateway that calls go to, but for models with `skip_relay`."
    )
