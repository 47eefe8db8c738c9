"""`gateway`: the server itself, as TensorZero's schema has it."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from proxy.config.schema.base import Buckets, Count, Millis, NotServed, Section, Shown, problem

KEYS_REMEDY = (
    "leave it false and list the hashes of your keys under `zeroproxy.api_keys`, "
    "which asks every caller for one"
)


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


Never = Literal[False]
"""A switch of TensorZero's that may stand here, but only at `false`."""


class BatchWrites(Section):
    enabled: bool = Field(description="Switch.")
    flush_interval_ms: Millis = Field(100, description="The longest wait for a batch.")
    max_rows: Count = Field(1000, description="Rows of one batch.")
    max_rows_postgres: Count | None = Field(None, description="The same, for Postgres only.")
    write_queue_capacity: Count | None = Field(None, description="Accepted; the journal bounds it.")


class Observability(Section):
    enabled: bool | None = Field(
        None,
        description="null: record where a database answers; true: refuse to start without one; "
        "false: record nothing.",
    )
    backend: Annotated[Literal["auto", "postgres"], NotServed(("clickhouse",))] = Field(
        "auto", description="Where records go."
    )
    async_writes: bool = Field(
        True, description="Accepted: writing always happens behind the journal."
    )
    batch_writes: BatchWrites | None = Field(
        None, description="Accepted: the writer always works in batches."
    )
    disable_automatic_migrations: bool = Field(False, description="Deprecated; ignored.")


class AuthCache(Section):
    enabled: bool = Field(True, description="Remember looked-up keys.")
    ttl_ms: Millis = Field(1000, description="For how long.")


class Auth(Section):
    enabled: Annotated[Never, NotServed(("true",), KEYS_REMEDY)] = Field(
        description="TensorZero's managed keys. Use `zeroproxy.api_keys`."
    )
    cache: AuthCache = Field(AuthCache(), description="The cache of looked-up keys.")


class GatewayMetrics(Section):
    tensorzero_inference_latency_overhead_seconds_buckets: Buckets = Field(
        (0.001, 0.01, 0.1), description="Buckets of the overhead histogram."
    )


class Gateway(Section):
    not_served = frozenset({"cache", "export", "template_filesystem_access", "relay"})

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
    disable_pseudonymous_usage_analytics: bool = Field(
        False, description="Accepted; no usage analytics exist here."
    )
    fetch_and_encode_input_files_before_inference: Annotated[Never, NotServed(("true",))] = Field(
        False, description="Only `false`."
    )
    global_outbound_http_timeout_ms: Millis = Field(
        900_000, description="The limit of any call to a provider; no other may be larger."
    )
    unstable_error_json: Annotated[Never, NotServed(("true",))] = Field(
        False, description="Only `false`."
    )
    unstable_disable_feedback_target_validation: bool = Field(
        False, description="Takes feedback for ids that are not known."
    )
    auth: Auth | None = Field(None, description="TensorZero's managed keys.")
    observability: Observability = Field(Observability(), description="Recording.")
    metrics: GatewayMetrics = Field(GatewayMetrics(), description="Prometheus.")
