"""`zeroproxy`: everything that is ours and not TensorZero's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from proxy.config.schema.addresses import ApiBase
from proxy.config.schema.base import (
    Buckets,
    Count,
    Many,
    Millis,
    Refused,
    Section,
    Shown,
    Size,
    problem,
)
from proxy.config.schema.credentials import CallerCredential, Location
from proxy.config.schema.form import BeforeValidator, Field, model_validator
from proxy.config.schema.provider_base import TRANSPORT, TransportName
from proxy.config.schema.providers import OTHER_TYPES

HASH_REMEDY = "put the SHA-256 of the key there, as printed by `printf %s KEY | sha256sum`"
MIB = 2**20


def _check_sha256(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"[0-9a-f]{64}", value):
        raise problem("not a SHA-256 in 64 lower-case hexadecimal digits", HASH_REMEDY)
    return value


def _none_is_null(value: object) -> object:
    """TOML has no null, and YAML's `none` is a word."""
    return None if value == "none" else value


def _check_relay_path(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"[A-Za-z0-9_.~-]+(/[A-Za-z0-9_.~-]+)*", value):
        raise problem(
            "not a path below `/v1/`",
            "write it without slashes at its ends, like `fine_tuning/jobs`",
        )
    return value


RelayPath = Annotated[str, BeforeValidator(_check_relay_path), Shown("path")]


class ApiKey(Section):
    hints: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("key", "api_key", "value", "secret", "token", "hash"),
        f"plain keys do not belong in the configuration: write `sha256:` and {HASH_REMEDY}",
    )

    name: str = Field(min_length=1, description="Stands in logs and records for the key.")
    sha256: Annotated[str, BeforeValidator(_check_sha256), Shown("64 hex digits")] = Field(
        description="SHA-256 of the key, in lower-case hexadecimal."
    )


class DefaultProvider(Section):
    type: Annotated[
        Literal[
            "deepseek",
            "fireworks",
            "groq",
            "hyperbolic",
            "mistral",
            "ollama",
            "openai",
            "openrouter",
            "sglang",
            "tgi",
            "together",
            "vllm",
            "xai",
        ],
        Refused((*OTHER_TYPES, "azure", "dummy"), "no default provider can be of this type"),
    ] = Field("openai", description="The vendor, or the kind of server.")
    api_base: ApiBase | None = Field(
        None, description="Its base URL; by default that of the type, which most have."
    )
    api_key_location: Location = Field(
        CallerCredential(), description="The key it gets; by default the caller's own."
    )
    transport: TransportName = TRANSPORT


class Recording(Section):
    enabled: bool = Field(True, description="Switch; false records nothing.")
    durability: Literal["process", "disk"] = Field(
        "process",
        description="`process` survives the death of the program, `disk` also that of the power.",
    )
    max_journal_bytes: Size = Field(
        1024 * MIB, description="How far the journal may grow while Postgres is away."
    )
    when_full: Literal["refuse", "shed"] = Field(
        "refuse", description="Then: answer 503, or serve on and count what was not recorded."
    )
    max_recorded_bytes: Size = Field(
        MIB, description="Of a body, each side; beyond it only length and SHA-256 are kept."
    )
    batch_rows: Count = Field(500, description="Exchanges written at once, at most.")
    flush_interval_ms: Millis = Field(
        300,
        description="The longest wait for such a batch. What comes after a pause waits 100 ms at "
        "most, and so does 1 MiB of records.",
    )


class ProxyTimeouts(Section):
    connect_ms: Millis = Field(5000, description="Until a connection to the provider stands.")
    first_token_ms: Millis | None = Field(None, description="Until the first event of a stream.")
    idle_ms: Millis | None = Field(120_000, description="Between two blocks of an answer.")
    total_ms: Millis | None = Field(None, description="The whole call.")


class Limits(Section):
    max_request_bytes: Size = Field(100 * MIB, description="A larger request gets 413.")
    max_upload_bytes: Size = Field(
        1024 * MIB, description="A larger upload (multipart, or passed on unread) gets 413."
    )
    upload_memory_bytes: Size = Field(
        MIB, description="Of an upload that must be looked at; beyond it a temporary file is used."
    )
    max_peek_bytes: Size = Field(
        256 * 1024, description="Held back at most while the first event is awaited."
    )


class RetryBudget(Section):
    """Of each upstream origin."""

    ratio: Annotated[float, Field(ge=0, le=1)] = Field(
        0.2, description="Retries for each request, at most."
    )
    window_s: Annotated[float, Field(gt=0), Shown("seconds")] = Field(
        10.0, description="Over this time."
    )
    floor: Annotated[int, Field(ge=0)] = Field(3, description="Retries that are always allowed.")


class Drain(Section):
    delay_s: Annotated[float, Field(ge=0), Shown("seconds")] = Field(
        0.0, description="After SIGTERM: answer `not ready`, but take requests, for so long."
    )
    timeout_s: Annotated[float, Field(ge=0), Shown("seconds")] = Field(
        30.0, description="Then wait at most so long for calls in flight."
    )


class Logging(Section):
    format: Literal["auto", "json", "pretty"] = Field(
        "auto", description="`auto`: pretty on a terminal, JSON elsewhere."
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least that is logged."
    )


class ZeroProxy(Section):
    api_keys: Many[ApiKey] = Field(
        (), description="Keys that callers must have; none: everybody may call."
    )
    api_key_header: Literal["authorization", "x-tensorzero-api-key"] = Field(
        "authorization", description="The header in which callers send such a key."
    )
    default_provider: Annotated[
        DefaultProvider | None, BeforeValidator(_none_is_null), Shown("table or `none`")
    ] = Field(
        DefaultProvider.by_default(),
        description="Takes model names that are not configured. Off when `none`, and, unless "
        "given, when callers' keys are in `authorization`.",
    )
    recording: Recording = Field(Recording.by_default(), description="Journal and writer.")
    timeouts: ProxyTimeouts = Field(
        ProxyTimeouts.by_default(), description="Limits of every attempt."
    )
    limits: Limits = Field(Limits.by_default(), description="Sizes.")
    retry_budget: RetryBudget = Field(
        RetryBudget.by_default(), description="Retries, of each origin."
    )
    allowed_paths: Many[RelayPath] = Field(
        (),
        description="Beginnings of paths below `/v1/`, such as `files`, that the operator's own "
        "keys serve beside inference; callers with keys of their own (`client::`) need none.",
    )
    request_usage: bool = Field(
        False, description="Ask providers for token counts of streams that ask for none."
    )
    drain: Drain = Field(Drain.by_default(), description="The end of a process.")
    logging: Logging = Field(Logging.by_default(), description="Logs.")
    latency_buckets: Buckets = Field(
        (
            0.005,
            0.01,
            0.025,
            0.05,
            0.1,
            0.25,
            0.5,
            1.0,
            2.5,
            5.0,
            10.0,
            20.0,
            30.0,
            60.0,
            120.0,
            300.0,
        ),
        description="Buckets of the latency histograms.",
    )

    @model_validator(mode="before")
    @classmethod
    def _implicit_default_gives_way(cls, data: Any) -> Any:
        """A gateway key in `authorization` must never be forwarded as if it were the caller's."""
        if not isinstance(data, dict) or not data.get("api_keys"):
            return data
        in_the_way = data.get("api_key_header", "authorization") == "authorization"
        if in_the_way and "default_provider" not in data:
            return data | {"default_provider": None}
        return data
