"""The journal's folder, as the writer reads it: every owner's file, the dead ones' too.

Nobody tells the writer anything: it looks how long the files are, reads them in turn, and deletes
those that are settled and whose owner is gone. Files that were there before it are *adopted*.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from proxy.errors import JournalFailed, StartupError
from proxy.store.journal import OPENING_SUFFIX, SUFFIX
from proxy.store.journal_file import PROGRESS_SUFFIX, Damage, Frame, JournalFile, Position
from proxy.store.quarantine import Quarantine

LOCK_NAME = "writer.lock"
SURVEY_FRAMES = 20_000
"""Counted in one go at most, so that the loop is not held up."""
FOLDER_GRAIN_S = 3
"""Two changes of a folder that are further apart have different times on any file system."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Batch:
    """What was taken in one go: frames, and where each file will stand when they are settled."""

    frames: list[Frame] = field(default_factory=list)
    ends: dict[str, Position] = field(default_factory=dict)
    damaged: int = 0
    """Exchanges in damaged stretches, already put aside."""


class WriterLock:
    """Held by the one writer of a journal folder, for as long as its process lives."""

    def __init__(self, folder: Path) -> None:
        """Take it.

        Raises:
            StartupError: another process has it, or the folder cannot be used.
        """
        path = folder / LOCK_NAME
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StartupError(f"the journal's folder cannot be used: {error}") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise StartupError(
                f"another process ({owner or 'unknown'}) writes the journal in {folder}: stop it, "
                "or give this one a state folder of its own (ZEROPROXY_STATE_DIR)"
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._descriptor)


