"""`python -m bench.page`: writes what was measured into README.md and docs/performance.md.

Between the markers stands what this makes of `bench/results`; a test holds the pages against it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.bounds import judge_all, render_verdicts
from bench.documents import TARGETS, Document, load_all
from bench.figures import Question
from bench.programs import ROOT
from bench.report import HEADINGS, render_setting

BEGIN = "<!-- measured: written by `python -m bench.page` from bench/results -->"
END = "<!-- measured: end -->"
PAGES = ("README.md", "docs/performance.md")
PEERS = {"nginx": "nginx", "tensorzero": "TensorZero's engine", "litellm": "LiteLLM's proxy"}

ROWS = (
    ("1 KB in and out, CPU", "unary", "cpu_us"),
    ("50 KB in and out, CPU", "unary50k", "cpu_us"),
    ("the envelope, 1 KB, CPU", "envelope", "cpu_us"),
    ("a streamed chunk, CPU", "stream", "cpu_us"),
    ("a chunk of a stream without pauses, CPU", "stream0", "cpu_us"),
)


def render_readme(documents: Mapping[str, Document]) -> str:
    """A short table: the product as `make bench` saw it, its peers as `make bench-peers` did."""
    if "bench" not in documents:
        return "Nothing is measured yet: `make bench`."
    bench, peers = documents["bench"], documents.get("peers")
    names = [name for name in PEERS if peers and name in peers.subjects("unary")]
    lines = [
        _line(["", "zeroproxy, everything recorded", *(PEERS[name] for name in names)]),
        _line(["---", "---:", *("---:" for _ in names)]),
    ]
    for title, scenario, figure in ROWS:
        own = _ratio(bench, scenario, figure, "product")
        cells = [_ratio(peers, scenario, figure, name) for name in names] if peers else []
        if own != "-":
            lines.append(_line([title, f"**{own}**", *cells]))
    for title, figure, digits in (
        ("start-up, s", "start_s", 2),
        ("memory at rest, MB", "idle_mb", 0),
    ):
        own = _plain(bench, figure, "product", digits)
        cells = [_plain(peers, figure, name, digits) for name in names] if peers else []
        if own != "-":
            lines.append(_line([title, f"**{own}**", *cells]))
    return "\n".join(lines) + "\n\n" + _legend(bench, bool(names))


def _legend(bench: Document, peers: bool) -> str:
    others = " The others record nothing." if peers else ""
    at = bench.setting
    return (
        "CPU of all processes, as a multiple of what an aiohttp pass-through needs that does "
        f"nothing else, measured in the same minutes; medians of {at.rounds} rounds, {at.date}, "
        f"{at.machine}, Python {at.python}.{others} With intervals, and how it was measured: "
        "[docs/performance.md](docs/performance.md).\n\n"
        "![CPU beside a bare pass-through](bench/results/latest.svg)"
    )


def render_performance(documents: Mapping[str, Document]) -> str:
    """Every bound with its verdict, and where the whole tables are."""
    parts = [render_verdicts(judge_all(documents))]
    for target, document in documents.items():
        name = TARGETS[target]
        parts.append(
            f"**[{HEADINGS[target]}](../bench/results/{name}.md)**: " + render_setting(document)
        )
        parts += [f"- **Wrong: {problem}.**" for problem in document.problems()]
    for name in ("latest", "peers"):
        if any(TARGETS[target] == name for target in documents):
            parts.append(f"![{name}](../bench/results/{name}.svg)")
    return "\n\n".join(parts)


def _ratio(document: Document, scenario: str, figure: str, name: str) -> str:
    found = Question(scenario, figure, name, against="bare").spread(document.results)
    if found is None:
        return "-"
    return f"{found.median:.{2 if found.median < 10 else 0}f} ×"


def _plain(document: Document, figure: str, name: str, digits: int) -> str:
    found = Question("start", figure, name).spread(document.results)
    return f"{found.median:.{digits}f}" if found else "-"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def put_between(page: str, block: str) -> str:
    """The page with the block between its markers. Raises ValueError where there are none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no place for the figures: {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n{block}\n\n{END}{after}"


def render_pages(documents: Mapping[str, Document], root: Path = ROOT) -> dict[Path, str]:
    """Each page as it should be."""
    blocks = {"README.md": render_readme, "docs/performance.md": render_performance}
    return {
        root / name: put_between((root / name).read_text(), blocks[name](documents))
        for name in PAGES
    }


def main() -> int:
    for path, text in render_pages(load_all()).items():
        path.write_text(text)
        print(f"wrote {path.relative_to(ROOT)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
