"""What a worker builds of one configuration, and keeps for the calls that began under it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from proxy import __version__
from proxy.app.demonstrations import build_demonstrations
from proxy.app.limits import seconds
from proxy.app.live import LiveBuilder
from proxy.app.recording import NoRecorder
from proxy.app.telemetry import Telemetry
from proxy.config.loaded import LoadedConfig
from proxy.config.schema import Config
from proxy.http.auth import Keys
from proxy.http.native.feedback import FeedbackHandler
from proxy.http.native.inference import InferenceHandler
from proxy.http.openai.envelope import EnvelopeHandler
from proxy.http.openai.models import ModelsHandler
from proxy.http.openai.relay import RelayHandler
from proxy.http.openai.uploads import UploadLimits
from proxy.http.operations import Condition, Operations
from proxy.http.routes import build_prefixes, build_routes
from proxy.http.server import RouteTable
from proxy.models.policy import Policy
from proxy.net.tokens import Tokens
from proxy.net.watchdog import Watchdog
from proxy.providers.dummy import FlakyCounters
from proxy.services.feedback import FeedbackService
from proxy.services.feedback_target import TargetFinder
from proxy.services.infer import InferService
from proxy.services.lane import Closing, Lane, LaneSettings
from proxy.services.relay import RelayService
from proxy.store.inference_store import PostgresInferenceStore
from proxy.types.exchange import ConfigSnapshot
from proxy.types.ports import Limits, Recorder, Transport, WriterLag


@dataclass(frozen=True, slots=True)
class Bench:
    """What all generations of a worker share."""

    watchdog: Watchdog
    transport: Transport
    recorder: Recorder
    store: PostgresInferenceStore | None
    writer_lag: WriterLag
    condition: Condition
    closing: Closing
    flaky: FlakyCounters
    tokens: Tokens
    """Of clouds, kept through reloads."""
    folder: Path
    """Where uploads wait that are too large for memory."""
    started: int
    """Unix time at which the program started."""


@dataclass(frozen=True, slots=True)
class Generation:
    """One configuration, ready to serve."""

    loaded: LoadedConfig
    telemetry: Telemetry
    table: RouteTable
    max_request_bytes: int


def build_generation(bench: Bench, loaded: LoadedConfig, telemetry: Telemetry) -> Generation:
    """Everything that serves calls under this configuration.

    Raises:
        ConfigError: what only the live form can find out, such as a template that does not parse.
    """
    config = loaded.config
    builder = LiveBuilder(
        config, os.environ, telemetry.budget_of, bench.flaky, bench.store, bench.tokens
    )
    targets = builder.targets()
    policy = Policy(_limits(config), on_refused=telemetry.metrics.retry_refused)
    lane = Lane(
        targets=targets,
        policy=policy,
        transport=bench.transport,
        watchdog=bench.watchdog,
        recorder=bench.recorder,
        metrics=telemetry.metrics,
        settings=_settings(loaded),
        closing=bench.closing,
    )
    keys = Keys(config.zeroproxy.api_keys, config.zeroproxy.api_key_header)
    base_path = config.gateway.base_path.rstrip("/")
    limits = _upload_limits(config, bench.folder)
    relay = RelayHandler(RelayService(lane), keys, limits, base_path)
    models = ModelsHandler(targets, bench.started)
    renderer = telemetry.renderer()
    service = InferService(lane)
    routes = build_routes(
        relay,
        EnvelopeHandler(service, keys),
        models,
        InferenceHandler(service, keys),
        FeedbackHandler(_feedback(bench, loaded, telemetry)),
        Operations(bench.condition, loaded.snapshot.hash, renderer.pieces),
    )
    table = RouteTable(routes, build_prefixes(relay, models), keys, telemetry.metrics, base_path)
    return Generation(loaded, telemetry, table, config.zeroproxy.limits.max_request_bytes)


def snapshot_of(loaded: LoadedConfig) -> ConfigSnapshot:
    """The text that is journalled before anything is served under it."""
    snapshot = loaded.snapshot
    return ConfigSnapshot(snapshot.hash, snapshot.text, __version__, round(time.time() * 1000))


def _limits(config: Config) -> Limits:
    limits = config.zeroproxy.timeouts
    total = limits.total_ms or config.gateway.global_outbound_http_timeout_ms
    return Limits(
        connect=limits.connect_ms / 1000,
        first_token=seconds(limits.first_token_ms),
        idle=seconds(limits.idle_ms),
        total=min(total, config.gateway.global_outbound_http_timeout_ms) / 1000,
    )


def _settings(loaded: LoadedConfig) -> LaneSettings:
    own = loaded.config.zeroproxy
    return LaneSettings(
        config_hash=loaded.snapshot.hash,
        peek_limit=own.limits.max_peek_bytes,
        record_limit=own.recording.max_recorded_bytes,
        request_usage=own.request_usage,
        allowed_paths=tuple(own.allowed_paths),
    )


def _upload_limits(config: Config, folder: Path) -> UploadLimits:
    limits = config.zeroproxy.limits
    return UploadLimits(limits.upload_memory_bytes, limits.max_upload_bytes, folder)


def _feedback(bench: Bench, loaded: LoadedConfig, telemetry: Telemetry) -> FeedbackService | None:
    if bench.store is None or isinstance(bench.recorder, NoRecorder):
        return None
    gateway = loaded.config.gateway
    return FeedbackService(
        loaded.config.metrics,
        TargetFinder(bench.store, bench.writer_lag),
        build_demonstrations(loaded.config),
        bench.recorder,
        telemetry.metrics,
        loaded.snapshot.hash,
        validate_targets=not gateway.unstable_disable_feedback_target_validation,
    )