class JournalReader:
    """Reads all journals of a folder. Make it before the first worker starts: what it then finds
    is adopted, what comes later was produced."""

    def __init__(
        self, folder: Path, quarantine: Quarantine, clock: Callable[[], float] = time.monotonic
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._quarantine = quarantine
        self._clock = clock
        self._files: dict[str, JournalFile] = {}
        self._departed_produced = 0
        self._departed_adopted = 0
        self._folder_changed = -1
        """When, as its entries were last read; -1 where a later change may bear the same time."""
        _sweep(folder)
        self._add_new(adopted=True)
        self.poll()

    # The books.

    @property
    def produced(self) -> int:
        """Exchanges found in files that came after the start."""
        own = sum(file.found for file in self._files.values() if not file.adopted)
        return self._departed_produced + own

    @property
    def adopted(self) -> int:
        """Exchanges, not yet settled, found in files that were there at the start."""
        own = sum(file.found for file in self._files.values() if file.adopted)
        return self._departed_adopted + own

    @property
    def journalled(self) -> int:
        """Exchanges found that are not settled yet."""
        return sum(file.waiting for file in self._files.values())

    @property
    def bytes(self) -> int:
        """Bytes of all journal files."""
        return sum(file.size for file in self._files.values())

    @property
    def unread(self) -> int:
        """Bytes that were not taken yet, as far as was last looked."""
        return sum(max(0, file.size - file.taken.offset) for file in self._files.values())

    @property
    def oldest_ms(self) -> int | None:
        """When the oldest record that was counted but not taken was appended."""
        times = [
            file.oldest_ms for file in self._files.values() if file.seen.offset > file.taken.offset
        ]
        return min(times, default=None)

    # Reading.

    def poll(self) -> None:
        """See what is new, how long files are, whose owners are gone; delete what is settled."""
        self._add_new(adopted=False)
        for file in list(self._files.values()):
            try:
                file.look()
                done = file.delete_if_done()
            except FileNotFoundError:
                log.error("%s was deleted by somebody else; its records are lost", file.name)
                done = True
            if done:
                self._forget(file)

    def read(self, records: int, budget: int) -> Batch:
        """Take at most so many records, of all files in turn, and about `budget` bytes."""
        batch = Batch()
        ready = [file for file in self._files.values() if file.taken.offset < file.size]
        while ready and records > 0 and budget > 0:
            share = max(1, records // len(ready))
            slice_bytes = max(1, budget // len(ready))
            still = []
            for file in ready:
                before = file.taken
                frames, damages = self._take(file, share, slice_bytes, batch)
                records -= len(frames)
                budget -= sum(len(frame.payload) for frame in frames)
                if file.taken != before:
                    batch.ends[file.name] = file.taken
                if frames or damages:
                    still.append(file)
                if records <= 0 or budget <= 0:
                    break
            ready = still
        return batch

    def taken_until(self, batch: Batch, looked_at: float) -> float:
        """The Unix time before which nothing stands in any file that was not taken, with this batch
        or earlier; 0 when that is not known. `looked_at` is when the files were last looked at."""
        unread = {file.name for file in self._files.values() if file.taken.offset < file.size}
        last = {frame.file: frame.at_ms / 1000 for frame in batch.frames}
        return min((last.get(name, 0.0) for name in unread), default=looked_at)

    def settle(self, batch: Batch) -> None:
        """Note that all of the batch is in Postgres, or put aside for good."""
        for name, position in batch.ends.items():
            file = self._files.get(name)
            if file is not None:
                file.settle(position)

    def rewind(self) -> None:
        """Read again all that is not settled."""
        for file in self._files.values():
            file.taken = file.settled

    def survey(self) -> None:
        """Count what is there, while nothing can be taken."""
        left = SURVEY_FRAMES
        for file in self._files.values():
            if left > 0 and file.seen.offset < file.size:
                with contextlib.suppress(FileNotFoundError):
                    left -= file.survey(left)

    def close(self) -> None:
        """Let go of the files."""
        for file in self._files.values():
            file.close()

    # For those who wait.

    def tails(self) -> Mapping[str, int]:
        """The length of every file, by name."""
        return {file.name: file.size for file in self._files.values()}

    def is_settled(self, tails: Mapping[str, int]) -> bool:
        """Whether all that was there at `tails` is settled."""
        return all(
            name not in self._files or self._files[name].settled.offset >= size
            for name, size in tails.items()
        )

    def _take(
        self, file: JournalFile, records: int, budget: int, batch: Batch
    ) -> tuple[list[Frame], list[Damage]]:
        before = file.taken
        try:
            frames, damages = file.read(records, budget, self._clock())
        except FileNotFoundError:
            return [], []
        try:
            for damage in damages:
                self._put_aside(file, damage)
        except JournalFailed as error:
            log.error("%s is not read on: %s", file.name, error)
            file.taken = before
            return [], []
        batch.frames.extend(frames)
        batch.damaged += sum(damage.exchanges for damage in damages)
        return frames, damages

    def _put_aside(self, file: JournalFile, damage: Damage) -> None:
        data = file.read_bytes(damage.start, damage.after.offset)
        name = f"{file.name.removesuffix(SUFFIX)}-{damage.start}"
        self._quarantine.keep(name, data, kind="damaged journal bytes", reason=damage.reason)

    def _add_new(self, *, adopted: bool) -> None:
        changed = self._folder.stat().st_mtime_ns
        if changed == self._folder_changed:
            return
        past = 0 <= changed < time.time_ns() - FOLDER_GRAIN_S * 10**9
        self._folder_changed = changed if past else -1
        with os.scandir(self._folder) as entries:
            names = [entry.name for entry in entries if entry.name.endswith(SUFFIX)]
        for name in sorted(names):
            if name not in self._files:
                self._files[name] = JournalFile(self._folder / name, adopted=adopted)

    def _forget(self, file: JournalFile) -> None:
        file.close()
        del self._files[file.name]
        if file.adopted:
            self._departed_adopted += file.found
        else:
            self._departed_produced += file.found


def _sweep(folder: Path) -> None:
    """Remove what the killed left half made: files without their name, notes without a file."""
    for path in folder.glob("*" + OPENING_SUFFIX):
        path.unlink(missing_ok=True)
    for path in folder.glob("*" + PROGRESS_SUFFIX):
        if not path.with_name(path.name.removesuffix(PROGRESS_SUFFIX)).exists():
            path.unlink(missing_ok=True)
