"""`python -m tests.compat.page` writes docs/compatibility.md from the cases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.compat.case import Case, Section
from tests.compat.cases import SECTIONS
from tests.compat.keys import render_keys

PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"
HOLDS = "yes"

INTRO = """\
# Compatibility

`/openai/v1` speaks TensorZero's OpenAI-compatible API: an application that was written for it keeps
its requests, its `tensorzero::` fields and its error handling, and changes the address only. Two
endpoints belong to it: `POST /openai/v1/chat/completions` and `POST /openai/v1/embeddings`.
`POST /inference` and `POST /feedback` are TensorZero's native API. The keys of the configuration
are at the end of the page.

Every line about a request is proved in `tests/compat`, by a request to a running proxy. *Yes*: it
does what TensorZero does. *Not yet*: the proxy refuses such a request and names the reason, or
warns of such a configuration. *Differently*: what it does instead. The lines about keys are read
off the schema that the proxy loads.

`/v1` is another thing: the relay, for applications that know only OpenAI. There every endpoint and
field of OpenAI is served, bytes pass through unchanged where the provider speaks OpenAI's protocol,
nothing is added to an answer's body, and models have their bare names, too. Of the `tensorzero::`
fields it takes those for episode, variant, tags and credentials.

(Made by `python -m tests.compat.page`.)
"""


def render_page() -> str:
    return INTRO + "".join(_section(section) for section in SECTIONS) + render_keys()


def _section(section: Section) -> str:
    head = f"\n## {section.title}\n\n| what | holds |\n| --- | --- |\n"
    return head + "".join(f"| {_cell(what)} | {_cell(holds)} |\n" for what, holds in _rows(section))


def _rows(section: Section) -> Iterator[tuple[str, str]]:
    """Each line once, in the order of its first case."""
    for line, case in {case.line: case for case in section.cases}.items():
        yield line, _holds(case)


def _holds(case: Case) -> str:
    if case.not_yet:
        return f"not yet: needs {case.not_yet}"
    return f"differently: {case.differs}" if case.differs else HOLDS


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(render_page(), encoding="utf-8")
