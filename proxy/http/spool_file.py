"""An unlinked temporary file that is written and read in threads, so that the loop never waits."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")


class SpoolFile:
    """Its bytes are gone when it is closed, or when the process dies.

    A thread cannot be called back from a file: a close waits until none uses it, since the number
    of a closed file may be another's at once.
    """

    def __init__(self, folder: Path) -> None:
        """Raises OSError when no file can be made there."""
        self._file = tempfile.TemporaryFile(buffering=0, dir=folder)  # noqa: SIM115
        self._busy = 0
        self._closing = False

    async def append(self, data: bytes) -> None:
        """Raises OSError when the disk refuses it."""
        await self._work(lambda: self._write(data))

    async def read(self, place: int, size: int) -> bytes:
        """Raises OSError when the disk does not give it."""
        return await self._work(lambda: self._read(place, size))

    def close(self) -> None:
        self._closing = True
        if not self._busy:
            self._file.close()

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) :]

    def _read(self, place: int, size: int) -> bytes:
        data = os.pread(self._file.fileno(), size, place)
        if len(data) == size:
            return data
        if not data:
            raise OSError("a spooled body is shorter than what was written")
        return data + self._read(place + len(data), size - len(data))

    async def _work(self, work: Callable[[], Result]) -> Result:
        self._busy += 1
        job = asyncio.get_running_loop().run_in_executor(None, work)
        job.add_done_callback(self._done)
        return await asyncio.shield(job)

    def _done(self, job: asyncio.Future[Result]) -> None:
        self._busy -= 1
        if self._closing and not self._busy:
            self._file.close()
        if not job.cancelled():
            job.exception()  # whoever waited for it may have left
