"""The port `Recorder`, over a journal: what is at its bound is refused or shed, never forgotten."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec

from proxy.errors import JournalFailed, RecordingRefused
from proxy.store.accounts import RecorderCells
from proxy.store.journal import Journal
from proxy.types.exchange import ConfigSnapshot, Exchange, Feedback, RecordKind

WhenFull = Literal["refuse", "shed"]

FAILURE_PAUSE_S = 1.0
"""After the disk has refused a record, calls are not admitted for so long; then one tries again."""

LOG_PAUSE_S = 1.0

log = logging.getLogger(__name__)


class JournalRecorder:
    """One worker's recorder.

    The bound holds for the journals of the whole host: the writer measures them about ten times a
    second, and what this worker has appended since is added to that. Calls that were admitted
    below the bound are still written beyond it.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        max_bytes: int,
        when_full: WhenFull,
        cells: RecorderCells,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = journal
        self._max_bytes = max_bytes
        self._sheds = when_full == "shed"
        self._cells = cells
        self._clock = clock
        self._tick = cells.journal_ticks.get()
        self._appended_before = 0
        self._refused_until = 0.0
        self._logged_at = -LOG_PAUSE_S

    def admit(self) -> None:
        """See `ports.Recorder`."""
        if self._sheds:
            return
        if self._clock() < self._refused_until:
            raise RecordingRefused("the disk refuses records; try again later")
        if self._full():
            raise RecordingRefused("the journal is full: records wait for Postgres; try later")

    def exchange(self, exchange: Exchange) -> Awaitable[None] | None:
        """See `ports.Recorder`."""
        if self._sheds:
            return self._record(RecordKind.EXCHANGE, exchange)
        try:
            self._journal.append(RecordKind.EXCHANGE, exchange)
        except JournalFailed as error:
            self._failed(error)
            raise
        return self._synced() if self._journal.syncs else None

    async def feedback(self, feedback: Feedback) -> None:
        """See `ports.Recorder`. Raises RecordingRefused, too: nothing is under way yet."""
        self.admit()
        syncing = self._record(RecordKind.FEEDBACK, feedback)
        if syncing is not None:
            await syncing

    async def config(self, snapshot: ConfigSnapshot) -> None:
        """See `ports.Recorder`. Never shed for the bound: exchanges name it."""
        self._append(RecordKind.CONFIG, snapshot)
        if self._journal.syncs:
            await self._synced()

    def _record(self, kind: int, record: msgspec.Struct) -> Awaitable[None] | None:
        if not self._sheds:
            self._append(kind, record)
            return self._synced() if self._journal.syncs else None
        if self._full():
            self._shed(kind, "the journal is full")
            return None
        try:
            self._journal.append(kind, record)
        except JournalFailed as error:
            self._shed(kind, str(error))
            return None
        return self._synced_if_it_can_be() if self._journal.syncs else None

    def _append(self, kind: int, record: msgspec.Struct) -> None:
        try:
            self._journal.append(kind, record)
        except JournalFailed as error:
            self._failed(error)
            raise

    async def _synced(self) -> None:
        try:
            await self._journal.safe()
        except JournalFailed as error:
            self._failed(error)
            raise

    async def _synced_if_it_can_be(self) -> None:
        try:
            await self._journal.safe()
        except JournalFailed as error:
            # It is in the journal and will be written; only a loss of power could take it now.
            self._log(f"recorded, but not synced: {error}")

    def _failed(self, error: JournalFailed) -> None:
        self._refused_until = self._clock() + FAILURE_PAUSE_S
        self._log(str(error))

    def _full(self) -> bool:
        tick = self._cells.journal_ticks.get()
        appended = self._journal.appended_bytes
        if tick != self._tick:
            self._tick = tick
            self._appended_before = appended
        known = self._cells.journal_bytes.get() + appended - self._appended_before
        if known < self._max_bytes:
            return False
        # A file in use is never deleted, though all of it may be settled.
        self._journal.rotate()
        return True

    def _shed(self, kind: int, reason: str) -> None:
        cell = self._cells.shed if kind == RecordKind.EXCHANGE else self._cells.feedback_shed
        cell.add(1)
        self._log(f"not recorded: {reason} ({int(cell.get())} so far)")

    def _log(self, text: str) -> None:
        now = self._clock()
        if now - self._logged_at >= LOG_PAUSE_S:
            self._logged_at = now
            log.error("%s", text)
