"""Where a worker begins: a module without a worker's imports, so that the main process is small."""

from __future__ import annotations

from multiprocessing.connection import Connection

from proxy.app.spec import WorkerSpec


def run(spec: WorkerSpec, control: Connection) -> None:
    """Called in a fresh process that the fork server made."""
    from proxy.app.worker import run_worker

    run_worker(spec, control)
