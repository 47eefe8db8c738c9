"""What the main process holds for the whole host: Postgres, the shared numbers, the writer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from proxy import __version__
from proxy.app.decoders import Decoders
from proxy.app.demonstrations import CurrentDemonstrations, build_demonstrations
from proxy.app.recording import writer_cells
from proxy.app.spec import log_level
from proxy.app.telemetry import Telemetry, create_cells, open_telemetry
from proxy.config.loaded import LoadedConfig
from proxy.errors import DatabaseUnreachable, StoreUnavailable
from proxy.inference.recorded import RecordedOutputReader
from proxy.store.embedded import EmbeddedPostgres
from proxy.store.housekeeping import Housekeeping
from proxy.store.migrate import migrate
from proxy.store.pool import wait_for_database
from proxy.store.postgres_keeper import keep_running
from proxy.store.psql import psql_command
from proxy.store.retention import Retention
from proxy.store.state_dir import state_dir
from proxy.store.writer import Writer
from proxy.telemetry import families as f
from proxy.telemetry.catalogue import Catalogue
from proxy.telemetry.cells import Cell
from proxy.telemetry.logging import set_level
from proxy.telemetry.loop_lag import LoopLag
from proxy.telemetry.metrics import TOKEN_KINDS
from proxy.types.decoded import Decoded
from proxy.types.exchange import ModelCall

REACH_SECONDS = 10.0
"""How long a database that is being started is waited for."""

MAIN_SLOT = 0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Host:
    """What lives as long as the main process."""

    cells_path: Path
    journal_folder: Path | None
    dsn: str | None
    telemetry: Telemetry
    postgres: EmbeddedPostgres | None
    writer: Writer | None
    tasks: list[asyncio.Task[None]]
    lag: LoopLag
    config_hash: str
    """Of the configuration in force, as the metric shows it."""
    demonstrations: CurrentDemonstrations

    def worker_died(self, slot: int) -> None:
        """Add the dead worker's numbers to those of the departed."""
        catalogue = self.telemetry.catalogue
        self.telemetry.cells.retire(slot, catalogue.gauges(), catalogue.size)

    def worker_restarted(self) -> None:
        self.telemetry.metrics.cell(f.WORKER_RESTARTS).add(1)

    def workers_alive(self, count: int) -> None:
        self.telemetry.metrics.cell(f.WORKERS).set(count)

    def adopt(self, loaded: LoadedConfig, catalogue: Catalogue) -> None:
        """Count and log under another configuration."""
        before = self._config_info()
        self.telemetry = self.telemetry.under(loaded, catalogue)
        self.demonstrations.reader = build_demonstrations(loaded.config)
        before.set(0)
        self.config_hash = loaded.snapshot.hash.hex()[:12]
        self.config_taken(time.time())
        set_level(log_level(loaded.config))

    def config_taken(self, at: float) -> None:
        """A configuration is in force since `at` (Unix time)."""
        metrics = self.telemetry.metrics
        self._config_info().set(1)
        metrics.cell(f.RELOAD_OK).set(1)
        metrics.cell(f.RELOAD_TIME).set(at)

    def reloaded(self, result: str) -> None:
        """Count an attempt to reload: `applied`, `refused`, or `unchanged`."""
        metrics = self.telemetry.metrics
        metrics.cell(f.RELOADS, result).add(1)
        metrics.cell(f.RELOAD_OK).set(result != "refused")

    def _config_info(self) -> Cell:
        return self.telemetry.metrics.cell(f.CONFIG_INFO, self.config_hash)

    async def flush(self, seconds: float) -> None:
        """Give the last records the chance to reach Postgres; the journal keeps them anyway."""
        if self.writer is not None and not await self.writer.flush(seconds):
            log.warning("records are left in the journal; the next start will write them")

    async def close(self) -> None:
        self.lag.stop()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        if self.writer is not None:
            self.writer.close()
        if self.postgres is not None:
            await self.postgres.stop()
        shutil.rmtree(self.cells_path.parent, ignore_errors=True)


async def open_host(
    loaded: LoadedConfig,
    catalogue: Catalogue,
    workers: int,
    database: bool,
    environ: Mapping[str, str],
) -> Host:
    """Start what the workers need.

    Raises:
        StartupError: Postgres cannot be started or reached, or the journal is another's.
    """
    state = state_dir(environ)
    postgres: EmbeddedPostgres | None = None
    dsn: str | None = None
    try:
        if database and _records(loaded):
            dsn = database_url(environ)
            if dsn is None:
                postgres = EmbeddedPostgres(state / "postgres")
                log.info("starting the embedded Postgres in %s", state / "postgres")
                dsn = await postgres.start()
            await prepare_database(dsn)
        return await _assemble(loaded, catalogue, workers, state, dsn, postgres)
    except BaseException:
        if postgres is not None:
            await postgres.stop()
        raise


