"""Where exchanges come from: the recordings beside the repository, and those we wrote ourselves.

Both have one form, a row (see `judges.base.Row`). ZEROPROXY_RECORDINGS names another folder of
recordings; where there are none, our own stand in for them.
"""

from __future__ import annotations

import gzip
import json
import os
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tests.exchanges.written import written_rows
from tests.recorded.judges.base import Row

REPOSITORY = Path(__file__).resolve().parents[2]
RECORDINGS = Path(
    os.environ.get("ZEROPROXY_RECORDINGS") or REPOSITORY.parent / "shared" / "recordings"
)
PROVE = os.environ.get("PROVE") == "1"
SEED = 20261121

INFERENCE_APIS = (
    "chat_completions",
    "responses",
    "messages",
    "gemini",
    "converse",
    "sagemaker_invocations",
    "invoke_model",
    "completions",
    "embeddings",
    "tgi_generate",
    "ollama_chat",
    "ollama_generate",
    "fim_completions",
)


def recorded_rows(apis: Sequence[str] = INFERENCE_APIS) -> Iterator[Row]:
    """Every recorded exchange of these APIs; none when there are no recordings."""
    for file in sorted(RECORDINGS.glob("*.jsonl.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                if row["api"] in apis:
                    yield row


def rows_to_play(apis: Sequence[str], each: int) -> list[Row]:
    """All rows with PROVE; else up to `each` of every provider's every API, from as many groups as
    there are, and the same ones every time. Those that we wrote come first."""
    own = [row for row in written_rows() if row["api"] in apis]
    found = recorded_rows(apis)
    return own + (list(found) if PROVE else sampled(found, each, SEED))


def sampled(rows: Iterable[Row], each: int, seed: int) -> list[Row]:
    """Rows of one group are near copies of one another, so each group gives one before any gives
    a second."""
    cells: dict[tuple[str, str, bool], dict[str, list[Row]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for row in rows:
        cells[row["provider"], row["api"], row["stream"]][row["group"]].append(row)
    source = random.Random(seed)
    picked: list[Row] = []
    for _, groups in sorted(cells.items()):
        picked += _of_groups(list(groups.values()), each, source)
    return picked


def _of_groups(groups: list[list[Row]], count: int, source: random.Random) -> list[Row]:
    for group in groups:
        source.shuffle(group)
    source.shuffle(groups)
    turns = max(map(len, groups))
    in_turn = [group[turn] for turn in range(turns) for group in groups if turn < len(group)]
    return in_turn[:count]


def named(row: Row) -> str:
    """How a row is called in failures."""
    return f"{row['provider']} {row['api']} {row['id']}"
