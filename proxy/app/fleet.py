"""The workers, as the main process sees them: started, watched, replaced, drained."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection, Pipe
from typing import Any

from proxy.app.firsts import FirstWorker
from proxy.app.image import Image, spawn_image
from proxy.app.member import Member
from proxy.app.spec import Decide, Drain, Prepare, Prepared, Ready, Report, Word, WorkerSpec

SHORT_LIFE_S = 2.0
"""A worker that lives shorter than this is replaced only after a pause, twice as long each time."""

LONGEST_PAUSE_S = 5.0
KILLED_S = 5.0
"""How long the end of a worker that was killed may take to be told."""

log = logging.getLogger(__name__)


class Fleet:
    """As many living workers as there are specs, for as long as it is not stopped.

    `on_death(slot)` is called when a worker has died, `on_restart()` when it is replaced,
    `on_count(n)` when their number changed. `firsts` are workers that wait for a spec already; all
    others are forked of an image, which is made when the first of them is needed.
    """

    def __init__(
        self,
        specs: Sequence[WorkerSpec],
        on_death: Callable[[int], None],
        on_restart: Callable[[], None],
        on_count: Callable[[int], None],
        firsts: Sequence[FirstWorker] = (),
    ) -> None:
        self._specs = {spec.slot: spec for spec in specs}
        self._number = 0
        """Of the configuration that new workers get."""
        self._asked: list[Member] = []
        self._on_death = on_death
        self._on_restart = on_restart
        self._on_count = on_count
        self._firsts = list(firsts)
        self._image: Image | None = None
        self._members: dict[int, Member] = {}
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

        One that dies meanwhile keeps nobody: it is started anew with what was decided. But one has
        to live to build it: if none did, those that came after them are asked, once.
        """
        deadline = time.monotonic() + seconds
        for _ in range(2):
            answers = await self._ask(word, deadline, seconds)
            if answers:
                return list(dict.fromkeys(filter(None, answers)))
            await self._until(lambda: self._stopping or self._ready_count() > 0, deadline)
            if self._stopping:
                return ["the program is about to end"]
        return ["no worker lived to build it"]

    async def _ask(self, word: Prepare, deadline: float, seconds: float) -> list[str]:
        """The answers of those that serve, less those that died; "" is consent."""
        self._asked = [member for member in self._members.values() if member.ready]
        waiting = {member.slot: member.ask(word) for member in self._asked}
        if waiting:
            await asyncio.wait(waiting.values(), timeout=max(0.0, deadline - time.monotonic()))
        late = "worker {} did not answer within {:g} s"
        answers = [
            answer.result() if answer.done() else late.format(slot, seconds)
            for slot, answer in waiting.items()
        ]
        return [answer for answer in answers if answer is not None]

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

    async def stop(self, seconds: float) -> None:
        """Ask all to drain, wait at most so long, end the rest."""
        self._stopping = True
        for member in self._members.values():
            member.say(Drain())
        deadline = time.monotonic() + seconds
        await self._until(lambda: not self._members, deadline)
        for member in list(self._members.values()):
            log.warning("worker %d did not leave in time; killed", member.slot)
            if member.first is not None:
                member.first.kill()
            elif self._image is not None:
                self._image.kill(member.slot)
        await self._until(lambda: not self._members, time.monotonic() + KILLED_S)
        self._close_image()
        for member in list(self._members.values()):
            self._gone(member)

    async def _until(self, condition: Callable[[], bool], deadline: float) -> None:
        """Wait for a change of the fleet that makes the condition true, at most so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()

    def _start(self, slot: int) -> None:
        first = self._firsts.pop(0) if self._firsts else None
        control = self._fork(slot) if first is None else first.control
        member = Member(slot, self._number, control, first)
        self._members[slot] = member
        asyncio.get_running_loop().add_reader(control.fileno(), self._hear, member)
        # The loop made it non-blocking: a word larger than the pipe's buffer would be cut short.
        os.set_blocking(control.fileno(), True)
        member.say(self._specs[slot])
        self._on_count(len(self._members))

    def _fork(self, slot: int) -> Connection:
        """A worker of the image; our end of the line to it."""
        if self._image is None:
            self._image = spawn_image()
            loop = asyncio.get_running_loop()
            loop.add_reader(self._image.fileno(), self._told, self._image)
        ours, theirs = Pipe()
        with theirs, contextlib.suppress(OSError):
            self._image.fork(slot, theirs)
        return ours

    def _hear(self, member: Member) -> None:
        try:
            word: Word = member.control.recv()
        except (EOFError, OSError):
            self._silent(member)
            return
        if isinstance(word, Ready):
            member.ready = True
            self._changed.set()
        elif isinstance(word, Prepared):
            member.answered(word)

    def _silent(self, member: Member) -> None:
        """It has closed its line, which is to say that it has ended."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(member.control.fileno())
        if member.first is not None:  # Of all others the image tells.
            ending = loop.run_in_executor(None, member.first.end)
            ending.add_done_callback(lambda end: self._ended(member, end.result()))

    def _ended(self, member: Member, code: int) -> None:
        if self._members.get(member.slot) is member:
            self._died(member, code)

    def _told(self, image: Image) -> None:
        """What the image tells: ends of workers, or its own."""
        ends = image.ended()
        if ends is None:
            self._lost()
        for slot, code in ends or ():
            self._died(self._members[slot], code)

    def _lost(self) -> None:
        """The image has ended, and all workers of it."""
        self._close_image()
        if not self._stopping:
            log.error("what workers are made of has died, and they with it; loading it anew")
        for member in list(self._members.values()):
            if member.first is None:
                self._died(member, -signal.SIGKILL)

    def _close_image(self) -> None:
        if self._image is not None:
            asyncio.get_running_loop().remove_reader(self._image.fileno())
            self._image.close()
            self._image = None

    def _died(self, member: Member, code: int) -> None:
        self._gone(member)
        if self._stopping:
            return
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

    def _gone(self, member: Member) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(member.control.fileno())
        member.close()
        self._members.pop(member.slot, None)
        self._on_death(member.slot)
        self._on_count(len(self._members))
        self._changed.set()
