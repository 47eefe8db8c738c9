"""`python -m bench.faults`: every fault under load, and a verdict."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from bench.faults.catalogue import FAULTS
from bench.faults.errors import NotHere, StageError
from bench.faults.page import (
    MUCH_CORES,
    RESULTS,
    Line,
    load_lines,
    render_table,
    store_lines,
    update_page,
)
from bench.faults.run import Fault, run_fault
from bench.faults.verdict import judge
from bench.measure import cpu_model


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=FAULTS, metavar="NAME", help="these faults")
    parser.add_argument("--missing", action="store_true", help="those without a kept result")
    parser.add_argument("--list", action="store_true", help="show the names, and do nothing")
    parser.add_argument("--rate", type=float, help="calls a second (default: 60 %% of capacity)")
    parser.add_argument("--logs", type=Path, metavar="FOLDER", help="keep the product's logs")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="keep results there, and leave the docs alone"
    )
    return parser.parse_args()


def chosen(options: argparse.Namespace, kept: dict[str, Line]) -> list[Fault]:
    names = options.only or [
        name for name in FAULTS if not options.missing or name not in kept or kept[name].failed()
    ]
    return [FAULTS[name] for name in names]


def try_fault(fault: Fault, rate: float | None, logs: Path | None) -> Line:
    date = datetime.now(UTC).date().isoformat()
    machine = f"{os.cpu_count()} cores, {cpu_model()}"
    try:
        with uvloop_runner() as runner:
            outcome = runner.run(run_fault(fault, say, rate=rate, logs=logs))
    except (NotHere, StageError) as missing:
        say(f"{fault.name}: not tried, {missing}")
        return Line(fault.name, date, machine, None, str(missing).partition("\n")[0])
    verdict = judge(outcome, fault.limits)
    say(
        f"{fault.name}: {'held' if verdict.passed else 'BROKEN'}; {outcome.sent} calls, failed "
        f"{outcome.failed or 0}, lost {outcome.lost}, doubled {outcome.doubled}, recovered after "
        f"{outcome.recovery_s} s, {outcome.memory_mb:.0f} to {outcome.memory_peak_mb:.0f} MB"
    )
    ids = outcome.missing_ids if outcome.lost else ()
    if outcome.others_cores > MUCH_CORES:
        say(f"    others took {outcome.others_cores:.1f} cores: figures of time mean little")
    for text in (*outcome.notes, *verdict.reasons, *ids):
        say(f"    {text}")
    return Line(fault.name, date, machine, outcome)


def uvloop_runner() -> asyncio.Runner:
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


def say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


def main() -> int:
    options = parse()
    if options.list:
        for fault in FAULTS.values():
            print(f"{fault.name:26} {fault.title}")
        return 0
    target = options.json or RESULTS
    lines = load_lines(target)
    tried = []
    for fault in chosen(options, lines):
        lines[fault.name] = try_fault(fault, options.rate, options.logs)
        tried.append(fault.name)
        store_lines(lines, target)
    print(render_table(lines))
    if options.json is None:
        update_page()
    return 1 if any(lines[name].failed() for name in tried) else 0


if __name__ == "__main__":
    sys.exit(main())
