"""The main process: it starts what is needed, watches the workers, writes, and ends it all."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from proxy.app.firsts import FirstWorker, fork_first_workers
from proxy.app.fleet import Fleet
from proxy.app.host import Host, open_host
from proxy.app.reload import Reloader
from proxy.app.sockets import claim_port
from proxy.app.spec import GC_THRESHOLD, WorkerSpec
from proxy.app.telemetry import plan_catalogue
from proxy.config.loaded import LoadedConfig
from proxy.config.schema import FunctionConfig, JsonFunction
from proxy.config.schema.variants import Prompted
from proxy.inference.engine import load_engine
from proxy.telemetry.catalogue import Catalogue

FLUSH_SECONDS = 10.0
"""How long the last records may take to reach Postgres; they are in the journal anyway."""

CLOSING_SECONDS = 5.0
"""What a worker may take to close after its drain, before it is killed."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Groundwork:
    """What is done before there is an event loop. Then the workers are forked: what was touched
    before stands in memory once, and what is touched later, once for each process."""

    loaded: LoadedConfig
    catalogue: Catalogue
    workers: Sequence[FirstWorker]


def lay_ground(loaded: LoadedConfig, workers: int) -> Groundwork:
    """To be called without any thread beside."""
    if loaded.config.tools or any(map(_has_schemas, loaded.config.functions.values())):
        import jsonschema_rs  # noqa: F401  Workers are to share it.
    if any(map(_has_templates, loaded.config.functions.values())):
        load_engine()
    return Groundwork(loaded, plan_catalogue(loaded), fork_first_workers(workers))


def _has_schemas(function: FunctionConfig) -> bool:
    output = isinstance(function, JsonFunction) and function.output_schema is not None
    return output or bool(function.input_schemas)


def _has_templates(function: FunctionConfig) -> bool:
    prompted = (each for each in function.variants.values() if isinstance(each, Prompted))
    return any(each.role_templates or each.named_templates for each in prompted)


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What the command line says."""

    host: str
    port: int
    workers: int
    database: bool
    log_format: str


class Supervisor:
    """One run of the program, on the files that `pattern` names. `on_ready(port)` is called when
    every worker serves."""

    def __init__(
        self,
        pattern: str,
        ground: Groundwork,
        options: ServeOptions,
        environ: Mapping[str, str],
        on_ready: Callable[[int], None],
    ) -> None:
        self._ground = ground
        self._reloader = Reloader(pattern, ground.loaded, environ)
        self._options = options
        self._environ = environ
        self._on_ready = on_ready
        self._stopping = asyncio.Event()

    async def run(self) -> int:
        """Serve until a signal says otherwise; the exit code.

        Raises:
            StartupError: the port is taken, the database unreachable, …
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)
        loop.add_signal_handler(signal.SIGHUP, self._hung_up, _has_terminal())
        with contextlib.closing(claim_port(self._options.host, self._options.port)) as claimed:
            host = await self._or_stopped(
                open_host(
                    self._ground.loaded,
                    self._ground.catalogue,
                    self._options.workers,
                    self._options.database,
                    self._environ,
                )
            )
            if host is None:
                return 0
            try:
                return await self._serve(host, claimed)
            finally:
                await host.close()

    async def _or_stopped(self, starting: Awaitable[Host]) -> Host | None:
        """The host, unless a signal comes first; what was begun is then ended in order."""
        task = asyncio.ensure_future(starting)
        stopped = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        host = await task
        if self._stopping.is_set():
            await host.close()
            return None
        return host

    async def _serve(self, host: Host, claimed: socket.socket) -> int:
        port = int(claimed.getsockname()[1])
        specs = [self._spec(slot, host, port) for slot in range(1, self._options.workers + 1)]
        fleet = Fleet(
            specs,
            on_death=host.worker_died,
            on_restart=host.worker_restarted,
            on_count=host.workers_alive,
            firsts=self._ground.workers,
        )
        fleet.start()
        try:
            if await fleet.wait_ready(self._stopping):
                log.info("serving on %s port %d", self._options.host, port)
                self._on_ready(port)
                host.tasks.append(asyncio.create_task(self._reloader.run(host, fleet)))
            await self._stopping.wait()
        finally:
            drain = self._reloader.current.config.zeroproxy.drain
            await fleet.stop(drain.delay_s + drain.timeout_s + CLOSING_SECONDS)
        await host.flush(FLUSH_SECONDS)
        log.info("stopped")
        return 0

    def _spec(self, slot: int, host: Host, port: int) -> WorkerSpec:
        return WorkerSpec(
            slot=slot,
            workers=self._options.workers,
            host=self._options.host,
            port=port,
            loaded=self._ground.loaded,
            catalogue=host.telemetry.catalogue,
            cells_path=host.cells_path,
            journal_folder=host.journal_folder,
            dsn=host.dsn,
            started=int(time.time()),
            log_format=self._options.log_format,
            config_report=self._reloader.report(),
        )

    def _hung_up(self, had_terminal: bool) -> None:
        """Reload; but when our terminal was closed, nobody is there to serve for."""
        if had_terminal and not _has_terminal():
            self._signalled()
        else:
            self._reloader.request()

    def _signalled(self) -> None:
        if self._stopping.is_set():
            log.warning("second signal: leaving at once")
            os._exit(130)
        log.info("stopping: no longer ready, letting calls end")
        self._stopping.set()


def _has_terminal() -> bool:
    """Whether this process has a controlling terminal."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def run_main(work: Coroutine[Any, Any, int]) -> int:
    """Run the main process's work; the exit code."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(GC_THRESHOLD, 20, 20)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def default_workers() -> int:
    """One worker for each core that this process may use, also in a container."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quota = _cgroup_cores(Path("/sys/fs/cgroup/cpu.max"))
    return max(1, min(cores or 1, quota or cores or 1))


def _cgroup_cores(path: Path) -> int | None:
    """Whole cores of the container's CPU quota (cgroup v2), if there is one."""
    try:
        quota, period = path.read_text().split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else max(1, round(int(quota) / int(period)))
