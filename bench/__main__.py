"""`python -m bench`: the product against a bare pass-through."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.canned import SCENARIOS, Scenario
from bench.measure import choose_cores, cpu_model
from bench.report import Findings, Setting, micros_per_unit
from bench.rounds import Result, Seen, run_direct, run_rounds
from bench.subjects import BenchError, Product, Stage, start_bare

RESULTS = Path(__file__).parent / "results"
DIRECT_S = 1.0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=8, help="of all subjects, each once")
    parser.add_argument("--seconds", type=float, default=3.0, help="of one measured run")
    parser.add_argument("--warm", type=float, default=0.5, help="seconds of warm-up before it")
    parser.add_argument("--scenario", choices=[*SCENARIOS, "all"], default="all")
    parser.add_argument("--seed", type=int, default=1, help="of the order inside rounds")
    parser.add_argument(
        "--control", action="store_true", help="measure the bare pass-through twice: the noise"
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="measure the product with N workers, too"
    )
    parser.add_argument("--no-product", action="store_true", help="only the bare pass-through")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the figures there, not to bench/results"
    )
    return parser.parse_args()


def run(options: argparse.Namespace) -> Findings:
    """Start everything, measure, stop everything."""
    scenarios = [
        scenario for name, scenario in SCENARIOS.items() if options.scenario in (name, "all")
    ]
    cores = choose_cores()
    os.sched_setaffinity(0, {cores.rest})
    with Stage(cores) as stage:
        direct = measure_direct(stage, scenarios)
        start_subjects(stage, options)
        results = []
        for result in run_rounds(
            stage.subjects,
            scenarios,
            rounds=options.rounds,
            warm=options.warm,
            seconds=options.seconds,
            core=cores.rest,
            seed=options.seed,
        ):
            show(result)
            results.append(result)
        products = [each for each in stage.subjects if isinstance(each, Product)]
        recorded = {each.name: (each.answered, each.recorded() or 0) for each in products}
        moved = all(product.postgres_moved for product in products)
    return Findings(setting(options, cores.apart, moved), results, direct, recorded)


def measure_direct(stage: Stage, scenarios: list[Scenario]) -> dict[str, Seen]:
    """How much the provider and the load can do, before anything stands between them."""
    direct = {}
    for scenario in scenarios:
        seen = run_direct(scenario, stage.upstream_port, seconds=DIRECT_S, core=stage.cores.rest)
        direct[scenario.name] = seen
        rate = seen.answered * scenario.units_per_answer / seen.elapsed_s
        say(f"straight on the provider, {scenario.name}: {rate:,.0f} {scenario.unit}s per second")
    return direct


def start_subjects(stage: Stage, options: argparse.Namespace) -> None:
    names = ["bare", "bare again"] if options.control else ["bare"]
    for name in names:
        stage.subjects.append(start_bare(name, stage.upstream_port, stage.cores, stage.folder))
    if not options.no_product:
        say("starting the product with its own Postgres")
        stage.subjects.append(Product("product", stage.upstream_port, stage.cores, stage.folder))
    if options.workers:
        name = f"{options.workers} workers"
        made = Product(
            name, stage.upstream_port, stage.cores, stage.folder, workers=options.workers
        )
        stage.subjects.append(made)


def setting(options: argparse.Namespace, apart: bool, postgres_apart: bool) -> Setting:
    return Setting(
        machine=cpu_model(),
        cores=os.cpu_count() or 1,
        apart=apart,
        postgres_apart=postgres_apart,
        python=platform.python_version(),
        versions={name: version(name) for name in ("aiohttp", "uvloop")},
        rounds=options.rounds,
        seconds=options.seconds,
        date=datetime.now(UTC).date().isoformat(),
    )


def show(result: Result) -> None:
    say(
        f"round {result.round} {result.scenario:6} {result.subject:10} "
        f"{micros_per_unit(result):8.1f} µs each, {result.units:7,} units, "
        f"{result.seen.errors} wrong, settled after {result.settle_s:.1f} s"
    )


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def write(findings: Findings, target: Path | None) -> None:
    """To `target` only where one is given, else to the results that are kept."""
    plain = json.dumps(findings.plain(), indent=1) + "\n"
    if target is not None:
        target.write_text(plain)
        return
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "latest.json").write_text(plain)
    (RESULTS / "latest.md").write_text(findings.markdown())


def main() -> int:
    options = parse()
    if not sys.platform.startswith("linux"):
        say("error: the benchmark reads /proc, so it needs Linux")
        return 1
    try:
        findings = run(options)
    except BenchError as error:
        say(f"error: {error}")
        return 1
    print(findings.markdown())
    write(findings, options.json)
    return 1 if findings.problems() else 0


if __name__ == "__main__":
    sys.exit(main())
