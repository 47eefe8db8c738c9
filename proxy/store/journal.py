"""The worker's side of the journal: append, nothing else.

A worker writes to a file of its own, which it holds locked (flock) for as long as it may append;
when the lock can be had, the owner is gone and the file is complete. The page cache outlives the
process: after `write` has returned, no `kill -9` takes the record away. `disk` adds syncs, shared
by all appends of a moment, for the loss of power.

flock belongs to the open file, which forked children share: open a journal after the fork.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from proxy.errors import JournalFailed
from proxy.store.clean import without_surrogates
from proxy.store.frames import HEADER_BYTES, file_salt, pack_header
from proxy.store.group_commit import GroupCommit, Work, sync_data, sync_folder
from proxy.types.exchange import RecordKind
from proxy.types.ids import new_id

SEGMENT_BYTES = 16 * 2**20
LEAST_SEGMENT_BYTES = 64 * 2**10
SUFFIX = ".journal"
OPENING_SUFFIX = ".opening"
"""A file that is not locked yet; it gets its name when it is."""

Durability = Literal["process", "disk"]

log = logging.getLogger(__name__)


def segment_size(max_journal_bytes: int, workers: int) -> int:
    """So much to a file that the files in use take a quarter of the bound, together."""
    return max(LEAST_SEGMENT_BYTES, min(SEGMENT_BYTES, max_journal_bytes // (4 * workers)))


class Journal:
    """Appends records to files in `folder`; begins a new one at `segment_bytes`.

    Not for use by several threads. Files are made when there is something to append.
    """

    def __init__(
        self,
        folder: Path,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        durability: Durability = "process",
        now: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._now = now
        self._encoder = msgspec.msgpack.Encoder()
        self._descriptor: int | None = None
        self._size = self._number = self._exchanges = self._salt = 0
        self._retired: list[int] = []
        self._folder_changed = False
        self._commit = GroupCommit(self._collect) if durability == "disk" else None
        self.syncs = durability == "disk"
        """Whether `safe` has to be awaited after an append."""
        self.appended_bytes = 0
        """Since the start, by this object."""

    def append(self, kind: int, record: msgspec.Struct) -> None:
        """Append one record; it outlives this process when this returns.

        Raises:
            JournalFailed: it could not be written; nothing of it remains in the file.
        """
        try:
            payload = self._encoder.encode(record)
        except Exception as error:
            payload = self._encode_again(record, error)
        descriptor = self._descriptor
        try:
            if descriptor is None:
                descriptor = self._open()
            number = self._number + 1
            exchanges = self._exchanges + (kind == RecordKind.EXCHANGE)
            header = pack_header(
                self._salt, kind, payload, number, exchanges, int(self._now() * 1000)
            )
            total = HEADER_BYTES + len(payload)
            if (written := os.writev(descriptor, (header, payload))) < total:
                _write_rest(descriptor, header + payload, written)
        except OSError as error:
            if descriptor is not None:
                self._undo(descriptor)
            raise JournalFailed(f"the journal could not be written: {error}") from error
        self._number, self._exchanges = number, exchanges
        self.appended_bytes += total
        self._size = size = self._size + total
        if size >= self._segment_bytes:
            self.rotate()

    async def safe(self) -> None:
        """Return when all that was appended is as safe as the durability promises.

        Raises:
            JournalFailed: the disk refused.
        """
        if self._commit is None:
            return
        try:
            await self._commit.join()
        except JournalFailed:
            # A later sync of the same file may succeed without what this one failed to write.
            self.rotate()
            raise

    def rotate(self) -> None:
        """Let go of the file in use, so that it can be deleted once it is settled."""
        if self._descriptor is None:
            return
        if self._commit is None:
            os.close(self._descriptor)
        else:
            self._retired.append(self._descriptor)
        self._descriptor = None

    async def close(self) -> None:
        """Make all safe and let go of the files."""
        self.rotate()
        if self._commit is None:
            return
        try:
            await self._commit.join()
        except JournalFailed as error:
            log.error("at the end: %s", error)
        await asyncio.to_thread(self._commit.close)

    def _encode_again(self, record: msgspec.Struct, error: Exception) -> bytes:
        """A record that could not be encoded, without the half characters that were the reason."""
        if isinstance(error, UnicodeEncodeError):
            return self._encoder.encode(without_surrogates(msgspec.structs.astuple(record)))
        if isinstance(error, OverflowError | TypeError | msgspec.MsgspecError):
            raise JournalFailed(f"the record cannot be encoded: {error}") from error
        raise error

    def _open(self) -> int:
        """A new file, locked before it has its name: no reader can take it for a dead one's."""
        descriptor = None
        while descriptor is None:
            name = str(new_id())
            descriptor = self._make(name)
        self._descriptor = descriptor
        self._salt = file_salt(name + SUFFIX)
        self._size = self._number = self._exchanges = 0
        self._folder_changed = True
        return descriptor

    def _make(self, name: str) -> int | None:
        """None: a writer that is starting took the half-made file for a dead owner's."""
        opening = self._folder / (name + OPENING_SUFFIX)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(opening, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            opening.rename(self._folder / (name + SUFFIX))
        except FileNotFoundError:
            os.close(descriptor)
            return None
        except OSError:
            os.close(descriptor)
            opening.unlink(missing_ok=True)
            raise
        return descriptor

    def _undo(self, descriptor: int) -> None:
        """Take back what there is of a record; failing that, leave the file with its torn end."""
        try:
            os.ftruncate(descriptor, self._size)
        except OSError as error:
            log.error("a torn record could not be taken back: %s", error)
            self.rotate()

    def _collect(self) -> Work:
        """What has to be synced now. Retired files are closed after it, and only then unlocked."""
        retired, self._retired = self._retired, []
        folder = self._folder if self._folder_changed else None
        self._folder_changed = False
        # A duplicate: the file may be retired and closed while the thread is still at work.
        active = None if self._descriptor is None else os.dup(self._descriptor)

        def work() -> None:
            with contextlib.ExitStack() as stack:
                for descriptor in [*retired, *([] if active is None else [active])]:
                    stack.callback(os.close, descriptor)
                if folder is not None:
                    sync_folder(folder)
                for descriptor in retired:
                    sync_data(descriptor)
                if active is not None:
                    sync_data(active)

        return work


def _write_rest(descriptor: int, frame: bytes, written: int) -> None:
    rest = memoryview(frame)[written:]
    while rest:
        rest = rest[os.write(descriptor, rest) :]
