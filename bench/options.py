"""The command line of the benchmark, and the plan that it asks for."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.errors import BenchError
from bench.rounds import Plan
from bench.scenarios import SCENARIOS, Scenario

EPILOG = (
    "`bench`: the bare pass-through and the product. `peers`: nginx, LiteLLM's proxy and "
    "TensorZero's engine as well; it goes on where it was interrupted. `soak`: a million requests. "
    "Only a whole run writes to bench/results and into the pages; exits with 1 when answers are "
    "wrong, records are missing, or a bound of bench/bounds.toml is exceeded."
)
SECONDS = {"bench": 1.5, "peers": 4.0, "soak": 0.0}
QUICK_ROUNDS, QUICK_SECONDS = 2, 1.0
MEASURES_OF_OTHERS = ("bare", "bare tls", "direct")
SLOW = ("held", "start", "backlog")
"""Scenarios that `--quick` leaves out, unless they are asked for."""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", epilog=EPILOG)
    parser.add_argument("target", nargs="?", choices=[*SECONDS], default="bench")
    parser.add_argument(
        "--scenario",
        action="append",
        choices=[*SCENARIOS, "all"],
        help="only this one; may be given several times",
    )
    parser.add_argument(
        "--subject",
        action="append",
        metavar="NAME",
        help="only this one and what it is held against",
    )
    parser.add_argument("--rounds", type=int, help="of all subjects, each once (8)")
    parser.add_argument("--seconds", type=float, help="of one measured run (1.5; peers: 4)")
    parser.add_argument("--warm", type=float, default=0.5, help="seconds of warm-up before it")
    parser.add_argument(
        "--quick", action="store_true", help="2 rounds of 1 s, without what is slow"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the order inside rounds")
    parser.add_argument(
        "--control", action="store_true", help="measure the bare pass-through twice: the noise"
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="measure the product with N workers, too"
    )
    parser.add_argument("--no-product", action="store_true", help="leave the product out")
    parser.add_argument("--requests", type=int, default=1_000_000, help="of `soak`")
    parser.add_argument("--fresh", action="store_true", help="forget what an interrupted run left")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the figures there, not to bench/results"
    )
    options = parser.parse_args(arguments)
    if options.rounds is None:
        options.rounds = QUICK_ROUNDS if options.quick else 8
    if options.seconds is None:
        options.seconds = QUICK_SECONDS if options.quick else SECONDS[options.target]
    return options


def is_whole(options: argparse.Namespace) -> bool:
    """Whether the run is one whose results are kept."""
    partly = (
        options.scenario or options.subject or options.quick or options.control or options.workers
    )
    return not (partly or options.no_product or options.json or options.requests < 1_000_000)


def build_plan(options: argparse.Namespace) -> Plan:
    """Raises BenchError where nothing is left to measure."""
    scenarios = [
        (scenario, names)
        for scenario in SCENARIOS.values()
        if _wanted(scenario, options) and (names := _subjects(scenario, options))
    ]
    if not scenarios:
        raise BenchError(f"there is nothing to measure for `{options.target}`")
    return Plan(scenarios, options.rounds, options.seconds, options.warm, options.seed)


def _wanted(scenario: Scenario, options: argparse.Namespace) -> bool:
    if options.scenario and "all" not in options.scenario:
        return scenario.name in options.scenario
    return not (options.quick and scenario.kind in SLOW)


def _subjects(scenario: Scenario, options: argparse.Namespace) -> tuple[str, ...]:
    names = scenario.subjects if options.target == "bench" else scenario.peers
    if options.subject:
        names = tuple(name for name in names if name in (*MEASURES_OF_OTHERS, *options.subject))
    if options.no_product:
        names = tuple(name for name in names if name not in ("product", "unrecorded"))
        names = tuple(name for name in names if name != "many functions")
    elif options.workers and scenario.kind == "closed" and "product" in names:
        names += (f"{options.workers} workers",)
    if options.control and scenario.kind == "closed" and "bare" in names:
        names += ("bare again",)
    return names
