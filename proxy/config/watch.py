"""Whether the files of a configuration have changed: their content counts, not their times.

A ConfigMap of Kubernetes is swapped by renaming a link, an editor replaces a file, a deployment
writes in place: all are seen by reading what the names lead to now. A file is not read again as
long as its state on disk is that of the last look, and was old enough then to tell of every later
change.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from proxy.config.files import find_files
from proxy.config.schema import Config
from proxy.config.schema.credentials import (
    CredentialLocation,
    PathFromEnvLocation,
    PathLocation,
    leaves,
)

Stamp = tuple[int, int, int, int, int]

GRAIN_S = 2.0
"""Two changes nearer than this may leave a file with the same times."""


class ConfigWatch:
    """Looks at the files of one pattern, and at `more` that they name. Not for several threads."""

    def __init__(self, pattern: str, more: Sequence[Path]) -> None:
        self._pattern = pattern
        self.more = more
        self._stamps: dict[Path, Stamp | None] = {}
        self._digests: dict[Path, bytes] = {}

    def digest(self) -> bytes:
        """Of the names and contents of all files, as they are now."""
        total = hashlib.sha256()
        for path in dict.fromkeys([*self._found(), *self.more]):
            total.update(os.fsencode(path) + b"\0" + self._content(path))
        return total.digest()

    def _found(self) -> list[Path]:
        """None where a folder cannot be read: that is told when it is loaded."""
        try:
            return find_files(self._pattern)[0]
        except OSError:
            return []

    def _content(self, path: Path) -> bytes:
        stamp = _stamp(path)
        if stamp is None or self._stamps.get(path) != stamp:
            self._digests[path] = _digest(path)
            self._stamps[path] = stamp if _is_old(stamp) else None
        return self._digests[path]


def _stamp(path: Path) -> Stamp | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns


def _is_old(stamp: Stamp | None) -> bool:
    return stamp is not None and time.time_ns() - max(stamp[-2:]) > GRAIN_S * 1e9


def _digest(path: Path) -> bytes:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError:
        return b"-"


def credential_files(config: Config, environ: Mapping[str, str]) -> list[Path]:
    """The files in which keys of the configuration are."""
    found = [_file_of(leaf, environ) for each in _locations(config) for leaf in leaves(each)]
    return [Path(path) for path in dict.fromkeys(found) if path]


def _locations(config: Config) -> Iterable[CredentialLocation]:
    providers = [
        *(each for model in config.models.values() for each in model.providers.values()),
        *(each for model in config.embedding_models.values() for each in model.providers.values()),
    ]
    for provider in providers:
        yield from getattr(provider, "locations", (provider.api_key_location,))
    if config.zeroproxy.default_provider is not None:
        yield config.zeroproxy.default_provider.api_key_location


def _file_of(location: CredentialLocation, environ: Mapping[str, str]) -> str:
    if isinstance(location, PathLocation):
        return location.path
    if isinstance(location, PathFromEnvLocation):
        return environ.get(location.variable, "")
    return ""
