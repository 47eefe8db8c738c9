"""Bars with their intervals, as an SVG written by hand; readable on light and on dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

from bench.bounds import load_bounds
from bench.documents import Document
from bench.estimates import Spread
from bench.figures import Question

WIDTH, LEFT, RIGHT = 820, 230, 150
BAR, GAP, GROUP_GAP, TOP, BOTTOM = 16, 4, 16, 58, 40
COLOURS = ("#2f81f7", "#8957e5", "#3fb950", "#d29922", "#db6d28", "#768390")
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#57606a}.t{font-size:14px;font-weight:600}"
    ".g{stroke:#8b949e;stroke-opacity:.35}.w{stroke:#57606a;stroke-width:1.5}"
    ".b{stroke:#cf222e;stroke-width:2}"
    "@media(prefers-color-scheme:dark){text{fill:#adbac7}.w{stroke:#cdd9e5}.b{stroke:#f47067}}"
)


@dataclass(frozen=True, slots=True)
class Bar:
    """A median with its interval, and perhaps the bound that it should keep below."""

    label: str
    seen: Spread
    colour: int
    bound: float | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Bars that belong together."""

    title: str
    bars: Sequence[Bar]


class Scale:
    """Where a value stands: evenly from 0, or by powers of ten."""

    def __init__(self, groups: Sequence[Group], *, logarithmic: bool) -> None:
        self._logarithmic = logarithmic
        values = [end for group in groups for bar in group.bars for end in _ends(bar)]
        if logarithmic:
            self.low = 10.0 ** floor(log10(max(min(values), 1e-6)))
            self.high = 10.0 ** ceil(log10(max(values)))
        else:
            self.low, self.high = 0.0, max(values) * 1.05

    def x(self, value: float) -> float:
        room = WIDTH - LEFT - RIGHT
        bounded = min(max(value, self.low), self.high)
        if self._logarithmic:
            return LEFT + room * log10(bounded / self.low) / log10(self.high / self.low)
        return LEFT + room * bounded / self.high

    def ticks(self) -> list[float]:
        if self._logarithmic:
            steps = round(log10(self.high / self.low))
            return [self.low * 10**step for step in range(steps + 1)]
        step = next(
            step for step in (0.1, 0.2, 0.25, 0.5, 1, 2, 5, 10, 50, 1e9) if self.high / step <= 8
        )
        return [step * at for at in range(int(self.high / step) + 1)]


def _ends(bar: Bar) -> list[float]:
    ends = [bar.seen.low, bar.seen.high] + ([bar.bound] if bar.bound else [])
    return [end for end in ends if end > 0]


def draw(title: str, note: str, groups: Sequence[Group], *, logarithmic: bool = False) -> str:
    """The picture. Raises ValueError where there is nothing to draw."""
    scale = Scale(groups, logarithmic=logarithmic)
    parts: list[str] = []
    y = float(TOP)
    for group in groups:
        parts.append(_text(LEFT - 10, y + 12, group.title, anchor="end"))
        for bar in group.bars:
            parts += _draw_bar(bar, scale, y)
            y += BAR + GAP
        y += GROUP_GAP
    height = y + BOTTOM - GROUP_GAP
    grid = [part for tick in scale.ticks() for part in _draw_tick(tick, scale, y - GROUP_GAP)]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'width="{WIDTH}" height="{height:.0f}" role="img" '
        f'aria-label="{escape(title, quote=True)}">'
        f"<style>{STYLE}</style>"
    )
    words = [
        f'<text class="t" x="10" y="20">{escape(title)}</text>',
        _text(10, 40, note),
    ]
    return "\n".join([head, *words, *grid, *parts, "</svg>"]) + "\n"


def _draw_bar(bar: Bar, scale: Scale, y: float) -> list[str]:
    start, end, middle = scale.x(scale.low), scale.x(bar.seen.median), y + BAR / 2
    low, high = scale.x(bar.seen.low), scale.x(bar.seen.high)
    digits = 2 if bar.seen.median < 10 else 0
    parts = [
        f'<rect x="{start:.1f}" y="{y:.1f}" width="{max(end - start, 1):.1f}" height="{BAR}" '
        f'rx="2" fill="{COLOURS[bar.colour % len(COLOURS)]}" fill-opacity=".75"/>',
        f'<line class="w" x1="{low:.1f}" x2="{high:.1f}" y1="{middle:.1f}" y2="{middle:.1f}"/>',
        _text(max(high, end) + 6, y + 12, f"{bar.seen.median:.{digits}f}  {bar.label}"),
    ]
    if bar.bound:
        x = scale.x(bar.bound)
        parts.append(
            f'<line class="b" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 2:.1f}" y2="{y + BAR + 2:.1f}"/>'
        )
    return parts


def _draw_tick(tick: float, scale: Scale, bottom: float) -> list[str]:
    x = scale.x(tick)
    return [
        f'<line class="g" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{bottom:.1f}"/>',
        _text(x, bottom + 16, f"{tick:g}", anchor="middle"),
    ]


def _text(x: float, y: float, words: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


# What is drawn.

TITLES = {
    "unary": "1 KB in and out",
    "unary50k": "50 KB in and out",
    "envelope": "envelope, 1 KB",
    "tls": "1 KB, provider over TLS",
    "stream": "chunk, 10 ms apart",
    "stream0": "chunk, no pause",
    "envelope-stream": "envelope, chunk, 10 ms apart",
}


def draw_bench(document: Document) -> str:
    """The product beside the bare pass-through: all processes, and the worker alone."""
    bounds = {
        (bound.question.scenario, bound.question.figure): bound.limit
        for bound in load_bounds()
        if bound.target == "bench" and bound.question.against == "bare"
    }
    groups = []
    for scenario, title in TITLES.items():
        bars = []
        for at, (figure, label) in enumerate(
            (("cpu_us", "all processes"), ("worker_us", "worker"))
        ):
            seen = Question(scenario, figure, against="bare").spread(document.results)
            if seen:
                bars.append(Bar(label, seen, at, bounds.get((scenario, figure))))
        if bars:
            groups.append(Group(title, bars))
    note = (
        "CPU per request or chunk, × a bare aiohttp pass-through (1); lines: bounds, 90 % intervals"
    )
    return draw("zeroproxy with every call recorded", note, groups)


def draw_peers(document: Document) -> str:
    """All subjects, on a scale of powers of ten."""
    groups = []
    for scenario, title in TITLES.items():
        bars = []
        for at, name in enumerate(("product", "nginx", "tensorzero", "litellm")):
            seen = Question(scenario, "cpu_us", name, against="bare").spread(document.results)
            if seen:
                label = "zeroproxy" if name == "product" else name
                bars.append(Bar(label, seen, at))
        if bars:
            groups.append(Group(title, bars))
    note = (
        "CPU per request or chunk, × a bare aiohttp pass-through (1), powers of ten; 90 % intervals"
    )
    return draw(
        "zeroproxy with every call recorded; the others record nothing",
        note,
        groups,
        logarithmic=True,
    )
