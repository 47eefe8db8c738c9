"""10,000 calls a second on paper, from what was measured.

`python -m bench.scale.paper` prints it, `python -m bench.scale.page` puts it into its page.
Whatever is not measured is an assumption, and said to be one.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from bench.documents import Document, load_all
from bench.estimates import spread
from bench.figures import Question
from bench.scale.found import Found, load_found
from bench.scale.load import MONTHLY

BEGIN = "<!-- capacity: written by `python -m bench.scale.page` from bench/results -->"
END = "<!-- capacity: end -->"

RATE = 10_000
BUSY = 0.6
"""How busy a core is to be: the rest is for bursts, and for a pod that is away."""
CORES = 4
"""Of a pod: the main process has one, workers the others."""
ROWS_OF_A_CALL = 5
CONNECTIONS_OF_A_WORKER = 2
"""At most, and only where somebody gives feedback or asks for examples."""
LARGEST_CORES, LARGEST_LOG_MB, LARGEST_DISK_TB = 32, 150, 16
"""What one Postgres server is assumed to have: cores, log a second that its replicas can follow,
room."""
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Costs:
    """Of a call of 1 KB in and out. Microseconds of CPU, bytes."""

    worker_us: float
    main_us: float
    postgres_us: float
    disk: float
    """All tables and indexes."""
    wal: float
    metadata: float
    """Of the disk, what the tables by month take: these may be kept longer."""
    writer_rate: float
    """Exchanges a second that one writer writes, alone."""
    repeated: float
    """How much more log full tables make than empty ones."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What so many calls a second take."""

    rate: float
    worker_cores: float
    main_cores: float
    pods: int
    pod_rate: float
    connections: int
    postgres_cores: float
    rows: float
    commits: float
    wal_mb: float
    wal_day_tb: float
    disk_day_tb: float
    metadata_day_gb: float


def plan_capacity(costs: Costs, rate: float = RATE) -> Capacity:
    """Cores are those that are there, busy for `BUSY` of the time."""
    workers = CORES - 1
    by_workers = workers * BUSY * 1e6 / costs.worker_us
    by_writer = min(BUSY * 1e6 / costs.main_us, BUSY * costs.writer_rate)
    pod_rate = min(by_workers, by_writer)
    pods = ceil(rate / pod_rate) + 1
    wal = costs.wal * costs.repeated
    return Capacity(
        rate,
        rate * costs.worker_us / 1e6 / BUSY,
        rate * costs.main_us / 1e6 / BUSY,
        pods,
        pod_rate,
        pods * (1 + 1 + workers * CONNECTIONS_OF_A_WORKER),
        rate * costs.postgres_us / 1e6 / BUSY,
        rate * ROWS_OF_A_CALL,
        min(10.0 * pods, rate),
        rate * wal / 1e6,
        rate * wal * DAY_S / 1e12,
        rate * costs.disk * DAY_S / 1e12,
        rate * costs.metadata * DAY_S / 1e9,
    )


def largest_rate(costs: Costs) -> tuple[float, float]:
    """Calls a second that one Postgres takes: by its cores, by its log."""
    by_cores = LARGEST_CORES * BUSY * 1e6 / costs.postgres_us
    return by_cores, LARGEST_LOG_MB * 1e6 / (costs.wal * costs.repeated)


def read_costs(bench: Document, found: Found) -> Costs | None:
    """None where something was not measured."""
    unary = [
        Question("unary", figure).spread(bench.results)
        for figure in ("worker_us", "main_us", "postgres_us")
    ]
    ratio = Question("writing exchanges", "wal_bytes", "full", "empty").values(found.rounds)
    calls = [each.rows for each in found.tables if each.name == "exchanges"]
    if not all(unary) or not ratio or not calls or found.bodies is None:
        return None
    worker, main, postgres = (each.median for each in unary if each)
    metadata = sum(each.total for each in found.tables if each.name in MONTHLY) / calls[0]
    bodies = found.bodies
    return Costs(
        worker,
        main,
        postgres,
        bodies.disk,
        bodies.wal,
        metadata,
        bodies.rate,
        spread(ratio).median,
    )


def render_kept() -> str:
    """The section by what is kept in `bench/results`."""
    bench, found = load_all().get("bench"), load_found()
    missing = [
        command
        for command, there in (("`make bench`", bench), ("`make bench-db`", found))
        if there is None
    ]
    if bench is None or found is None:
        return f"Cannot be computed yet; run {' and '.join(missing)}."
    costs = read_costs(bench, found)
    if costs is None:
        return "Cannot be computed: `bench/results` has not all the figures that it needs."
    return render(costs, bench, found)


def render(costs: Costs, bench: Document, found: Found) -> str:
    """The section, in Markdown."""
    parts = [_intro(bench, found), _table(costs), _reading(costs)]
    return "\n\n".join([*parts, _distributed(costs)])


