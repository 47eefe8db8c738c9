"""A worker's live objects: those of its whole life, and the generation that it serves."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from proxy.app.condition import WorkerCondition
from proxy.app.generation import Bench, Generation, build_generation, snapshot_of
from proxy.app.recording import build_recorder
from proxy.app.spec import WorkerSpec, log_level
from proxy.app.telemetry import Telemetry, open_telemetry
from proxy.config.loaded import LoadedConfig
from proxy.http.server import Dispatcher
from proxy.net.tokens import Tokens
from proxy.net.transports import Transports
from proxy.net.watchdog import Watchdog
from proxy.providers.dummy import FlakyCounters
from proxy.services.lane import Closing
from proxy.store.inference_store import PostgresInferenceStore
from proxy.store.journal import Journal
from proxy.telemetry import families as f
from proxy.telemetry.catalogue import Catalogue
from proxy.telemetry.logging import set_level
from proxy.telemetry.loop_lag import LoopLag
from proxy.types.ports import WriterLag

QUIET_POLL_S = 0.05


@dataclass(slots=True)
class Worker:
    """What a worker holds on to until its end."""

    dispatcher: Dispatcher
    condition: WorkerCondition
    bench: Bench
    generation: Generation
    journal: Journal | None
    transport: Transports
    lag: LoopLag

    async def prepare(self, loaded: LoadedConfig, catalogue: Catalogue) -> Generation:
        """Build what would serve this configuration, beside what serves now.

        Raises:
            ConfigError: it cannot be built.
            RecordingError: its text cannot be made safe.
        """
        telemetry = self.generation.telemetry.under(loaded, catalogue)
        made = await asyncio.to_thread(build_generation, self.bench, loaded, telemetry)
        await self.bench.recorder.config(snapshot_of(loaded))
        return made

    def adopt(self, generation: Generation) -> None:
        """Serve calls from now on with this; those under way end as they began."""
        self.generation = generation
        self.dispatcher.adopt(generation.table)
        set_level(log_level(generation.loaded.config))

    async def idle(self, seconds: float) -> None:
        """Return when no request is under way, or when the time is over."""
        deadline = time.monotonic() + seconds
        while self.dispatcher.active and time.monotonic() < deadline:
            await asyncio.sleep(QUIET_POLL_S)
        self.bench.closing.begun = True

    async def close(self) -> None:
        self.lag.stop()
        await self.transport.close()
        if self.bench.store is not None:
            await self.bench.store.close()
        if self.journal is not None:
            await self.journal.close()


async def build_worker(spec: WorkerSpec) -> Worker:
    """Everything a worker serves with. The configuration's text is journalled first."""
    telemetry = open_telemetry(spec.cells_path, spec.loaded, spec.slot, spec.catalogue)
    metrics = telemetry.metrics
    recorder, journal = build_recorder(spec, telemetry)
    await recorder.config(snapshot_of(spec.loaded))
    watchdog = Watchdog()
    transport = Transports(watchdog, metrics.cell(f.RECEIVED_BYTES).add)
    condition = WorkerCondition(
        recorder, _postgres_up(spec, telemetry), _reporter(telemetry), spec.config_report
    )
    bench = Bench(
        watchdog=watchdog,
        transport=transport,
        recorder=recorder,
        store=None if spec.dsn is None else PostgresInferenceStore(spec.dsn),
        writer_lag=_writer_lag(telemetry),
        condition=condition,
        closing=Closing(),
        flaky=FlakyCounters(),
        tokens=Tokens(),
        folder=spec.cells_path.parent,
        started=spec.started,
    )
    generation = build_generation(bench, spec.loaded, telemetry)
    lag = LoopLag(metrics.histogram(f.LOOP_LAG, "worker").observe)
    lag.start()
    dispatcher = Dispatcher(generation.table)
    return Worker(dispatcher, condition, bench, generation, journal, transport, lag)


def _postgres_up(spec: WorkerSpec, telemetry: Telemetry) -> Any:
    if spec.dsn is None:
        return lambda: True
    shared = telemetry.metrics.shared(f.POSTGRES_UP)
    return lambda: sum(shared.values()) > 0


def _writer_lag(telemetry: Telemetry) -> WriterLag:
    """How far the host's writer has come, from the numbers that it shares."""
    shared = telemetry.metrics.shared(f.WRITTEN_UNTIL)
    return lambda: time.time() - sum(shared.values())


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
