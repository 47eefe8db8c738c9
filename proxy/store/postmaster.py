"""What runs on a data folder: read from `postmaster.pid`, believed only if the process agrees.

A pid file outlives its process, and pids are used again: after a crash of the machine the file may
name anybody. PostgreSQL takes a living process of its own account for a server and does not start;
stopping by such a file would stop a stranger.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from proxy.store.folder_lock import lives

STATUS_LINE = 7


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A living server of a data folder. `command` is its command line, joined by blanks."""

    pid: int
    command: str
    status: str

    @property
    def ready(self) -> bool:
        return self.status == "ready"


def find_postmaster(data: Path) -> Postmaster | None:
    """The server that runs on this data, if one does."""
    lines = _pid_lines(data)
    pid = _pid(lines)
    if pid is None:
        return None
    arguments = _arguments(pid)
    if not _serves(arguments, data):
        return None
    status = lines[STATUS_LINE].strip() if len(lines) > STATUS_LINE else "starting"
    return Postmaster(pid, " ".join(arguments), status)


def remove_strangers_pid(data: Path) -> None:
    """Remove a pid file that names a living process which is no server of this data.

    One that names a dead process stays: it also names the shared memory, by which PostgreSQL sees
    whether children of a killed server are still at work.
    """
    pid = _pid(_pid_lines(data))
    if pid is not None and lives(pid) and not _serves(_arguments(pid), data):
        (data / "postmaster.pid").unlink(missing_ok=True)


def kill_initialisers(making: Path) -> None:
    """Kill each `initdb` that still fills this folder: it outlives a `kill -9` of who began it."""
    for entry in Path("/proc").glob("[0-9]*"):
        pid = int(entry.name)
        if str(making) in _arguments(pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                # It leads a group of its own, in which its helpers are, too.
                os.killpg(pid, signal.SIGKILL)


def _pid_lines(data: Path) -> list[str]:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return (data / "postmaster.pid").read_text().splitlines()
    return []


def _pid(lines: list[str]) -> int | None:
    first = lines[0].strip() if lines else ""
    return int(first) if first.isdigit() else None


def _serves(arguments: list[str], data: Path) -> bool:
    if f"-D {data} -c" in " ".join(arguments):
        return True
    with contextlib.suppress(ValueError, IndexError, OSError):
        return data.samefile(arguments[arguments.index("-D") + 1])
    return False


def _arguments(pid: int) -> list[str]:
    """The command line of a process; empty for the dead. Without /proc, in rough pieces."""
    if Path("/proc/self/cmdline").exists():
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{pid}/cmdline").read_bytes()
            return os.fsdecode(text).rstrip("\0").split("\0")
        return []
    command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    done = subprocess.run(command, capture_output=True, timeout=10)
    return os.fsdecode(done.stdout).strip().split(" ")
