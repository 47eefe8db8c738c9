"""The writer: drains all journals of the host into Postgres, one batch after the other.

A batch is read, decoded, written in one transaction, and only then settled in the journals. While
Postgres cannot be asked the batch in hand is kept and nothing more is read, so memory stays flat
and the journals grow. A batch that Postgres refuses is halved until the bad record stands alone;
that one goes to the quarantine.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from proxy.errors import JournalFailed, StoreUnavailable
from proxy.store.accounts import WriterCells
from proxy.store.batch_store import BatchStore, NoFunctions, Refused, TimedOut
from proxy.store.feedback_queue import FeedbackQueue
from proxy.store.items import Expired, Item, ItemDecoder
from proxy.store.journal_file import Frame
from proxy.store.journal_reader import Batch, JournalReader, WriterLock
from proxy.store.pending import PendingFeedback
from proxy.store.quarantine import Quarantine
from proxy.store.rows import RowMapper
from proxy.types.decoded import Decoded, Decoder, OutputReader
from proxy.types.exchange import ModelCall, RecordKind
from proxy.types.feedback import DemonstrationReader

BATCH_BYTES = 8 * 2**20
ENOUGH_BYTES = 2**20
"""Of what waits: then a batch is large enough that waiting for more saves nothing."""
LOOK_S = 0.1
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
FAILED_ROUND_PAUSE_S = 1.0
LARGE_BYTES = 8 * 2**20
KEPT_BYTES = 16 * 2**20
TIMEOUTS_OF_A_LARGE_RECORD = 5
DECODING_S = 0.002
"""In one go, so that the loop is not held up; but a record is not interrupted."""
SLICE_S = 0.001
"""After so long a worker that waits for the same core may go first: calls matter more than rows."""

log = logging.getLogger(__name__)


class Writer:
    """One per host. Make it before the first worker starts: what it finds then is adopted.

    Args:
        folder: the journals.
        quarantine: for what cannot be stored.
        flush_interval: seconds from one batch to the next, at most; none is waited for by what
            comes after a pause, nor when much is there.
        retention_days: older exchanges are `expired`; None keeps all.
        shed: what all workers have shed so far, for the books.
        on_batch: told the seconds that a batch took.
        on_call: told what each model call meant, for counting tokens.
        reader: finds tool calls and JSON in the answers of functions.
        feedback_grace: seconds that feedback waits for its target, while Postgres can be asked and
            the journals are written as far as the feedback itself.
        demonstrations: checks those whose target was not known when they came.
        statement_seconds: how long one statement may take.

    Raises:
        StartupError: another process writes these journals.
    """

    def __init__(
        self,
        folder: Path,
        dsn: str,
        decoders: Mapping[str, Decoder],
        cells: WriterCells,
        *,
        quarantine: Path,
        batch_rows: int = 500,
        batch_bytes: int = BATCH_BYTES,
        flush_interval: float = 0.3,
        retention_days: int | None = None,
        shed: Callable[[], float] = lambda: 0.0,
        feedback_grace: float = 60.0,
        demonstrations: DemonstrationReader | None = None,
        statement_seconds: float = 30.0,
        on_batch: Callable[[float], None] = lambda seconds: None,
        on_call: Callable[[ModelCall, Decoded], None] = lambda call, decoded: None,
        reader: OutputReader | None = None,
    ) -> None:
        self._lock = WriterLock(folder)
        self._quarantine = Quarantine(quarantine)
        self._reader = JournalReader(folder, self._quarantine)
        self._store = BatchStore(
            dsn, demonstrations or NoFunctions(), statement_seconds=statement_seconds
        )
        self._decoder = ItemDecoder(RowMapper(decoders, on_call, reader), retention_days)
        self._cells = cells
        self._written_until = 0.0
        self._feedback = FeedbackQueue(
            PendingFeedback(folder),
            self._store,
            cells,
            feedback_grace,
            written_until=lambda: self._written_until,
        )
        self._batch_rows = batch_rows
        self._batch_bytes = batch_bytes
        self._interval = flush_interval
        self._look_s = min(LOOK_S, flush_interval)
        self._began = 0.0
        """The last round, on the monotonic clock."""
        self._at_work = False
        self._shed = shed
        self._on_batch = on_batch
        self._in_hand: list[Frame] = []
        self._hurry = asyncio.Event()
        self._settled = asyncio.Event()
        self._failures = 0
        self._publish()
        _keep_memory()

    async def run(self) -> None:
        """Write until cancelled. What is in hand then stays in the journals."""
        looking = asyncio.create_task(self._keep_looking())
        try:
            while True:
                self._hurry.clear()
                if not await self._round_or_again():
                    await self._hurry.wait()
        finally:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking
            self._store.close()

    async def flush(self, timeout: float) -> bool:
        """Wait until all that is journalled now is settled; whether it was in time."""
        self._reader.poll()
        tails = self._reader.tails()
        deadline = time.monotonic() + timeout
        while not self._reader.is_settled(tails):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._hurry.set()
            self._settled.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, LOOK_S)):
                    await self._settled.wait()
        self._publish()
        return True

    def close(self) -> None:
        """Let another process write these journals. `run` must have ended."""
        self._store.close()
        self._reader.close()
        self._lock.release()

    async def _round_or_again(self) -> bool:
        """A round; whatever goes wrong in it, all that is not settled will be read again."""
        self._began, self._at_work = time.monotonic(), True
        try:
            return await self._round()
        except Exception:
            log.exception("a round of the writer failed; it begins again")
            self._in_hand = []
            self._reader.rewind()
            await asyncio.sleep(FAILED_ROUND_PAUSE_S)
            return False
        finally:
            self._at_work = False

    async def _round(self) -> bool:
        """Read and settle one batch; whether there was as much as a batch holds."""
        looked_at = time.time()
        self._reader.poll()
        batch = self._reader.read(self._batch_rows, self._batch_bytes)
        until = self._reader.taken_until(batch, looked_at)
        if batch.ends:
            self._in_hand = batch.frames
            began = time.monotonic()
            await self._settle(batch)
            self._in_hand = []
            if batch.frames:
                self._on_batch(time.monotonic() - began)
        self._written_until = max(self._written_until, until)
        await self._feedback.resolve_some()
        self._publish()
        self._settled.set()
        return len(batch.frames) >= self._batch_rows

    async def _settle(self, batch: Batch) -> None:
        self._cells.quarantined.add(batch.damaged)
        items = await self._decode(batch.frames)
        await self._write(items)
        await self._feedback.take_over([item for item in items if item.must_wait])
        self._reader.settle(batch)
        self._reader.poll()

    # From frames to items.

    async def _decode(self, frames: list[Frame]) -> list[Item]:
        items: list[Item] = []
        self._decoder.look_at_clock()
        now = time.monotonic()
        until, slice_ends = now + DECODING_S, now + SLICE_S
        for frame in frames:
            item = Item(frame)
            try:
                self._decoder.fill(item)
            except Expired:
                self._cells.expired.add(1)
            except Exception as error:
                await self._put_aside(item, f"it cannot be decoded: {type(error).__name__}")
            else:
                items.append(item)
                if item.decode_failures:
                    self._cells.decode_failures.add(item.decode_failures)
            if (now := time.monotonic()) >= slice_ends:
                os.sched_yield()
                slice_ends = now + SLICE_S
                if now >= until:
                    await asyncio.sleep(0)
                    until = now + DECODING_S
        return items

    # From items to Postgres.

    async def _write(self, items: list[Item]) -> None:
        """Write all that can be written, put aside the rest; waits as long as it takes."""
        pieces = [[item for item in items if not item.must_wait]]
        while pieces:
            piece = pieces.pop()
            if not piece:
                continue
            refusal = await self._write_piece(piece)
            if refusal is None:
                self._count_written(piece)
            elif len(piece) == 1 and self._decoder.make_plain(piece[0]):
                self._cells.decode_failures.add(1)
                log.warning("stored without what was decoded of it: %s", refusal)
                pieces.append(piece)
            elif len(piece) == 1:
                await self._put_aside(piece[0], refusal)
            else:
                middle = len(piece) // 2
                pieces += [piece[middle:], piece[:middle]]

    async def _write_piece(self, piece: list[Item]) -> str | None:
        """Write it, however long that takes; or why it has to be divided or put aside."""
        timeouts = 0
        while True:
            try:
                await self._store.write(piece)
            except Refused as error:
                self._cells.failures_refused.add(1)
                return str(error)
            except TimedOut as error:
                timeouts += 1
                await self._unavailable(error)
                if timeouts > 1 and len(piece) > 1:
                    return str(error)
                if timeouts >= TIMEOUTS_OF_A_LARGE_RECORD and _is_large(piece):
                    return str(error)
            except StoreUnavailable as error:
                await self._unavailable(error)
            else:
                self._failures = 0
                self._cells.postgres_up.set(1)
                return None

    async def _unavailable(self, error: StoreUnavailable) -> None:
        """Say so, and wait a little longer each time."""
        self._cells.postgres_up.set(0)
        self._cells.failures_unavailable.add(1)
        pause = min(FIRST_PAUSE_S * 2**self._failures, LONGEST_PAUSE_S) * random.uniform(0.5, 1)
        level = logging.WARNING if self._failures < 3 else logging.ERROR
        log.log(level, "writing has to wait (%d in hand): %s", len(self._in_hand), error)
        self._failures = min(self._failures + 1, 10)
        await asyncio.sleep(pause)

    async def _put_aside(self, item: Item, reason: str) -> None:
        """Into the quarantine; when even that is refused, again and again."""
        while True:
            try:
                self._quarantine.keep(item.name, item.frame.payload, kind=item.kind, reason=reason)
            except JournalFailed as error:
                log.error("%s", error)
                await asyncio.sleep(LONGEST_PAUSE_S)
            else:
                break
        if item.is_exchange:
            self._cells.quarantined.add(1)
        elif item.frame.kind == RecordKind.FEEDBACK:
            self._cells.feedback_rejected.add(1)

    def _count_written(self, piece: list[Item]) -> None:
        exchanges = feedback = 0
        for item in piece:
            if item.is_exchange:
                exchanges += 1
            elif item.feedback is not None:
                feedback += 1
        self._cells.written.add(exchanges)
        self._cells.feedback_written.add(feedback)

    # For those who look.

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(self._look_s)
            try:
                self._look()
            except OSError as error:
                log.error("the journals cannot be looked at: %s", error)
                self._hurry.set()

    def _look(self) -> None:
        """See what waits, say so, and whether it is time for a batch."""
        looked_at = time.time()
        self._reader.poll()
        if self._at_work:
            if self._in_hand:
                self._reader.survey()
        elif self._is_time():
            self._hurry.set()
        elif not self._reader.unread:
            self._written_until = max(self._written_until, looked_at)
        self._publish()

    def _is_time(self) -> bool:
        unread = self._reader.unread
        if not unread and not len(self._feedback):
            return False
        # Not a whole look later for the sake of a moment.
        passed = time.monotonic() - self._began + self._look_s / 2
        return unread >= ENOUGH_BYTES or passed >= self._interval

    def _publish(self) -> None:
        cells, reader = self._cells, self._reader
        cells.produced.set(reader.produced + self._shed())
        cells.adopted.set(reader.adopted)
        cells.journalled.set(reader.journalled)
        cells.oldest_seconds.set(self._oldest_seconds())
        cells.written_until.set(self._written_until)
        cells.feedback_pending.set(len(self._feedback))
        cells.journal_bytes.set(reader.bytes)
        cells.journal_ticks.add(1)

    def _oldest_seconds(self) -> float:
        times = [frame.at_ms for frame in self._in_hand[:1]]
        waiting = self._reader.oldest_ms
        oldest = min(times if waiting is None else [*times, waiting], default=None)
        return 0.0 if oldest is None else max(0.0, time.time() - oldest / 1000)


def _keep_memory() -> None:
    """Let the allocator keep what a batch needs for the next one, instead of giving it back to the
    system and being handed it page by page again.

    Once a large piece has been freed, glibc takes pieces up to its size from the heap, and gives
    back only what is unused beyond twice that (mallopt(3), M_MMAP_THRESHOLD). The memory of this
    one is never touched, so it costs nothing; other allocators do not care.
    """
    bytes(KEPT_BYTES)


def _is_large(piece: list[Item]) -> bool:
    return len(piece) == 1 and len(piece[0].frame.payload) >= LARGE_BYTES
