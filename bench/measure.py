"""The kernel's accounts of a server: CPU time and memory of all its processes. Reads /proc only."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICK_S = 1 / os.sysconf("SC_CLK_TCK")

# Fields of /proc/PID/stat, counted from the one behind the command's closing bracket.
_PARENT = 1
_DEAD_CHILDREN = slice(13, 15)

# What clock_getcpuclockid(3) makes of a process id: CPU time of all its threads, in nanoseconds,
# where /proc/PID/stat has steps of 10 ms.
_SCHEDULER_CLOCK = 2


@dataclass(frozen=True, slots=True)
class Account:
    """What a server has used. `main` is part of `ours`; `postgres` is not."""

    ours: float
    main: float
    postgres: float

    @property
    def workers(self) -> float:
        """The processes that serve: all but the first one, where there are others."""
        return self.ours - self.main or self.ours

    def __add__(self, other: Account) -> Account:
        return Account(
            self.ours + other.ours, self.main + other.main, self.postgres + other.postgres
        )

    def __sub__(self, earlier: Account) -> Account:
        return Account(
            self.ours - earlier.ours, self.main - earlier.main, self.postgres - earlier.postgres
        )


def cpu(root: int, postmaster: int | None) -> Account:
    """CPU-seconds, user and system, of living and of dead processes."""
    ours, postgres = _split(root, postmaster)
    return Account(_total(map(_cpu, ours)), _cpu(root), _total(map(_cpu, postgres)))


def memory(root: int, postmaster: int | None) -> Account:
    """Megabytes; pages shared by processes are counted once (PSS)."""
    ours, postgres = _split(root, postmaster)
    return Account(_total(map(_pss, ours)), _pss(root), _total(map(_pss, postgres)))


def tree(root: int) -> set[int]:
    """`root` and all that descend from it."""
    parents = {int(entry.name): _parent(int(entry.name)) for entry in PROC.glob("[0-9]*")}
    members = {root}
    while found := {pid for pid, parent in parents.items() if parent in members} - members:
        members |= found
    return members


def _split(root: int, postmaster: int | None) -> tuple[set[int], set[int]]:
    postgres = tree(postmaster) if postmaster is not None else set()
    return tree(root) - postgres, postgres


def _total(values: Iterable[float]) -> float:
    return sum(values)


def _stat(pid: int) -> list[str]:
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text[text.rindex(")") + 2 :].split()


def _parent(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[_PARENT]) if fields else 0


def _cpu(pid: int) -> float:
    """Its own time and that of children which died and were waited for."""
    try:
        own = time.clock_gettime((~pid << 3) | _SCHEDULER_CLOCK)
    except OSError:
        return 0.0
    return own + sum(map(int, _stat(pid)[_DEAD_CHILDREN])) * TICK_S


def _pss(pid: int) -> float:
    try:
        text = (PROC / str(pid) / "smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0.0
    lines = (line for line in text.splitlines() if line.startswith("Pss:"))
    return sum(int(line.split()[1]) for line in lines) / 1024


# Cores.


@dataclass(frozen=True, slots=True)
class Cores:
    """Where the server runs, and where all the rest does."""

    server: int
    rest: int
    allowed: tuple[int, ...] = ()
    """All that may be used."""

    @property
    def apart(self) -> bool:
        return self.server != self.rest


def choose_cores() -> Cores:
    """The first and the last core that this process may use."""
    allowed = sorted(os.sched_getaffinity(0))
    return Cores(allowed[0], allowed[-1], tuple(allowed))


@contextmanager
def pinned(*cores: int) -> Iterator[None]:
    """Processes started inside stay on `cores`, with all their threads and children."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def move(pids: Iterable[int], core: int) -> bool:
    """Pin processes that run already; False where that is not allowed."""
    try:
        for pid in pids:
            os.sched_setaffinity(pid, {core})
    except PermissionError:
        return False
    except ProcessLookupError:
        pass
    return True


def cpu_model() -> str:
    """As the kernel names it."""
    for line in (PROC / "cpuinfo").read_text().splitlines():
        if line.lower().startswith(("model name", "hardware")):
            return line.partition(":")[2].strip()
    return os.uname().machine
