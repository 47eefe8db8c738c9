"""The product's writer in this process: journals filled beforehand, and drained into a database."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import BenchError
from bench.scale.feedback import FEEDBACK_TABLES, build_feedback
from bench.scale.plan import SHARES, USERS, Identity, mixed, moment
from bench.scale.shapes import Shape, build_exchange, place_of
from proxy.inference.recorded import RecordedOutputReader
from proxy.store.accounts import WriterCells
from proxy.store.journal import Journal
from proxy.store.writer import Writer
from proxy.types.exchange import Exchange, Feedback, RecordKind
from proxy.types.ids import id_millis, new_id
from proxy.wire.chat_completions.decode import ChatCompletionsDecoder

DRAIN_SECONDS = 900.0
KIND_OF = {place: kind for kind, places in SHARES.items() for place in places}
_WORDS = "a question of the usual length, with words of its own and number "


@dataclass(slots=True)
class Timed:
    """When each batch ended, and how long it took; seconds, of the monotonic clock."""

    batches: list[tuple[float, float]] = field(default_factory=list)
    cpu: float = 0.0
    """This process's CPU time at the end of the last batch."""

    def add(self, seconds: float) -> None:
        self.batches.append((time.monotonic(), seconds))
        self.cpu = time.process_time()

    def longest(self, since: float = 0.0, until: float = float("inf")) -> float:
        """Of the batches that ended, or were under way, between these moments."""
        taken = [took for end, took in self.batches if end >= since and end - took <= until]
        return max(taken, default=0.0)


class Draining:
    """A journal and its writer, in a folder of their own that is gone in the end."""

    def __init__(self, folder: Path, dsn: str) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self._folder = folder
        self._journals = folder / "journal"
        self._journals.mkdir(parents=True)
        self.cells = WriterCells()
        self.timed = Timed()
        self.journal = Journal(self._journals)
        self._dsn = dsn

    def fill(self, records: Iterable[Exchange | Feedback]) -> int:
        """Append them all; how many they were."""
        count = 0
        for record in records:
            kind = RecordKind.EXCHANGE if isinstance(record, Exchange) else RecordKind.FEEDBACK
            self.journal.append(kind, record)
            count += 1
        return count

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Writer]:
        """The writer at work, as the program sets it up."""
        writer = Writer(
            self._journals,
            self._dsn,
            {"chat_completions": ChatCompletionsDecoder()},
            self.cells,
            quarantine=self._folder / "quarantine",
            on_batch=self.timed.add,
            reader=RecordedOutputReader(),
        )
        task = asyncio.create_task(writer.run())
        try:
            yield writer
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            writer.close()
            await self.journal.close()
            shutil.rmtree(self._folder, ignore_errors=True)

    def check(self, count: int) -> None:
        """Raises BenchError where not all of so many records were written."""
        written = int(self.cells.written.get() + self.cells.feedback_written.get())
        if written != count:
            raise BenchError(f"{count} records were journalled, {written} written")


def fresh_exchanges(shapes: list[Shape], count: int) -> Iterator[Exchange]:
    """Calls of this moment, in the shares of the plan; each has words of its own."""
    for number in range(count):
        shape = shapes[place_of(number)]
        question = f"{shape.question} {_WORDS}{mixed(number, 6) % 10**9}"
        yield build_exchange(shape, fresh_identity(number), question=question)


def fresh_identity(number: int) -> Identity:
    """Of a call that is made now."""
    made, episode, call = new_id(), new_id(), new_id()
    return Identity(
        made.bytes,
        moment(id_millis(made)),
        episode.bytes,
        call.bytes,
        b"chatcmpl-" + made.hex.encode()[:29],
        b"%06d" % (mixed(number, 7) % USERS),
    )


def fresh_feedback(count: int, targets: Iterator[bytes]) -> Iterator[Feedback]:
    """Feedback of all kinds that came just now, for these inferences."""
    for number in range(count):
        kind = KIND_OF[number % 20]
        assert kind in FEEDBACK_TABLES
        yield build_feedback(new_id().bytes, kind, next(targets), mixed(number, 8))
