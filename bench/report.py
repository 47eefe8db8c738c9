"""The results of a target in Markdown: every scenario with every figure of every subject."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bench.bounds import Verdict, render_verdicts
from bench.documents import Document
from bench.figures import FIGURES, Figure, Question
from bench.scenarios import SCENARIOS

HEADINGS = {
    "bench": "What the product costs beside a bare pass-through",
    "peers": "What the product costs beside its peers",
    "soak": "What the product keeps of a million requests",
    "db": "What writing and reading cost when the tables are full",
}


def render_report(document: Document, verdicts: Sequence[Verdict]) -> str:
    """One page."""
    run = {each.scenario for each in document.results}
    own = [
        each
        for each in verdicts
        if each.bound.target == document.setting.target and each.bound.question.scenario in run
    ]
    parts = [f"# {HEADINGS[document.setting.target]}", render_setting(document)]
    if own:
        parts += ["## Bounds", render_verdicts(own)]
    for scenario in dict.fromkeys(each.scenario for each in document.results if each.round):
        if table := render_scenario(document, scenario):
            parts += [f"## {title_of(scenario)}", table]
    notes = render_notes(document)
    if notes:
        parts += ["## Notes", notes]
    return "\n\n".join(parts) + "\n"


def render_setting(document: Document) -> str:
    """The sentence about machine and method."""
    at, most = document.setting, max((each.turn for each in document.results), default=1)
    versions = ", ".join(f"{name} {version}" for name, version in at.versions.items())
    turns = f", closed loops in {most} turns each" if most > 1 else ""
    return (
        f"{at.date}; {at.cores} cores, {at.machine}; Python {at.python}, {versions}. "
        f"{at.rounds} rounds of {at.seconds:g} s in random order{turns}; ratios of what was "
        "measured side by side, medians with their 90 % intervals. CPU is user and system time of "
        "all processes of the server, until the last record is in Postgres; Postgres itself stands "
        "beside it."
    )


def title_of(scenario: str) -> str:
    known = SCENARIOS.get(scenario)
    return known.title if known else scenario


def render_scenario(document: Document, scenario: str) -> str:
    """Subjects side by side, a row for each figure that any of them has; nothing without any."""
    names = document.subjects(scenario)
    known = SCENARIOS.get(scenario)
    unit = known.unit if known else "request"
    head = [_line(["", *names]), _line(["---", *("---:" for _ in names)])]
    lines: list[str] = []
    for figure in FIGURES:
        title = figure.title.format(unit=unit)
        row = partial(_row, document, scenario, figure, names)
        lines += row(title, Ask())
        if figure.ratio and "bare" in names:
            lines += row(f"**× bare: {title}**", Ask(against="bare"))
        if figure.beyond_direct and "direct" in names:
            lines += row(f"added: {title}", Ask(beyond="direct"))
    return "\n".join([*head, *lines]) if lines else ""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a row compares with; that subject has no cell of its own."""

    against: str = ""
    beyond: str = ""


def _row(
    document: Document, scenario: str, figure: Figure, names: Sequence[str], title: str, ask: Ask
) -> list[str]:
    """Nothing where no subject has anything."""
    cells = []
    for name in names:
        question = Question(scenario, figure.name, name, ask.against, ask.beyond)
        found = None if name in (ask.against, ask.beyond) else question.spread(document.results)
        digits = 2 if ask.against else figure.digits
        bold = "**" if ask.against else ""
        cells.append(f"{bold}{found.text(digits)}{bold}" if found else "")
    return [_line([title, *(each or "-" for each in cells)])] if any(cells) else []


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def render_notes(document: Document) -> str:
    """What else was seen, and what is wrong."""
    lines = []
    for name, scenario in SCENARIOS.items():
        if (rate := document.direct(name)) is not None:
            lines.append(
                f"- Straight on the provider, {name}: {rate:,.0f} {scenario.unit}s a second."
            )
    for subject, (answered, rows) in document.recorded.items():
        lines.append(f"- {subject}: {answered:,} calls answered, {rows:,} rows in `exchanges`.")
    lines += [f"- Without {name}: {why}." for name, why in document.missing.items()]
    lines += [f"- Mind: {warning}." for warning in document.warnings()]
    lines += [f"- **Wrong: {problem}.**" for problem in document.problems()]
    return "\n".join(lines)
