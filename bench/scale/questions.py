"""Every query that reads: those that the program makes, and those that the pages show to people."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from bench.programs import ROOT
from bench.scale.examples import FUNCTIONS, a_vector
from bench.scale.plan import Plan
from proxy.store.partitions import COUNTED_AT_MOST
from proxy.store.queries import query
from proxy.types.ids import id_time, new_id

PAGES = ("docs/database.md", "README.md")
RECENT = 1 / 30
"""Half of what is asked for is of this share of the time, the latest."""
UNKNOWN = 0.1
K_EXAMPLES = 10

Kind = Literal["program", "people", "search"]
Draw = Callable[["Chance"], tuple[object, ...]]


class Chance:
    """Draws what is asked for."""

    def __init__(self, plan: Plan, seed: int = 1) -> None:
        self._plan = plan
        self.random = random.Random(seed)

    def call(self) -> int:
        """The number of an inference; half of them are recent."""
        calls = self._plan.calls
        recent = self.random.random() < 0.5
        first = int(calls * (1 - RECENT)) if recent else 0
        return self._plan.last_inference(self.random.randrange(first, calls))

    def inference(self) -> tuple[object, ...]:
        known = self.random.random() >= UNKNOWN
        identifier = self._plan.uuids(self.call())[0] if known else new_id()
        return identifier, id_time(identifier)

    def episode(self) -> UUID:
        known = self.random.random() >= UNKNOWN
        return self._plan.uuids(self.call())[1] if known else new_id()

    def response(self) -> str:
        if self.random.random() < UNKNOWN:
            return f"chatcmpl-{new_id().hex}"
        return self._plan.identity(self.call()).response.decode()

    def example(self) -> tuple[object, ...]:
        vector = "[" + ",".join(map(repr, a_vector(self.random))) + "]"
        return f"answer_{self.random.randrange(FUNCTIONS)}", "dicl", vector, K_EXAMPLES


@dataclass(frozen=True, slots=True)
class Question:
    """A query, how its parameters are drawn, and how long it may take.

    `budget_ms` is for the slowest of a hundred, except of people's queries: those are asked a few
    times, and none may take longer.
    """

    name: str
    kind: Kind
    sql: str
    draw: Draw
    budget_ms: float
    times: int


def _nothing(chance: Chance) -> tuple[object, ...]:
    return ()


HOT_MS, SEARCH_MS, PEOPLE_MS = 50.0, 1000.0, 5000.0
"""The program waits for an answer for two seconds."""

_PROGRAM: tuple[tuple[str, Draw], ...] = (
    ("fetch_inference_exists", lambda chance: chance.inference()),
    ("fetch_stored_inference", lambda chance: chance.inference()),
    ("fetch_inference_output", lambda chance: chance.inference()),
    ("fetch_episode_exists", lambda chance: (chance.episode(),)),
    ("fetch_response_target", lambda chance: (chance.response(),)),
)
_SETTINGS: tuple[tuple[str, Draw], ...] = (
    ("fetch_default_rows", lambda chance: (COUNTED_AT_MOST,)),
    ("fetch_partitioned", _nothing),
    ("fetch_migrations", _nothing),
    ("fetch_database_exists", lambda chance: ("tensorzero",)),
)
_SEARCHES: tuple[tuple[str, Draw], ...] = (
    ("fetch_similar_examples", lambda chance: chance.example()),
)


def build_questions(times: int) -> list[Question]:
    """All of them; those of the program asked so many times."""
    return [
        *(Question(name, "program", query(name), draw, HOT_MS, times) for name, draw in _PROGRAM),
        *(
            Question(name, "program", query(name), draw, HOT_MS, max(times // 5, 1))
            for name, draw in _SETTINGS
        ),
        *(
            Question(name, "search", query(name), draw, SEARCH_MS, max(times // 5, 1))
            for name, draw in _SEARCHES
        ),
        *(
            Question(f"{page}: {title}", "people", with_ours(sql), _nothing, PEOPLE_MS, 3)
            for page in PAGES
            for title, sql in queries_of((ROOT / page).read_text())
        ),
    ]


def with_ours(sql: str) -> str:
    """The query about a function that there is."""
    return sql.replace("'haiku'", "'answer_7'")


def queries_of(page: str) -> Sequence[tuple[str, str]]:
    """The queries that a page shows, each by the last line of text before it."""
    found = re.findall(r"([^\n]+)\n\n```sql\n(.*?)```", page, re.S)
    return [(text.strip().rstrip(":"), sql.strip().rstrip(";")) for text, sql in found]
