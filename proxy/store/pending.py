"""Feedback whose target is not stored yet: it may still be in a journal, perhaps another replica's.

Kept in a small file, so that a restart does not forget it. The time that counts towards the grace
is time in which Postgres could be asked, and in which this host's own journals were written as far
as the feedback itself.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from uuid import UUID

import msgspec

from proxy.store.group_commit import sync_folder
from proxy.types.exchange import Feedback
from proxy.types.ids import id_millis

FILE_NAME = "pending.feedback"
MOST = 10_000
MOST_BYTES = 64 * 2**20
"""Of texts and tags, which have any length; all that waits is written anew at each change."""

log = logging.getLogger(__name__)


class Waiting(msgspec.Struct, array_like=True):
    """One feedback, and for how many seconds its target has been asked for."""

    feedback: Feedback
    seconds: float = 0.0


class PendingFeedback:
    """All that wait. `save` after a change, before their frames are settled."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._entries = {entry.feedback.id: entry for entry in self._load()}
        self._bytes = sum(map(_size, self._entries.values()))
        self._changed = False

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def is_full(self) -> bool:
        return len(self._entries) > MOST or self._bytes > MOST_BYTES

    def add(self, feedback: Feedback) -> None:
        """Let it wait; a repeat of one that waits already is ignored."""
        if feedback.id not in self._entries:
            entry = self._entries[feedback.id] = Waiting(feedback)
            self._bytes += _size(entry)
            self._changed = True

    def remove(self, entry: Waiting) -> None:
        del self._entries[entry.feedback.id]
        self._bytes -= _size(entry)
        self._changed = True

    def add_seconds(self, seconds: float, before: float) -> None:
        """So much longer has everybody waited who came before this Unix time."""
        for entry in self._entries.values():
            if id_millis(UUID(bytes=entry.feedback.id)) < before * 1000:
                entry.seconds += seconds

    def next(self) -> Waiting:
        """The one whose turn it is; it then stands at the end of the queue, which is not empty."""
        entry = self._entries.pop(next(iter(self._entries)))
        self._entries[entry.feedback.id] = entry
        return entry

    def save(self) -> None:
        """Write the file anew, whole or not at all. Raises OSError when the disk refuses."""
        if not self._changed:
            return
        if self._entries:
            self._write(msgspec.msgpack.encode(list(self._entries.values())))
        else:
            self._path.unlink(missing_ok=True)
        self._changed = False

    def _write(self, data: bytes) -> None:
        temporary = self._path.with_suffix(".new")
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)
        sync_folder(self._path.parent)

    def _load(self) -> list[Waiting]:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return []
        try:
            return msgspec.msgpack.decode(data, type=list[Waiting])
        except msgspec.DecodeError as error:
            kept = self._path.with_suffix(".damaged")
            self._path.replace(kept)
            log.error("the file of pending feedback is damaged (%s); kept as %s", error, kept)
            return []


def _size(entry: Waiting) -> int:
    return len(entry.feedback.text) + len(entry.feedback.tags)