async def _assemble(
    loaded: LoadedConfig,
    catalogue: Catalogue,
    workers: int,
    state: Path,
    dsn: str | None,
    postgres: EmbeddedPostgres | None,
) -> Host:
    cells_path = _run_folder(state) / "cells"
    create_cells(cells_path, catalogue, workers)
    telemetry = open_telemetry(cells_path, loaded, MAIN_SLOT, catalogue)
    metrics = telemetry.metrics
    metrics.cell(f.BUILD_INFO, __version__).set(1)
    lag = LoopLag(metrics.histogram(f.LOOP_LAG, "main").observe)
    lag.start()
    config_hash = loaded.snapshot.hash.hex()[:12]
    demonstrations = CurrentDemonstrations(build_demonstrations(loaded.config))
    host = Host(
        cells_path, None, dsn, telemetry, postgres, None, [], lag, config_hash, demonstrations
    )
    host.config_taken(time.time())
    if postgres is not None:
        host.tasks.append(asyncio.create_task(keep_running(postgres), name="embedded Postgres"))
    if dsn is not None:
        _start_writing(host, loaded, state, dsn)
    return host


def _start_writing(host: Host, loaded: LoadedConfig, state: Path, dsn: str) -> None:
    metrics = host.telemetry.metrics
    settings = loaded.config.zeroproxy.recording
    metrics.cell(f.JOURNAL_LIMIT).set(settings.max_journal_bytes)
    retention = Retention(
        loaded.config.postgres.inference_metadata_retention_days,
        loaded.config.postgres.inference_data_retention_days,
    )
    host.journal_folder = state / "journal"
    host.writer = Writer(
        host.journal_folder,
        dsn,
        Decoders(),
        writer_cells(metrics),
        quarantine=state / "quarantine",
        batch_rows=settings.batch_rows,
        flush_interval=settings.flush_interval_ms / 1000,
        retention_days=retention.data_days,
        shed=_shed_by(host.telemetry),
        on_batch=metrics.histogram(f.WRITER_BATCH).observe,
        on_call=TokenCounter(host).add,
        demonstrations=host.demonstrations,
        reader=RecordedOutputReader(),
    )
    keeping = Housekeeping(dsn, retention, metrics.cell(f.DEFAULT_ROWS).set)
    host.tasks += [
        asyncio.create_task(host.writer.run(), name="writer"),
        asyncio.create_task(keeping.run(), name="housekeeping"),
    ]


def _shed_by(telemetry: Telemetry) -> Callable[[], float]:
    column = telemetry.catalogue.column(f.EXCHANGES["shed"])
    return lambda: telemetry.cells.total(column)


class TokenCounter:
    """Counts the tokens of model calls: adds them up, and tells the metrics once for many."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._sums: dict[tuple[str, str], list[int]] = {}

    def add(self, call: ModelCall, decoded: Decoded) -> None:
        key = call.model_name, call.provider_name
        sums = self._sums.get(key)
        if sums is None:
            if not self._sums:
                asyncio.get_running_loop().call_soon(self._tell)
            sums = self._sums[key] = [0] * len(TOKEN_KINDS)
        sums[0] += decoded.input_tokens or 0
        sums[1] += decoded.output_tokens or 0
        if decoded.cache_read:
            sums[2] += decoded.cache_read
        if decoded.cache_write:
            sums[3] += decoded.cache_write
        if decoded.reasoning:
            sums[4] += decoded.reasoning

    def _tell(self) -> None:
        sums, self._sums = self._sums, {}
        for (model_name, provider_name), counts in sums.items():
            self._host.telemetry.metrics.tokens(
                model_name, provider_name, list(zip(TOKEN_KINDS, counts, strict=True))
            )


def _records(loaded: LoadedConfig) -> bool:
    wanted = loaded.config.gateway.observability.enabled
    return loaded.config.zeroproxy.recording.enabled and wanted is not False


def _run_folder(state: Path) -> Path:
    """A folder of this process; those of the dead are removed."""
    run = state / "run"
    run.mkdir(parents=True, exist_ok=True, mode=0o700)
    for old in run.iterdir():
        if not (old.name.isdigit() and _alive(int(old.name))):
            shutil.rmtree(old, ignore_errors=True)
    folder = run / str(os.getpid())
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder


def _alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        with contextlib.suppress(PermissionError):
            os.kill(pid, 0)
        return True
    return False


def database_url(environ: Mapping[str, str]) -> str | None:
    """The operator's own database, if there is one."""
    return environ.get("DATABASE_URL") or environ.get("TENSORZERO_POSTGRES_URL") or None


async def prepare_database(dsn: str) -> list[str]:
    """Reach the database and bring its schema up to date; the names of the migrations applied.

    Raises:
        StartupError: it does not answer, or refuses.
    """
    await wait_for_database(dsn, REACH_SECONDS)
    try:
        applied = await migrate(dsn)
    except StoreUnavailable as error:
        raise DatabaseUnreachable(f"the database went away while migrating: {error}") from error
    if applied:
        log.info("migrated: %s", ", ".join(applied))
    return applied


async def migrate_database(environ: Mapping[str, str]) -> list[str]:
    """`zeroproxy migrate`: the operator's database, or the embedded one.

    Raises:
        StartupError: as `prepare_database`.
    """
    dsn = database_url(environ)
    if dsn is not None:
        return await prepare_database(dsn)
    postgres = EmbeddedPostgres(state_dir(environ) / "postgres")
    dsn = await postgres.start()
    try:
        return await prepare_database(dsn)
    finally:
        await postgres.stop()


def psql_of(environ: Mapping[str, str]) -> list[str]:
    """`zeroproxy psql`: the command that opens a prompt on the embedded Postgres.

    Raises:
        StartupError: none runs.
    """
    return psql_command(state_dir(environ) / "postgres")
