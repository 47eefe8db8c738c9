"""What the main process tells a worker, and what they say to each other while it lives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from proxy.config.load import LoadedConfig

GC_THRESHOLD = 20_000
"""Few objects of a call outlive it, so cycles are looked for less often than is usual."""

READY = b"ready"
"""Worker to main: it serves."""
DRAIN = b"drain"
"""Main to worker: be not ready, let calls end, leave."""


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """One worker's part. Picklable: it goes to the worker through the fork server."""

    slot: int
    """1…N; 0 is the main process."""
    workers: int
    """How many there are."""
    host: str
    port: int
    loaded: LoadedConfig
    cells_path: Path
    journal_folder: Path | None
    """None: nothing is recorded."""
    dsn: str | None
    started: int
    """Unix time at which the program started."""
    log_format: str
    log_level: str
