"""What the programs of this package do alike: how they begin, how they end, what they exit with."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterable

from bench.bounds import Verdict
from bench.errors import BenchError
from bench.rounds import say


def complain(target: str, problems: Iterable[str], verdicts: Iterable[Verdict]) -> int:
    """A sentence for each thing that is wrong with a run of `target`; the exit code."""
    exceeded = [each for each in verdicts if each.bound.target == target and each.exceeded]
    sentences = [
        *(f"wrong: {problem}" for problem in problems),
        *(f"bound exceeded: {verdict.sentence()}" for verdict in exceeded),
    ]
    for sentence in sentences:
        say(sentence)
    return 1 if sentences else 0


def run_program(run: Callable[[], int], *errors: type[Exception]) -> int:
    """Run it, with the given kinds of failure beside `BenchError` told in a line; the exit code."""
    if not sys.platform.startswith("linux"):
        say("error: the benchmark reads /proc, so it needs Linux")
        return 1
    # So that what was started is stopped, too, when this is told to end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return run()
    except (BenchError, *errors) as error:
        say(f"error: {error}")
        return 1
