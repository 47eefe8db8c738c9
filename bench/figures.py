"""Every figure's name, how it is shown, and how results are asked for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.estimates import Spread, spread
from bench.results import Result


@dataclass(frozen=True, slots=True)
class Figure:
    """A row of the tables. `{unit}` in its title is a request or a chunk."""

    name: str
    title: str
    digits: int = 1
    ratio: bool = False
    """Whether its ratio to the bare pass-through is a row, too."""
    beyond_direct: bool = False
    """Whether what it adds to that of the provider alone is a row, too."""


FIGURES = (
    Figure("cpu_us", "CPU µs per {unit}, all processes", ratio=True),
    Figure("worker_us", "of it the worker", ratio=True),
    Figure("main_us", "of it the main process (writer)"),
    Figure("postgres_us", "Postgres beside it"),
    Figure("rate", "{unit}s a second", 0, ratio=True),
    Figure("asked_rate", "calls a second", 0),
    Figure("p50_ms", "latency p50, ms", 2, beyond_direct=True),
    Figure("p99_ms", "latency p99, ms", 2, beyond_direct=True),
    Figure("first_p50_ms", "time to first chunk p50, ms", 2, beyond_direct=True),
    Figure("first_p99_ms", "time to first chunk p99, ms", 2, beyond_direct=True),
    Figure("lag_p99_ms", "worker's event-loop lag p99, ms", 2),
    Figure("amplification", "calls at the provider for one call", 3),
    Figure("refused_share", "calls answered with the provider's refusal, share", 2),
    Figure("stream_kb", "memory per stream, KB"),
    Figure("before_mb", "memory before, MB"),
    Figure("during_mb", "memory with all streams, MB"),
    Figure("start_s", "start-up, s (the product: with an existing database)", 2, ratio=True),
    Figure("start_again_s", "start-up with its own Postgres of before, s", 2),
    Figure("start_new_s", "start-up with a new Postgres of its own, s", 2),
    Figure("idle_mb", "memory at rest, MB"),
    Figure("idle_workers_mb", "of it all but the main process"),
    Figure("idle_main_mb", "of it the main process"),
    Figure("idle_cpu_percent", "CPU at rest, %", 2),
    Figure("drain_s", "until the backlog was written, s"),
    Figure("drain_rate", "exchanges written a second meanwhile", 0),
    Figure("direct_p99_ms", "p99 of the provider alone, ms", 2),
    Figure("quiet_p99_ms", "p99 without a backlog, ms", 2),
    Figure("added_p99_ratio", "added p99 with a backlog, × that without", 2),
    Figure("slope_bytes", "growth, bytes for each request", 2),
    Figure("requests", "requests", 0),
    Figure("lost", "records lost", 0),
    Figure("first_mb", "memory after a tenth, MB"),
    Figure("last_mb", "memory at the end, MB"),
    Figure("memory_mb", "memory after load, MB"),
    Figure("memory_postgres_mb", "Postgres beside it, MB"),
    Figure("wal_bytes", "write-ahead log, bytes for each", 0),
    Figure("batch_ms", "the writer's longest batch, ms", 0),
    Figure("behind_reader_ms", "the same while somebody reads what is to be dropped, ms", 0),
    Figure("late_queries", "queries beyond their budget", 0),
    Figure("scanning_queries", "queries that read a large table from end to end", 0),
    Figure("settle_s", "from the last answer to the last record, s", 2),
)


@dataclass(frozen=True, slots=True)
class Question:
    """A figure of a subject; perhaps less another's, perhaps divided by a third's."""

    scenario: str
    figure: str
    subject: str = "product"
    against: str = ""
    beyond: str = ""
    """Taken from the subject's figure, and from that of `against`."""

    def values(self, results: Sequence[Result]) -> list[float]:
        """One for each round, or turn of it, in which all that is asked for was measured.

        One in which the noise was larger than what is divided by says nothing, and is left out.
        """
        subject, against, beyond = (
            {
                (each.round, each.turn): each.figures[self.figure]
                for each in results
                if (each.scenario, each.subject) == (self.scenario, name)
                and self.figure in each.figures
            }
            for name in (self.subject, self.against, self.beyond)
        )
        values = []
        for number, value in subject.items():
            if (self.beyond and number not in beyond) or (self.against and number not in against):
                continue
            less = beyond.get(number, 0.0)
            base = against[number] - less if self.against else 1.0
            if base > 0:
                values.append((value - less) / base)
        return values

    def spread(self, results: Sequence[Result]) -> Spread | None:
        """None where nothing was measured. Its own interval where the figure came with one."""
        low, high = (self._part(results, end) for end in ("low", "high"))
        values = self.values(results)
        if low and high and values:
            return Spread(values[0], low[0], high[0])
        return spread(values) if values else None

    def _part(self, results: Sequence[Result], end: str) -> list[float]:
        return Question(self.scenario, f"{self.figure}_{end}", self.subject).values(results)
