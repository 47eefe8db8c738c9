"""The first workers: forked of the main process itself, before it has an event loop or a thread.

What both have loaded by then stands in memory once. Those that take the place of the dead are
forked of an image (`proxy.app.image`), for by then the main process cannot be. To let that stand
from the start would cost an eighth of the memory of a gateway at rest: a page that main process and
workers have written to would be there a third time. To make it later costs more, but only then.

Each waits for its spec, and ends when the main process does.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, Pipe

from proxy.app.image import ignore_signals, load, work

_FOR_MAIN = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class FirstWorker:
    """The main process's side of one."""

    def __init__(self, pid: int, control: Connection) -> None:
        self.control = control
        self._pid = pid

    def kill(self) -> None:
        """End it at once, if it has not ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)

    def end(self) -> int:
        """Its exit code, or minus the signal that ended it; to be called once, off the loop.

        What has closed its line is of no use: should it live on, it ends here.
        """
        self.kill()
        _, status = os.waitpid(self._pid, 0)
        return os.waitstatus_to_exitcode(status)


def fork_first_workers(count: int) -> list[FirstWorker]:
    """Of this process, which must have neither threads nor an event loop."""
    load()
    gc.freeze()
    workers: list[FirstWorker] = []
    for _ in range(count):
        workers.append(_fork(workers))
    return workers


def _fork(elder: Sequence[FirstWorker]) -> FirstWorker:
    ours, theirs = Pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    with _held_signals():
        pid = os.fork()
        if pid == 0:
            ignore_signals()
    if pid == 0:
        _leave(ours, *(each.control for each in elder))
        work(theirs)
    theirs.close()
    return FirstWorker(pid, ours)


def _leave(*lines: Connection) -> None:
    """In the worker: what is the main process's is nothing to it. It must not return into that."""
    try:
        for line in lines:
            line.close()
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
    except BaseException:
        os._exit(1)


@contextlib.contextmanager
def _held_signals() -> Iterator[None]:
    """What a process group is told meanwhile reaches the main process afterwards, and it alone."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _FOR_MAIN)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
