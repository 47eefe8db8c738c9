"""The runs: every subject once in each round, in random order."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from bench.canned import Scenario
from bench.measure import Account, pinned
from bench.subjects import OTHERS_MODEL, ROOT, BenchError, Subject

GRACE_S = 60.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What the load generator saw."""

    answered: int
    errors: int
    first_errors: Sequence[str]
    elapsed_s: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Result:
    """One subject, one scenario, one round."""

    subject: str
    scenario: str
    round: int
    units: int
    """Requests or chunks."""
    cpu: Account
    """CPU-seconds, from the first call until the last record is written."""
    memory: Account
    """MB, when all was done."""
    seen: Seen
    settle_s: float
    """From the last answer until the last record."""


class Load:
    """A load generator, which warms up, waits, and runs."""

    def __init__(
        self,
        scenario: Scenario,
        port: int,
        model: str,
        *,
        warm: float,
        seconds: float,
        core: int,
        times: int = 1,
    ) -> None:
        arguments = ["--scenario", scenario.name, "--port", str(port), "--model", model]
        arguments += ["--warm", str(warm), "--seconds", str(seconds), "--times", str(times)]
        with pinned(core):
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bench.load", *arguments],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def warmed(self) -> Seen:
        return self._read()

    def run(self) -> Seen:
        pipe = self._pipe(self._process.stdin)
        pipe.write("go\n")
        pipe.flush()
        return self._read()

    def _read(self) -> Seen:
        line = self._pipe(self._process.stdout).readline()
        if not line:
            raise BenchError("the load generator ended early")
        return Seen(**json.loads(line))

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe


def measure_once(
    subject: Subject, scenario: Scenario, number: int, *, warm: float, seconds: float, core: int
) -> Result:
    """Warm the subject up, then let its accounts hold exactly the calls that are counted."""
    with Load(
        scenario,
        subject.port,
        subject.model,
        warm=warm,
        seconds=seconds,
        core=core,
        times=subject.workers,
    ) as load:
        subject.settle(load.warmed().answered)
        before = subject.cpu()
        seen = load.run()
        answered_at = time.monotonic()
        subject.settle(seen.answered)
        settle_s = time.monotonic() - answered_at
        spent = subject.cpu() - before
    units = seen.answered * scenario.units_per_answer
    return Result(
        subject.name, scenario.name, number, units, spent, subject.memory(), seen, settle_s
    )


def run_direct(scenario: Scenario, port: int, *, seconds: float, core: int) -> Seen:
    """The load straight on the provider, both on one core: what the rest of the bench can do."""
    with Load(scenario, port, OTHERS_MODEL, warm=0.3, seconds=seconds, core=core) as load:
        load.warmed()
        return load.run()


def run_rounds(
    subjects: Sequence[Subject],
    scenarios: Sequence[Scenario],
    *,
    rounds: int,
    warm: float,
    seconds: float,
    core: int,
    seed: int,
) -> Iterator[Result]:
    """Yields each result as soon as it is there."""
    shuffler = random.Random(seed)
    for number in range(1, rounds + 1):
        for scenario in scenarios:
            order = list(subjects)
            shuffler.shuffle(order)
            for subject in order:
                yield measure_once(subject, scenario, number, warm=warm, seconds=seconds, core=core)
