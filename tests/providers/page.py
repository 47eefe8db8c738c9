"""`python -m tests.providers.page` writes docs/providers.md from the cases."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.providers.adding import EDIT, RECORDING
from tests.providers.cases import WORKS, Case, case_of
from tests.providers.features import FEATURES
from tests.providers.ignoring import ignored_by, refused_by
from tests.providers.vendors import HOSTED, OWN_PROTOCOLS, SERVERS, VENDORS, Vendor
from tests.recorded.exceptions import UNSPOKEN
from tests.recorded.judges import WIRES
from tests.recorded.judges.base import Allowance

PAGE = Path(__file__).parents[2] / "docs" / "providers.md"

INTRO = """\
# Providers

What works with which provider, when it is asked in neutral form: by a function, over the native
API, or by the relay where the client's protocol is not the provider's own. Every *yes* is proved in
`tests/providers`: one OpenAI-format request for all, encoded by the provider that the configuration
makes, and an answer of that vendor read and put into OpenAI's format again. Numbers are notes: what
the vendor does not offer, by its own documentation, or what is not passed on yet.

Where a client speaks the provider's protocol, the relay passes bytes through, and everything works
that the vendor has.

The proof on real traffic is `tests/recorded`: every recorded exchange that is there, played from a
local server, our request compared with the recorded one and our reading of the answer with that of
the vendor's own SDK (`make prove` prints the shares). The differences of form that are allowed are
at the end of the page.

(Made by `python -m tests.providers.page`.)
"""

ADDING = """
## Adding an OpenAI-compatible vendor

Without a line of code, any server that speaks the protocol works as type `openai` with its address
in `api_base`: LM Studio (`http://localhost:1234/v1/`), GitHub Models
(`https://models.github.ai/inference/`), and many more. A type of its own, with an address and a
key's variable that need not be configured, is one row:

```python
# proxy/config/schema/hosted.py, in HOSTED
{row}```

and one recording, such as `tests/exchanges/chat_completions/acme.yaml`:

```yaml
{recording}```

With that the type, its shorthand `acme::MODEL` and the variable `ACME_API_KEY` are there. What is
particular to a vendor can be said in a row of `proxy/providers/compatible.py`: other names of
members (`renames`), whether tokens of a stream must be asked for (`usage`), how thoughts go back
(`reasoning_key`), what it lacks (`dialect`). The recording is then played by the tests of
`tests/recorded`: the request, the answer, its stream cut at every byte and damaged. All this is
done by a test, for this vendor that does not exist (`tests/providers/test_page.py`).
"""


def render_page() -> str:
    """The whole page."""
    groups = (
        ("Providers with protocols of their own", OWN_PROTOCOLS),
        ("Vendors that speak OpenAI's protocol", HOSTED),
        ("Servers of one's own", SERVERS),
    )
    tables = (_group(title, vendors) for title, vendors in groups)
    return "".join((INTRO, *tables, *_credentials(), *_left_out(), _adding(), *_allowed()))


def _group(title: str, vendors: Sequence[Vendor]) -> str:
    notes: list[str] = []
    rows = []
    for feature in FEATURES:
        cells = [_cell(case_of(vendor, feature), notes) for vendor in vendors]
        rows.append([feature.title, *cells])
    table = "".join(_table(["", *(vendor.title for vendor in vendors)], rows))
    listed = "".join(f"{number}. {note}\n" for number, note in enumerate(notes, 1))
    return f"\n## {title}\n\n{table}\n{listed}"


def _cell(case: Case, notes: list[str]) -> str:
    if case.works:
        return WORKS
    word, why = ("not yet", case.not_yet) if case.not_yet else ("no", case.not_offered)
    note = f"{word.capitalize()}: {why}."
    if note not in notes:
        notes.append(note)
    return f"{word} ({notes.index(note) + 1})"


def _credentials() -> Iterator[str]:
    yield "\n## Credentials\n\n"
    rows = [[vendor.title, f"`{vendor.entry['type']}`", vendor.credential] for vendor in VENDORS]
    yield from _table(["provider", "type", "let in by"], rows)
    yield (
        "\nBeside these every key can be `dynamic::NAME` (sent with the request), `path::FILE`, or "
        "a list of two to fall back on; docs/configuration.md has the forms. Tokens of clouds are "
        "fetched before they run out, by one call at a time, and never while a request waits "
        "unless there is none at all.\n"
    )


def _left_out() -> Iterator[str]:
    yield "\n## What is left out, with a warning, and what is refused\n\n"
    yield (
        "Parameters of the native API that a provider has no place for, as TensorZero leaves them "
        "out: each is named in the log and counted (docs/metrics.md). Refused with a 400 that "
        "names it is what would change the answer silently.\n\n"
    )
    rows = [
        [vendor.title, _names(ignored_by(vendor)), _names(refused_by(vendor))] for vendor in VENDORS
    ]
    yield from _table(["provider", "left out", "refused"], rows)


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "nothing"


def _adding() -> str:
    return ADDING.format(row=EDIT.line, recording=RECORDING)


def _allowed() -> Iterator[str]:
    yield "\n## Recorded exchanges: allowed differences, and exceptions\n\n"
    yield "Between a recorded request and ours, by protocol:\n\n"
    for wire in WIRES:
        allowed: Sequence[Allowance] = importlib.import_module(
            f"tests.recorded.judges.{wire}"
        ).ALLOWED
        yield f"`{wire}`\n\n" + "".join(f"- {each.why}\n" for each in allowed) + "\n"
    yield "Recorded APIs of inference that no type of provider speaks:\n\n"
    yield from _table(["API", "why"], [[f"`{api}`", why] for api, why in UNSPOKEN.items()])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for cells in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


if __name__ == "__main__":
    PAGE.write_text(render_page(), encoding="utf-8")