def _intro(bench: Document, found: Found) -> str:
    return (
        f"On paper, from costs that were measured on {bench.setting.machine} "
        f"({bench.setting.date}; `make bench`, scenario `unary`) and with {found.rows:,} "
        f"inferences in the tables ({found.setting.date}; `make bench-db`): calls of 1 KB in and "
        f"1 KB out, all recorded. Cores are meant to be {BUSY:.0%} busy. A pod has {CORES} cores: "
        "the main process, which writes, on one, a worker on each of the others; one pod more than "
        "needed is there, for updates. Streams cost by their chunks "
        "([performance.md](performance.md))."
    )


def _table(costs: Costs) -> str:
    rates = (1_000, RATE, 3 * RATE)
    plans = [plan_capacity(costs, rate) for rate in rates]
    rows: list[tuple[str, str, list[str]]] = [
        ("pods", "", [f"{each.pods}" for each in plans]),
        ("calls a second and pod", "", [f"{each.pod_rate:,.0f}" for each in plans]),
        (
            "cores of workers",
            f"{costs.worker_us:.0f} µs a call",
            [f"{each.worker_cores:.1f}" for each in plans],
        ),
        (
            "cores of main processes",
            f"{costs.main_us:.0f} µs",
            [f"{each.main_cores:.1f}" for each in plans],
        ),
        (
            "connections to Postgres, at most",
            f"2 a pod, {CONNECTIONS_OF_A_WORKER} a worker",
            [f"{each.connections}" for each in plans],
        ),
        (
            "cores of Postgres",
            f"{costs.postgres_us:.0f} µs",
            [f"{each.postgres_cores:.1f}" for each in plans],
        ),
        ("rows a second", f"{ROWS_OF_A_CALL}", [f"{each.rows:,.0f}" for each in plans]),
        ("commits a second, about", "", [f"{each.commits:.0f}" for each in plans]),
        (
            "log (WAL), MB a second",
            f"{costs.wal / 1e3:.1f} KB × {costs.repeated:.2f}",
            [f"{each.wal_mb:,.0f}" for each in plans],
        ),
        ("log, TB a day", "", [f"{each.wal_day_tb:.1f}" for each in plans]),
        (
            "disk, TB a day",
            f"{costs.disk / 1e3:.1f} KB",
            [f"{each.disk_day_tb:.1f}" for each in plans],
        ),
        (
            "of it kept as metadata, GB a day",
            f"{costs.metadata:.0f} bytes",
            [f"{each.metadata_day_gb:,.0f}" for each in plans],
        ),
    ]
    head = ["", "of a call", *(f"{rate:,} a second" for rate in rates)]
    lines = [head, ["---", "---", *("---:" for _ in rates)]]
    lines += [[title, cost, *values] for title, cost, values in rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _reading(costs: Costs) -> str:
    week = plan_capacity(costs).disk_day_tb * 7
    return (
        f"So at {RATE:,} calls a second the disk is the cost, not the processors: a week of "
        f"payloads is {week:.0f} TB. `postgres.inference_data_retention_days` bounds it (payloads "
        "go by days, in milliseconds), `zeroproxy.recording.max_recorded_bytes` bounds what long "
        "bodies take, and each byte of a question is kept about four times, of an answer three "
        "times (as they were sent, and as what they mean). Whole pages are logged on top when they "
        "are old and touched for the first time after a checkpoint: give Postgres a `max_wal_size` "
        "of some minutes of log."
    )


def _distributed(costs: Costs) -> str:
    by_cores, by_log = largest_rate(costs)
    days = LARGEST_DISK_TB / plan_capacity(costs).disk_day_tb
    return (
        "**Where a distributed Postgres starts to pay.** Assume that one server has "
        f"{LARGEST_CORES} cores, that its replicas follow {LARGEST_LOG_MB} MB of log a second, and "
        f"that it has {LARGEST_DISK_TB} TB. Then its cores do for {_round(by_cores):,} calls a "
        f"second and its log for {_round(by_log):,}, so writing alone asks for a second server "
        f"beyond {_round(min(by_cores, by_log)):,}. The room ends earlier: at {RATE:,} a second "
        f"after {days:.1f} days of payloads. Beyond either, several servers that know nothing of "
        "each other, each with pods of its own (`DATABASE_URL` is a pod's), are simpler than a "
        "distributed one: no query of the program joins calls of different pods, but feedback has "
        "to reach a pod of the same server as its call did. A distributed one pays when people "
        "want to ask all of it in one query, or when feedback cannot be routed."
    )


def _round(rate: float) -> int:
    """Two digits are as much as such a figure is worth."""
    size = 10 ** max(len(str(int(rate))) - 2, 0)
    return int(rate) // int(size) * int(size)


def main() -> None:
    print(render_kept())


if __name__ == "__main__":
    main()
