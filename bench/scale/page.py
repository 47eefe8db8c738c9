"""`python -m bench.scale.page`: the sections "Scale" and "Capacity" of docs/operations.md."""

from __future__ import annotations

from collections.abc import Sequence

from bench.bounds import Verdict, render_verdicts
from bench.figures import Question
from bench.programs import ROOT
from bench.report import HEADINGS
from bench.scale import paper
from bench.scale.explained import table_of
from bench.scale.found import Found, load_found
from bench.scale.sizes import IndexSize, TableSize
from bench.scale.writing import EXCHANGES, FEEDBACK

PAGE = ROOT / "docs" / "operations.md"
BEGIN = "<!-- scale: made by `python -m bench.scale` -->"
END = "<!-- scale: end -->"
NOTHING = "No results yet: `make bench-db`."
FIGURES = (
    ("rate", "{unit} a second", 0),
    ("cpu_us", "the writer's CPU, µs for each", 1),
    ("postgres_us", "CPU of Postgres, µs for each", 1),
    ("wal_bytes", "write-ahead log, bytes for each", 0),
    ("batch_ms", "longest batch, ms", 0),
)
SHOWN_ROWS = 1000


def render(found: Found | None) -> str:
    """The section, in Markdown."""
    if found is None:
        return NOTHING
    parts = [_intro(found), render_writing(found), render_reading(found), render_retention(found)]
    return "\n\n".join(part for part in [*parts, render_sizes(found)] if part)


def render_report(found: Found, verdicts: Sequence[Verdict]) -> str:
    """A page of its own, for `bench/results`."""
    own = [each for each in verdicts if each.bound.target == "db"]
    problems = "\n".join(f"- **Wrong: {each}.**" for each in found.problems())
    parts = [f"# {HEADINGS['db']}", render_verdicts(own), problems, render(found)]
    return "\n\n".join(filter(None, parts)) + "\n"


def _intro(found: Found) -> str:
    at, tables = found.setting, sum(each.total for each in found.tables)
    loaded = found.load.get("seconds", 0.0) / 60
    return (
        f"{at.date}; {at.cores} cores, {at.machine}. {found.rows:,} inferences of {found.days} "
        f"days and as many feedbacks, {tables / 1e9:.1f} GB with all indexes, loaded by COPY in "
        f"{loaded:.0f} minutes into the embedded Postgres with its 128 MB of buffers."
    )


def render_writing(found: Found) -> str:
    """Both subjects side by side."""
    lines = [
        _line(["written by the product's writer", "empty tables", "full tables", "full / empty"]),
        _line(["---", "---:", "---:", "---:"]),
    ]
    for scenario, unit in ((EXCHANGES, "exchanges"), (FEEDBACK, "feedbacks")):
        for figure, title, digits in FIGURES:
            cells = [
                _cell(found, scenario, figure, name, digits=digits) for name in ("empty", "full")
            ]
            ratio = _cell(found, scenario, figure, "full", "empty", digits=2)
            name = title.format(unit=unit)
            lines.append(_line([f"{unit}: {name}" if name == title else name, *cells, ratio]))
    head = (
        f"{found.setting.rounds} rounds in random order, a checkpoint before each, medians with "
        "their 90 % intervals; ratios are taken inside a round."
    )
    return "\n".join([head, "", *lines]) if found.rounds else ""


def _cell(
    found: Found, scenario: str, figure: str, subject: str, against: str = "", *, digits: int
) -> str:
    seen = Question(scenario, figure, subject, against).spread(found.rounds)
    return seen.text(digits) if seen else "-"


def render_reading(found: Found) -> str:
    """A row for each query."""
    if not found.reads:
        return ""
    lines = [
        _line(["query", "p50", "p99", "budget", "first", "what was read", "verdict"]),
        _line(["---", "---:", "---:", "---:", "---:", "---", "---"]),
    ]
    for read in found.reads:
        plan = read.plan
        if read.generic_plan != read.plan:
            plan += f"; for any parameters: {read.generic_plan}"
        lines.append(
            _line(
                [
                    f"`{read.name}`" if read.kind != "people" else read.name,
                    f"{read.p50_ms:.1f} ms",
                    f"{read.counted_ms:.1f} ms",
                    f"{read.budget_ms:.0f} ms",
                    f"{read.first_ms:.0f} ms",
                    plan,
                    "held" if read.held else "**broken**",
                ]
            )
        )
    head = (
        "Every query that the program makes, asked with other parameters each time (half of them "
        "of the last day, a tenth unknown), and every one that the pages show; for these the "
        "slowest stands in the place of p99. *First* is the first one on a new connection."
    )
    return "\n".join([head, "", *lines])


def render_retention(found: Found) -> str:
    seen = found.retention
    if seen is None:
        return ""
    return (
        f"Retention dropped {seen.dropped} partitions while {seen.written:,} exchanges were "
        f"written, a day with all its tables in at most {seen.drop_ms:.0f} ms. The writer's "
        f"longest batch was {seen.during_ms:.0f} ms meanwhile, {seen.quiet_ms:.0f} ms before. "
        f"Where somebody was reading the tables it gave up after {seen.given_up_ms / 1000:.1f} s "
        f"of trying, and the longest batch was {seen.behind_reader_ms:.0f} ms."
    )


def render_sizes(found: Found) -> str:
    """A row for each table with enough rows to say something."""
    lines = [
        _line(["table", "rows", "bytes of a row", "its indexes, bytes for each row"]),
        _line(["---", "---:", "---:", "---"]),
    ]
    for table in found.tables:
        if table.rows < SHOWN_ROWS:
            continue
        own = (table.heap + table.beside) / table.rows
        indexes = _indexes(table, found.indexes)
        lines.append(_line([f"`{table.name}`", f"{table.rows:,}", f"{own:,.0f}", indexes]))
    return "\n".join(lines) if len(lines) > 2 else ""


def _indexes(table: TableSize, indexes: Sequence[IndexSize]) -> str:
    own = [each for each in indexes if each.table == table.name]
    parts = [f"{_short(each.name, table.name)} {each.bytes / table.rows:.1f}" for each in own]
    return f"{table.indexes / table.rows:,.0f}: {', '.join(parts)}"


def _short(index: str, table: str) -> str:
    return table_of(index).removeprefix(f"{table}_")


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def put_between(page: str, block: str, begin: str, end: str) -> str:
    """The page with the block between its marks. Raises ValueError where it has none."""
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the page has no place for the figures: {begin} … {end}")
    return f"{before}{begin}\n\n{block}\n\n{end}{after}"


def render_page(text: str) -> str:
    """The page as it should be, by what is kept."""
    text = put_between(text, render(load_found()), BEGIN, END)
    return put_between(text, paper.render_kept(), paper.BEGIN, paper.END)


def update_pages() -> None:
    PAGE.write_text(render_page(PAGE.read_text()))


if __name__ == "__main__":
    update_pages()
