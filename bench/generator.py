"""A load generator as its parent sees it: a process that does what the lines say."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from bench.errors import BenchError
from bench.loads.target import Command, Target
from bench.measure import pinned
from bench.programs import ROOT

Line = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the applications saw. Times in ms, but for `elapsed_s`."""

    answered: int
    refused: int
    """Of them, answers with a status that the script allows, such as 503."""
    errors: int
    first_errors: Sequence[str]
    elapsed_s: float
    p50_ms: float
    p99_ms: float
    first_p50_ms: float
    """Until the first byte of the body."""
    first_p99_ms: float
    block_p99_ms: Sequence[float]
    """The p99 of each two seconds."""

    @property
    def rate(self) -> float:
        return self.answered / self.elapsed_s


class Generator:
    """Ended when it is left."""

    def __init__(self, target: Target, core: int) -> None:
        with pinned(core):
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bench.loads", target.dump()],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )

    def __enter__(self) -> Generator:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def run(self, command: Command) -> Seen:
        """From beginning to end."""
        self.begin(command)
        return self.seen()

    def begin(self, command: Command) -> None:
        self._write(command.dump())

    def tell(self) -> None:
        """To a command that waits to be told."""
        self._write("")

    def seen(self) -> Seen:
        """Waits for the end of the command."""
        line = dict(self.line())
        return Seen(**line)  # type: ignore[arg-type]

    def line(self) -> Line:
        """The next line that it says. Raises BenchError when it has ended."""
        line = self._pipe(self._process.stdout).readline()
        if not line:
            raise BenchError("the load generator ended early")
        said: Line = json.loads(line)
        return said

    def _write(self, line: str) -> None:
        pipe = self._pipe(self._process.stdin)
        pipe.write(line + "\n")
        pipe.flush()

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe
