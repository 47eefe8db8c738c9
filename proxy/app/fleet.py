"""The workers, as the main process sees them: started, watched, replaced, drained."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess

from proxy.app.spec import DRAIN, READY, WorkerSpec

SHORT_LIFE_S = 2.0
"""A worker that lives shorter than this is replaced only after a pause, twice as long each time."""

LONGEST_PAUSE_S = 5.0

log = logging.getLogger(__name__)


class _Member:
    """One worker process and the line to it."""

    def __init__(self, spec: WorkerSpec, process: ForkServerProcess, control: Connection) -> None:
        self.spec = spec
        self.process = process
        self.control = control
        self.born = time.monotonic()


class Fleet:
    """As many living workers as there are specs, for as long as it is not stopped.

    `on_death(slot)` is called when a worker has died, `on_restart()` when it is replaced,
    `on_count(n)` when their number changed.
    """

    def __init__(
        self,
        specs: Sequence[WorkerSpec],
        on_death: Callable[[int], None],
        on_restart: Callable[[], None],
        on_count: Callable[[int], None],
    ) -> None:
        self._specs = specs
        self._on_death = on_death
        self._on_restart = on_restart
        self._on_count = on_count
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["proxy.app.preload"])
        self._members: dict[int, _Member] = {}
        self._ready: set[int] = set()
        self._pauses: dict[int, float] = {}
        self._changed = asyncio.Event()
        self._stopping = False

    def start(self) -> None:
        for spec in self._specs:
            self._start(spec)

    async def wait_ready(self, stopping: asyncio.Event) -> bool:
        """True when every worker serves; False when the program is told to stop before."""
        while len(self._ready) < len(self._specs) and not stopping.is_set():
            self._changed.clear()
            waits = {
                asyncio.ensure_future(self._changed.wait()),
                asyncio.ensure_future(stopping.wait()),
            }
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
        return not stopping.is_set()

    async def stop(self, seconds: float) -> None:
        """Ask all to drain, wait at most so long, end the rest."""
        self._stopping = True
        for member in self._members.values():
            _say(member, DRAIN)
        deadline = time.monotonic() + seconds
        while self._members and time.monotonic() < deadline:
            self._changed.clear()
            try:
                async with asyncio.timeout(deadline - time.monotonic()):
                    await self._changed.wait()
            except TimeoutError:
                break
        for member in list(self._members.values()):
            log.warning("worker %d did not leave in time; killed", member.spec.slot)
            member.process.kill()
            member.process.join()
            self._gone(member)

    def _start(self, spec: WorkerSpec) -> None:
        from proxy.app.entry import run

        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=run, args=(spec, theirs), name=f"zeroproxy-worker-{spec.slot}"
        )
        process.start()
        theirs.close()
        member = _Member(spec, process, ours)
        self._members[spec.slot] = member
        loop = asyncio.get_running_loop()
        loop.add_reader(ours.fileno(), self._hear, member)
        loop.add_reader(process.sentinel, self._died, member)
        self._on_count(len(self._members))

    def _hear(self, member: _Member) -> None:
        try:
            word = member.control.recv_bytes()
        except (EOFError, OSError):
            asyncio.get_running_loop().remove_reader(member.control.fileno())
            return
        if word == READY:
            self._ready.add(member.spec.slot)
            self._changed.set()

    def _died(self, member: _Member) -> None:
        asyncio.get_running_loop().remove_reader(member.process.sentinel)
        member.process.join()
        self._gone(member)
        if self._stopping:
            return
        code = member.process.exitcode
        lived = time.monotonic() - member.born
        log.error("worker %d died (exit code %s) after %.1f s", member.spec.slot, code, lived)
        pause = self._pause(member.spec.slot, lived)
        asyncio.get_running_loop().call_later(pause, self._restart, member.spec)

    def _pause(self, slot: int, lived: float) -> float:
        last = self._pauses.get(slot, 0.0)
        pause = 0.0 if lived > SHORT_LIFE_S else min(max(0.1, last * 2), LONGEST_PAUSE_S)
        self._pauses[slot] = pause
        return pause

    def _restart(self, spec: WorkerSpec) -> None:
        if not self._stopping:
            self._on_restart()
            self._start(spec)

    def _gone(self, member: _Member) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(member.control.fileno())
        member.control.close()
        self._members.pop(member.spec.slot, None)
        self._ready.discard(member.spec.slot)
        self._on_death(member.spec.slot)
        self._on_count(len(self._members))
        self._changed.set()


def _say(member: _Member, word: bytes) -> None:
    try:
        member.control.send_bytes(word)
    except (OSError, ValueError):
        log.debug("worker %d is gone already", member.spec.slot)
