"""From a worker's spec to its live objects; the one place that knows them all."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from typing import Any

from proxy import __version__
from proxy.app.condition import WorkerCondition
from proxy.app.live import LiveBuilder
from proxy.app.recording import NoRecorder, build_recorder
from proxy.app.spec import WorkerSpec
from proxy.app.telemetry import Telemetry, open_telemetry
from proxy.config.schema import Config
from proxy.http.auth import Keys
from proxy.http.native.feedback import FeedbackHandler
from proxy.http.openai.envelope import EnvelopeHandler
from proxy.http.openai.models import ModelsHandler
from proxy.http.openai.relay import RelayHandler
from proxy.http.openai.uploads import UploadLimits
from proxy.http.operations import Operations
from proxy.http.routes import build_prefixes, build_routes
from proxy.http.server import Dispatcher
from proxy.models.policy import Policy
from proxy.net.aiohttp_transport import AiohttpTransport
from proxy.net.watchdog import Watchdog
from proxy.services.feedback import FeedbackService
from proxy.services.infer import InferService
from proxy.services.relay import RelayService
from proxy.services.relay_call import RelaySettings
from proxy.store.inference_store import PostgresInferenceStore
from proxy.store.journal import Journal
from proxy.telemetry import families as f
from proxy.telemetry.loop_lag import LoopLag
from proxy.types.exchange import ConfigSnapshot
from proxy.types.ports import Limits, Recorder

QUIET_POLL_S = 0.05


@dataclass(slots=True)
class Built:
    """What a worker holds on to until its end."""

    dispatcher: Dispatcher
    condition: WorkerCondition
    telemetry: Telemetry
    relay: RelayService
    journal: Journal | None
    transport: AiohttpTransport
    store: PostgresInferenceStore | None
    lag: LoopLag

    async def idle(self, seconds: float) -> None:
        """Return when no request is under way, or when the time is over."""
        deadline = time.monotonic() + seconds
        while self.dispatcher.active and time.monotonic() < deadline:
            await asyncio.sleep(QUIET_POLL_S)
        self.relay.closing = True

    async def close(self) -> None:
        self.lag.stop()
        await self.transport.close()
        if self.store is not None:
            await self.store.close()
        if self.journal is not None:
            await self.journal.close()


async def build_worker(spec: WorkerSpec) -> Built:
    """Everything a worker serves with. The configuration's text is journalled first."""
    config = spec.loaded.config
    telemetry = open_telemetry(spec.cells_path, spec.loaded, spec.slot)
    metrics = telemetry.metrics
    recorder, journal = build_recorder(spec, telemetry)
    await recorder.config(_snapshot(spec))
    watchdog = Watchdog()
    transport = AiohttpTransport(watchdog, metrics.cell(f.RECEIVED_BYTES).add)
    targets = LiveBuilder(config, os.environ, telemetry.budget_of).targets()
    policy = Policy(_limits(config), on_refused=metrics.retry_refused)
    relay = RelayService(
        targets, policy, transport, watchdog, recorder, metrics, _relay_settings(spec)
    )
    store = None if spec.dsn is None else PostgresInferenceStore(spec.dsn)
    condition = WorkerCondition(recorder, _postgres_up(spec, telemetry), _reporter(telemetry))
    keys = Keys(config.zeroproxy.api_keys, config.zeroproxy.api_key_header)
    models = ModelsHandler(targets, spec.started)
    operations = Operations(condition, spec.loaded.snapshot.hash, telemetry.renderer().render)
    feedback = FeedbackHandler(_feedback(spec, store, recorder, telemetry))
    handler = RelayHandler(relay, keys, _upload_limits(spec))
    infer = InferService(
        targets, policy, transport, watchdog, recorder, metrics, _relay_settings(spec)
    )
    envelope = EnvelopeHandler(infer, keys)
    routes = build_routes(handler, envelope, models, feedback, operations)
    base = config.gateway.base_path.rstrip("/")
    dispatcher = Dispatcher(routes, build_prefixes(handler, models), keys, metrics, base)
    lag = LoopLag(metrics.histogram(f.LOOP_LAG, "worker").observe)
    lag.start()
    return Built(dispatcher, condition, telemetry, relay, journal, transport, store, lag)


def _snapshot(spec: WorkerSpec) -> ConfigSnapshot:
    snapshot = spec.loaded.snapshot
    return ConfigSnapshot(snapshot.hash, snapshot.text, __version__, round(time.time() * 1000))


def _limits(config: Config) -> Limits:
    limits = config.zeroproxy.timeouts
    total = limits.total_ms or config.gateway.global_outbound_http_timeout_ms
    return Limits(
        connect=limits.connect_ms / 1000,
        first_token=_seconds(limits.first_token_ms),
        idle=_seconds(limits.idle_ms),
        total=min(total, config.gateway.global_outbound_http_timeout_ms) / 1000,
    )


def _seconds(millis: int | None) -> float | None:
    return None if millis is None else millis / 1000


def _relay_settings(spec: WorkerSpec) -> RelaySettings:
    ours = spec.loaded.config.zeroproxy
    return RelaySettings(
        config_hash=spec.loaded.snapshot.hash,
        peek_limit=ours.limits.max_peek_bytes,
        record_limit=ours.recording.max_recorded_bytes,
        request_usage=ours.request_usage,
        allowed_paths=tuple(ours.allowed_paths),
    )


def _upload_limits(spec: WorkerSpec) -> UploadLimits:
    limits = spec.loaded.config.zeroproxy.limits
    return UploadLimits(
        memory=limits.upload_memory_bytes,
        most=limits.max_upload_bytes,
        folder=spec.cells_path.parent,
    )


def _feedback(
    spec: WorkerSpec,
    store: PostgresInferenceStore | None,
    recorder: Recorder,
    telemetry: Telemetry,
) -> FeedbackService | None:
    if store is None or isinstance(recorder, NoRecorder):
        return None
    gateway = spec.loaded.config.gateway
    return FeedbackService(
        spec.loaded.config.metrics,
        store,
        recorder,
        telemetry.metrics,
        spec.loaded.snapshot.hash,
        validate_targets=not gateway.unstable_disable_feedback_target_validation,
    )


def _postgres_up(spec: WorkerSpec, telemetry: Telemetry) -> Any:
    if spec.dsn is None:
        return lambda: True
    shared = telemetry.metrics.shared(f.POSTGRES_UP)
    return lambda: sum(shared.values()) > 0


def _reporter(telemetry: Telemetry) -> Any:
    """Numbers of the whole host for `/status`."""
    metrics = telemetry.metrics
    shown = {name: metrics.shared(family) for name, family in _REPORTED.items()}

    def report() -> dict[str, Any]:
        return {name: round(sum(cell.values()), 3) for name, cell in shown.items()}

    return report


_REPORTED = {
    "workers": f.WORKERS,
    "postgres_up": f.POSTGRES_UP,
    "exchanges_journalled": f.JOURNALLED,
    "oldest_unwritten_seconds": f.OLDEST_UNWRITTEN,
    "journal_bytes": f.JOURNAL_BYTES,
    "journal_limit_bytes": f.JOURNAL_LIMIT,
    "default_partition_rows": f.DEFAULT_ROWS,
}
