"""What the main process tells a worker, and what they say to each other while it lives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from proxy.config.loaded import LoadedConfig
from proxy.config.schema import Config
from proxy.telemetry.catalogue import Catalogue

GC_THRESHOLD = 20_000
"""Few objects of a call outlive it, so cycles are looked for less often than is usual."""


def log_level(config: Config) -> str:
    """From which level on there is a log; a reload may change it."""
    return "debug" if config.gateway.debug else config.zeroproxy.logging.level


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """One worker's part. Picklable: it goes to the worker over its line."""

    slot: int
    """1…N; 0 is the main process."""
    workers: int
    """How many there are."""
    host: str
    port: int
    loaded: LoadedConfig
    catalogue: Catalogue
    cells_path: Path
    journal_folder: Path | None
    """None: nothing is recorded."""
    dsn: str | None
    started: int
    """Unix time at which the program started."""
    log_format: str
    config_report: Mapping[str, Any] = field(default_factory=dict)
    """What `/status` says of the configuration."""


# Worker to main.


@dataclass(frozen=True, slots=True)
class Ready:
    """It serves."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What `Prepare` of that number asked for is done, or why it cannot be."""

    number: int
    problem: str = ""


# Main to worker.


@dataclass(frozen=True, slots=True)
class Drain:
    """Be not ready, let calls end, leave."""


@dataclass(frozen=True, slots=True)
class Prepare:
    """Build this configuration, and answer; the one in force serves on."""

    number: int
    loaded: LoadedConfig
    catalogue: Catalogue
    at_once: bool = False
    """All others have taken it: take it without further word, or end and be started anew."""


@dataclass(frozen=True, slots=True)
class Decide:
    """Take what was prepared under that number, or forget it."""

    number: int
    take: bool


@dataclass(frozen=True, slots=True)
class Report:
    """What `/status` is to say of the configuration."""

    report: Mapping[str, Any]


Word = Ready | Prepared | Drain | Prepare | Decide | Report
