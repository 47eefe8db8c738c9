"""The image: a process that has loaded the code, does nothing, and of which workers are forked.

The first workers are forked of the main process (`proxy.app.firsts`). When one of them has died,
that has an event loop and threads, which no fork would survive: an image is made, in half a second,
and stands from then on, so that the next is replaced in milliseconds. Should the image die itself,
another one is made.

It is asked over a socket: to fork a worker, with the worker's end of its line to the main process,
or to kill one. It tells of each end of a worker, and ends when the main process does. The signals
that a process group gets (Ctrl-C, a container's stop) it ignores: they are the main process's
business.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import struct
import sys
import traceback
from multiprocessing.connection import Connection
from typing import NoReturn

FORK, KILL = b"f", b"k"

_REQUEST = struct.Struct("!cI")
"""What to do, and the worker's slot."""
_END = struct.Struct("!Ii")
"""The worker's slot, and its exit code; minus the signal's number where one ended it."""

_BEGIN = """\
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from proxy.app.image import stand
stand(int(sys.argv[2]))
"""


class Image:
    """The main process's side of one."""

    def __init__(self, pid: int, line: socket.socket) -> None:
        self._pid = pid
        self._line = line

    def fileno(self) -> int:
        """Readable when `ended` has something to say."""
        return self._line.fileno()

    def fork(self, slot: int, control: Connection) -> None:
        """Begin a worker, which first reads its spec from `control`.

        Raises:
            OSError: the image is gone; `ended` says so, too.
        """
        socket.send_fds(self._line, [_REQUEST.pack(FORK, slot)], [control.fileno()])

    def kill(self, slot: int) -> None:
        """End a worker at once."""
        with contextlib.suppress(OSError):
            self._line.sendall(_REQUEST.pack(KILL, slot))

    def ended(self) -> list[tuple[int, int]] | None:
        """Slots and exit codes of workers that ended; None when the image itself did."""
        try:
            told = self._line.recv(_END.size * 64)
        except BlockingIOError:
            return []
        except OSError:
            return None
        return list(_END.iter_unpack(told)) if told else None

    def close(self) -> None:
        """End it, and all that was forked of it. Once is enough."""
        self._line.close()
        pid, self._pid = self._pid, 0
        if pid:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def spawn_image() -> Image:
    """A new interpreter that loads the code."""
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.set_inheritable(True)
        command = [sys.executable, "-c", _BEGIN, json.dumps(sys.path), str(theirs.fileno())]
        nothing = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
        pid = os.posix_spawn(sys.executable, command, os.environ, file_actions=[nothing])
    return Image(pid, ours)


def stand(number: int) -> NoReturn:
    """Be an image; `number` is the descriptor of the line to the main process."""
    gc.disable()
    load()
    gc.freeze()
    _Standing(socket.socket(fileno=number)).run()


def load() -> None:
    """Load all that a worker needs.

    The collector is to be kept off it, from the first module on: to look is to write, and to write
    is to copy. Nor is anything collected before the fork: a worker's own pages became more by it.
    """
    _leave_out_validators()
    import proxy.app.worker  # noqa: F401


def _leave_out_validators() -> None:
    """Before anything loads the schema: of this depends what that is made of."""
    import proxy.config.plain  # noqa: F401


class _Standing:
    """The image itself."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._slots: dict[int, int] = {}
        """Of living workers, by their process ids."""
        self._woken, self._waking = os.pipe()

    def run(self) -> NoReturn:
        """Until the main process is gone."""
        try:
            self._hear_signals()
            while True:
                ready, _, _ = select.select([self._line.fileno(), self._woken], [], [])
                if self._woken in ready:
                    os.read(self._woken, 512)
                    self._reap()
                if self._line.fileno() in ready:
                    self._obey()
        except EOFError:
            os._exit(0)
        except OSError:
            os._exit(1)

    def _hear_signals(self) -> None:
        ignore_signals()
        for each in (self._woken, self._waking):
            os.set_blocking(each, False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self._waking, warn_on_full_buffer=False)

    def _obey(self) -> None:
        request, controls, _, _ = socket.recv_fds(self._line, _REQUEST.size, 1)
        if not request:
            raise EOFError
        what, slot = _REQUEST.unpack(request)
        if what == FORK:
            self._fork(slot, controls[0])
        for pid, its in self._slots.items():
            if what == KILL and its == slot:
                os.kill(pid, signal.SIGKILL)

    def _fork(self, slot: int, control: int) -> None:
        try:
            pid = os.fork()
        except OSError:
            os.close(control)
            self._line.sendall(_END.pack(slot, 1))
            return
        if pid == 0:
            self._leave()
            work(Connection(control))
        os.close(control)
        self._slots[pid] = slot

    def _leave(self) -> None:
        """In a worker: what was the image's is nothing to it."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._line.close()
        os.close(self._woken)
        os.close(self._waking)

    def _reap(self) -> None:
        while self._slots:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            slot = self._slots.pop(pid)
            self._line.sendall(_END.pack(slot, os.waitstatus_to_exitcode(status)))


def ignore_signals() -> None:
    """Those that a whole process group gets are the main process's business."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def work(control: Connection) -> NoReturn:
    """The whole life of a worker's process. It must not return into what it was forked of."""
    code = 1
    try:
        from proxy.app.worker import run_worker

        run_worker(control.recv(), control)
        code = 0
    except EOFError:
        pass  # The main process is gone.
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
