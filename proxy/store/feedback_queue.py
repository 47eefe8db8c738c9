"""Feedback that has to find its target first: asked for now and then, rejected after the grace."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence

from proxy.errors import StoreUnavailable
from proxy.store.accounts import WriterCells
from proxy.store.batch_store import BatchStore, Refused, Unfit
from proxy.store.items import Item
from proxy.store.pending import PendingFeedback, Waiting

ASK_S = 0.5
"""Between two rounds of asking; a longer gap does not count towards the grace."""
ASKED_AT_ONCE = 200
ASKING_S = 1.0
"""So many, and so long, that those that wait do not hold up the exchanges, among which their
targets are."""
SAVE_PAUSE_S = 1.0
UNAVAILABLE_PAUSE_S = 2.0
UNKNOWN_TARGET = "the target was not stored within the grace"
TOO_MANY = "too many feedbacks wait for their target"

log = logging.getLogger(__name__)


class FeedbackQueue:
    """Pending feedback and its way into the tables.

    `written_until` gives a Unix time: what was journalled on this host before it is in Postgres.
    The grace of feedback from after that time has not begun, for its target may be next.
    """

    def __init__(
        self,
        pending: PendingFeedback,
        store: BatchStore,
        cells: WriterCells,
        grace: float,
        clock: Callable[[], float] = time.monotonic,
        written_until: Callable[[], float] = lambda: math.inf,
    ) -> None:
        self._pending = pending
        self._store = store
        self._cells = cells
        self._grace = grace
        self._clock = clock
        self._written_until = written_until
        self._asked_at: float | None = None
        self._fresh = False
        self._not_before = 0.0

    def __len__(self) -> int:
        return len(self._pending)

    async def take_over(self, items: Sequence[Item]) -> None:
        """Let these wait; when this returns, they are kept on disk. Their frames can be settled."""
        if not items:
            return
        for item in items:
            if item.feedback is not None:
                self._pending.add(item.feedback)
        self._fresh = True
        while not self._saved():
            await asyncio.sleep(SAVE_PAUSE_S)

    async def resolve_some(self) -> None:
        """Ask for targets, if it is time to. A failing Postgres ends the round, quietly."""
        now = self._clock()
        if not self._pending or not self._is_time(now):
            return
        if self._asked_at is not None:
            passed = min(now - self._asked_at, 2 * ASK_S)
            self._pending.add_seconds(passed, self._written_until())
        self._asked_at, self._fresh = now, False
        try:
            await self._resolve_in_turn()
        except StoreUnavailable as error:
            log.warning("feedback has to wait: %s", error)
            self._asked_at = None
            self._not_before = self._clock() + UNAVAILABLE_PAUSE_S
        self._saved()

    async def _resolve_in_turn(self) -> None:
        begun = self._clock()
        for _ in range(min(ASKED_AT_ONCE, len(self._pending))):
            await self._resolve(self._pending.next())
            if self._clock() - begun >= ASKING_S:
                return

    def _is_time(self, now: float) -> bool:
        if now < self._not_before:
            return False
        return self._fresh or self._asked_at is None or now - self._asked_at >= ASK_S

    async def _resolve(self, entry: Waiting) -> None:
        try:
            if await self._store.resolve(entry.feedback):
                self._pending.remove(entry)
                self._cells.feedback_written.add(1)
                return
            reason = self._why_not_wait(entry)
        except (Refused, Unfit) as error:
            reason = str(error)
        if reason:
            await self._reject(entry, reason)

    def _why_not_wait(self, entry: Waiting) -> str:
        if entry.seconds >= self._grace:
            return UNKNOWN_TARGET
        return TOO_MANY if self._pending.is_full else ""

    async def _reject(self, entry: Waiting, reason: str) -> None:
        try:
            await self._store.reject(entry.feedback, reason)
        except Refused as error:
            log.error("a rejected feedback cannot even be stored as such: %s", error)
        self._pending.remove(entry)
        self._cells.feedback_rejected.add(1)

    def _saved(self) -> bool:
        try:
            self._pending.save()
        except OSError as error:
            log.error("pending feedback could not be kept: %s", error)
            return False
        return True
