"""The workers, as the main process sees them: started, watched, replaced, drained."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any

from proxy.app.spec import Decide, Drain, Prepare, Prepared, Ready, Report, Word, WorkerSpec

SHORT_LIFE_S = 2.0
"""A worker that lives shorter than this is replaced only after a pause, twice as long each time."""

LONGEST_PAUSE_S = 5.0

log = logging.getLogger(__name__)


class _Member:
    """One worker process and the line to it."""

    def __init__(
        self, spec: WorkerSpec, number: int, process: ForkServerProcess, control: Connection
    ) -> None:
        self.slot = spec.slot
        self.number = number
        """Of the configuration that it serves, as far as it has been told."""
        self.process = process
        self.control = control
        self.ready = False
        self.answer: asyncio.Future[str] | None = None
        self.born = time.monotonic()
        self._sender = ThreadPoolExecutor(1, thread_name_prefix=f"to-worker-{spec.slot}")

    def say(self, word: Word) -> None:
        """Send in order, off the loop: what a worker is slow to read must hold nobody up."""
        self._sender.submit(self._send, word)

    def _send(self, word: Word) -> None:
        try:
            self.control.send(word)
        except (OSError, ValueError):
            log.debug("worker %d is gone already", self.slot)

    def close(self) -> None:
        self._sender.shutdown(wait=False, cancel_futures=True)
        self.control.close()
        if self.answer is not None and not self.answer.done():
            self.answer.set_result("")


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
        self._specs = {spec.slot: spec for spec in specs}
        self._number = 0
        """Of the configuration that new workers get."""
        self._asked: list[_Member] = []
        self._on_death = on_death
        self._on_restart = on_restart
        self._on_count = on_count
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["proxy.app.preload"])
        self._members: dict[int, _Member] = {}
        self._pauses: dict[int, float] = {}
        self._changed = asyncio.Event()
        self._stopping = False

    def start(self) -> None:
        for slot in self._specs:
            self._start(slot)

    async def wait_ready(self, stopping: asyncio.Event) -> bool:
        """True when every worker serves; False when the program is told to stop before."""
        while self._ready_count() < len(self._specs) and not stopping.is_set():
            self._changed.clear()
            waits = {
                asyncio.ensure_future(self._changed.wait()),
                asyncio.ensure_future(stopping.wait()),
            }
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
        return not stopping.is_set()

    def _ready_count(self) -> int:
        return sum(member.ready for member in self._members.values())

    # A change of the configuration: all take it, or none.

    async def prepare(self, word: Prepare, seconds: float) -> list[str]:
        """Have all workers that serve build a configuration; what keeps any of them from it.

        One that dies meanwhile keeps nobody: it is started anew with what was decided.
        """
        loop = asyncio.get_running_loop()
        self._asked = [member for member in self._members.values() if member.ready]
        for member in self._asked:
            member.answer = loop.create_future()
            member.say(word)
        answers = [member.answer for member in self._asked if member.answer is not None]
        if answers:
            await asyncio.wait(answers, timeout=seconds)
        problems = [self._problem(member, seconds) for member in self._asked]
        return list(dict.fromkeys(filter(None, problems)))

    def decide(self, word: Prepare, *, take: bool) -> None:
        """Tell those that were asked; if it is taken, all others have to take it, too."""
        for member in self._asked:
            member.say(Decide(word.number, take))
        if take:
            for member in self._asked:
                member.number = word.number
            self._number = word.number
            for slot, spec in self._specs.items():
                self._specs[slot] = replace(spec, loaded=word.loaded, catalogue=word.catalogue)
            for member in self._members.values():
                if member.number != word.number:
                    member.number = word.number
                    member.say(replace(word, at_once=True))
        self._asked = []

    def report(self, report: Mapping[str, Any]) -> None:
        """What `/status` is to say of the configuration, now and in workers to come."""
        for slot, spec in self._specs.items():
            self._specs[slot] = replace(spec, config_report=report)
        for member in self._members.values():
            member.say(Report(report))

    def _problem(self, member: _Member, seconds: float) -> str:
        answer, member.answer = member.answer, None
        if answer is None or not answer.done():
            return f"worker {member.slot} did not answer within {seconds:g} s"
        return answer.result()

    async def stop(self, seconds: float) -> None:
        """Ask all to drain, wait at most so long, end the rest."""
        self._stopping = True
        for member in self._members.values():
            member.say(Drain())
        deadline = time.monotonic() + seconds
        while self._members and time.monotonic() < deadline:
            self._changed.clear()
            try:
                async with asyncio.timeout(deadline - time.monotonic()):
                    await self._changed.wait()
            except TimeoutError:
                break
        for member in list(self._members.values()):
            log.warning("worker %d did not leave in time; killed", member.slot)
            member.process.kill()
            member.process.join()
            self._gone(member)

    def _start(self, slot: int) -> None:
        from proxy.app.entry import run

        spec = self._specs[slot]
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=run, args=(spec, theirs), name=f"zeroproxy-worker-{slot}"
        )
        process.start()
        theirs.close()
        member = _Member(spec, self._number, process, ours)
        self._members[slot] = member
        loop = asyncio.get_running_loop()
        loop.add_reader(ours.fileno(), self._hear, member)
        loop.add_reader(process.sentinel, self._died, member)
        self._on_count(len(self._members))

    def _hear(self, member: _Member) -> None:
        try:
            word: Word = member.control.recv()
        except (EOFError, OSError):
            asyncio.get_running_loop().remove_reader(member.control.fileno())
            return
        if isinstance(word, Ready):
            member.ready = True
            self._changed.set()
        elif isinstance(word, Prepared) and member.answer is not None:
            with contextlib.suppress(asyncio.InvalidStateError):
                member.answer.set_result(word.problem)

    def _died(self, member: _Member) -> None:
        asyncio.get_running_loop().remove_reader(member.process.sentinel)
        member.process.join()
        self._gone(member)
        if self._stopping:
            return
        code = member.process.exitcode
        lived = time.monotonic() - member.born
        log.error("worker %d died (exit code %s) after %.1f s", member.slot, code, lived)
        pause = self._pause(member.slot, lived)
        asyncio.get_running_loop().call_later(pause, self._restart, member.slot)

    def _pause(self, slot: int, lived: float) -> float:
        last = self._pauses.get(slot, 0.0)
        pause = 0.0 if lived > SHORT_LIFE_S else min(max(0.1, last * 2), LONGEST_PAUSE_S)
        self._pauses[slot] = pause
        return pause

    def _restart(self, slot: int) -> None:
        if not self._stopping:
            self._on_restart()
            self._start(slot)

    def _gone(self, member: _Member) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(member.control.fileno())
        member.close()
        self._members.pop(member.slot, None)
        self._on_death(member.slot)
        self._on_count(len(self._members))
        self._changed.set()
