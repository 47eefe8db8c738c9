"""`python -m bench`: the product beside a bare pass-through, and beside its peers."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench import page
from bench.bounds import Verdict, judge_all
from bench.command import complain, run_program
from bench.documents import RESULTS, TARGETS, Document, load_all
from bench.measure import Cores, cpu_model
from bench.options import build_plan, is_whole, parse
from bench.plot import draw_bench, draw_peers
from bench.report import render_report
from bench.results import Journal, Setting, digest_sources
from bench.rounds import find_missing, measure_direct, run_plan
from bench.soak import run_soak
from bench.stage import Stage, open_stage


def measure(options: argparse.Namespace, journal: Journal, stage: Stage) -> Document:
    """Everything that the target wants, and is not in the journal yet."""
    missing: dict[str, str] = {}
    if options.target == "soak":
        for result in run_soak(stage, options.requests):
            journal.add(result)
    else:
        plan = build_plan(options)
        missing = find_missing(stage, plan)
        plan = plan.without(set(missing))
        journal.keep_whole({scenario.name: names for scenario, names in plan.scenarios})
        if not any(result.round == 0 for result in journal.results):
            for result in measure_direct(stage, plan):
                journal.add(result)
        run_plan(stage, plan, journal)
    recorded = {
        subject.name: pair
        for subject in stage.subjects.values()
        if (pair := subject.recorded()) is not None
    }
    return Document(journal.setting, journal.results, recorded, missing)


def build_setting(options: argparse.Namespace, cores: Cores) -> Setting:
    return Setting(
        target=options.target,
        machine=cpu_model(),
        cores=os.cpu_count() or 1,
        apart=cores.apart,
        python=platform.python_version(),
        versions={name: version(name) for name in ("aiohttp", "uvloop")},
        rounds=options.rounds,
        seconds=options.seconds,
        sources=digest_sources(),
        date=datetime.now(UTC).date().isoformat(),
    )


def journal_file(options: argparse.Namespace) -> Path | None:
    """Where an interrupted run is gone on with; only whole runs of `peers` are worth it."""
    if options.target != "peers" or not is_whole(options):
        return None
    path = RESULTS / "peers.jsonl"
    if options.fresh:
        path.unlink(missing_ok=True)
    return path


def keep(document: Document, verdicts: list[Verdict]) -> None:
    """Write what is kept: JSON, Markdown, the plot, and the pages that quote them."""
    RESULTS.mkdir(exist_ok=True)
    name = TARGETS[document.setting.target]
    (RESULTS / f"{name}.json").write_text(document.dump())
    (RESULTS / f"{name}.md").write_text(render_report(document, verdicts))
    drawers = {"bench": draw_bench, "peers": draw_peers}
    if document.setting.target in drawers:
        (RESULTS / f"{name}.svg").write_text(drawers[document.setting.target](document))
    page.main()


def run(options: argparse.Namespace) -> int:
    """Measure, show, keep; the exit code."""
    with open_stage() as stage:
        setting = build_setting(options, stage.at.cores)
        journal = Journal(journal_file(options), setting)
        document = measure(options, journal, stage)
    documents = (
        {**load_all(), options.target: document}
        if is_whole(options)
        else {options.target: document}
    )
    verdicts = judge_all(documents)
    print(render_report(document, verdicts))
    if is_whole(options):
        keep(document, verdicts)
        journal.remove()
    elif options.json:
        options.json.write_text(document.dump())
    return complain(document.setting.target, document.problems(), verdicts)


def main() -> int:
    options = parse()
    return run_program(lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
