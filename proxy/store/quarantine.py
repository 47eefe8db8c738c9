"""Where records go that cannot be stored, with the reason: kept for a human, never thrown away.

`<folder>/<date>/<name>.bin` has the exact bytes; `<name>.json` says what they are and why they are
here, without any of their content.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import orjson

from proxy.errors import JournalFailed

log = logging.getLogger(__name__)


def _today() -> str:
    return datetime.now(tz=UTC).date().isoformat()


class Quarantine:
    """Writes into `folder`. Writing the same name again on the same day is harmless."""

    def __init__(self, folder: Path, today: Callable[[], str] = _today) -> None:
        self._folder = folder
        self._today = today

    def keep(self, name: str, data: bytes, *, kind: str, reason: str) -> Path:
        """Put `data` aside; returns the path of the note.

        Raises:
            JournalFailed: the disk refused it, so the record has to stay in the journal.
        """
        folder = self._folder / self._today()
        note = folder / f"{name}.json"
        about = {
            "name": name,
            "kind": kind,
            "reason": reason,
            "bytes": len(data),
            "content": f"{name}.bin",
            "quarantined_at": datetime.now(tz=UTC).isoformat(),
        }
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write(folder / f"{name}.bin", data)
            _write(note, orjson.dumps(about, option=orjson.OPT_INDENT_2))
        except OSError as error:
            raise JournalFailed(f"the quarantine could not be written: {error}") from error
        log.error("quarantined a record (%s): %s: %s", kind, reason, note)
        return note


def _write(path: Path, data: bytes) -> None:
    """Write and sync: the journal forgets the record after this."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
