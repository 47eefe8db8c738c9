"""A small disk of its own that can be full: a tmpfs whose size is what is used on it."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from bench.faults.errors import NotHere

PAGE = 4096
HOLD_S = 0.05


class Disk:
    """Mounted at `folder`, with room for `megabytes`."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        """Raises NotHere where that needs more rights than we have."""
        self.folder = folder
        self._size = megabytes * 2**20
        folder.mkdir(parents=True)
        options = f"size={self._size},mode=0711"
        if not _run("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)):
            raise NotHere("a file system can be mounted only by root")

    def hold_full(self, seconds: float, spare_bytes: int = 0) -> None:
        """No room but `spare_bytes`, for so long; what is freed meanwhile is taken away, too."""
        deadline = time.monotonic() + seconds
        try:
            while time.monotonic() < deadline:
                # Refused where less would be left than is used by now: then again.
                self._resize(max(PAGE, self._used() + spare_bytes))
                time.sleep(HOLD_S)
        finally:
            self._resize(self._size)

    def _used(self) -> int:
        status = os.statvfs(self.folder)
        return (status.f_blocks - status.f_bfree) * status.f_frsize

    def _resize(self, size: int) -> bool:
        return _run("mount", "-o", f"remount,size={size}", str(self.folder))

    def unmount(self) -> None:
        _run("umount", "--lazy", str(self.folder))


def _run(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=30).returncode == 0
    except FileNotFoundError:
        return False
