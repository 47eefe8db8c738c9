"""Problems for the eye: what `validate` and a failed start print."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from proxy.errors import Problem

_WIDTH = 96


def render_problems(problems: Sequence[Problem]) -> str:
    """Plain text for a terminal: a headline, then each problem with its place and its remedy."""
    if not problems:
        return "The configuration is valid."
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    blocks = "\n\n".join(_render(problem) for problem in problems)
    return f"The configuration has {count}.\n\n{blocks}"


def _render(problem: Problem) -> str:
    head = "  ".join(part for part in (problem.file, problem.key) if part)
    return "\n".join([head, _wrapped("", problem.message), _wrapped("remedy: ", problem.remedy)])


def _wrapped(label: str, text: str) -> str:
    return textwrap.fill(
        label + text,
        _WIDTH,
        initial_indent="    ",
        subsequent_indent="    " + " " * len(label),
        break_long_words=False,
        break_on_hyphens=False,
    )
