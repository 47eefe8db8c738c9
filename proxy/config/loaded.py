"""What loading leaves: values that need nothing of what reads and checks them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path as FilePath

from proxy.config.schema import Config, Unbuilt
from proxy.config.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """`config` are the values, `snapshot` their text and hash for the record. `files` are the
    configuration files and the texts they name (what a reload must watch); `warnings` are
    sentences for the log."""

    config: Config
    snapshot: Snapshot
    files: tuple[FilePath, ...]
    warnings: tuple[str, ...]
    unbuilt: tuple[Unbuilt, ...] = ()
    """What is valid and not built yet; the warnings speak of it, too."""
