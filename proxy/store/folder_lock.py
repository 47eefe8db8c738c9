"""One owner of a folder: a lock that the kernel opens when its holder dies, however he dies."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

PATIENCE_S = 3.0
"""How long to wait for a lock whose owner is dead: a child of his may be about to follow him."""

POLL_S = 0.05


class FolderTaken(Exception):
    """Another process has the folder; `owner` is its pid, or None where it is not known."""

    def __init__(self, owner: int | None) -> None:
        super().__init__(f"pid {owner or 'unknown'}")
        self.owner = owner


def lock_folder(path: Path) -> int:
    """Take the lock file `path`, write our pid into it, and give the descriptor that holds it.

    Raises:
        FolderTaken: a living process has it.
        OSError: the file cannot be made.
    """
    # Never through a link: as root we would write to wherever it points.
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600)
    try:
        _take(descriptor)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _take(descriptor: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = _owner(descriptor)
            if (owner is not None and lives(owner)) or time.monotonic() > deadline:
                raise FolderTaken(owner) from error
        else:
            return
        time.sleep(POLL_S)


def _owner(descriptor: int) -> int | None:
    """Who holds it; nobody yet, for the moment between his taking it and his writing so."""
    text = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
    return int(text) if text.isdigit() else None


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
