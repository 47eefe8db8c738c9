"""One sync for all who wait: what `durability: disk` costs is shared by the calls of a moment."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from proxy.errors import JournalFailed

Work = Callable[[], None]
"""Syncs files; runs in a thread; may raise OSError."""


class GroupCommit:
    """Runs one sync at a time; those who come meanwhile share the next.

    `collect` is called on the event loop, just before each sync, and returns the work to be done.
    """

    def __init__(self, collect: Callable[[], Work]) -> None:
        self._collect = collect
        self._waiting: list[asyncio.Future[None]] = []
        self._task: asyncio.Task[None] | None = None
        self._executor = ThreadPoolExecutor(1, "journal-sync")

    async def join(self) -> None:
        """Return when a sync that began after this call has ended.

        Raises:
            JournalFailed: the disk refused.
        """
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        await waiter

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            failure: OSError | None = None
            try:
                await loop.run_in_executor(self._executor, self._collect())
            except OSError as error:
                failure = error
            for waiter in waiting:
                _release(waiter, failure)
        self._task = None

    def close(self) -> None:
        self._executor.shutdown(wait=True)


def _release(waiter: asyncio.Future[None], failure: OSError | None) -> None:
    if waiter.done():
        return
    if failure is None:
        waiter.set_result(None)
    else:
        waiter.set_exception(JournalFailed(f"the journal could not be synced: {failure}"))


def sync_data(descriptor: int) -> None:
    """Put a file's data and length on disk."""
    getattr(os, "fdatasync", os.fsync)(descriptor)


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Put a folder's entries on disk, so that a new file in it is found after a power loss."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
