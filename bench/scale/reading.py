"""Asks every query of the full tables, many times with other parameters, and looks at its plans."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from bench.scale.cluster import Cluster
from bench.scale.explained import Explained, read_plan, whole_scans
from bench.scale.plan import Plan
from bench.scale.questions import Chance, Question, build_questions

EXPLAIN = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "
PLANS = 5
"""So many executions are explained, with other parameters each; the worst one counts."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Read:
    """What was seen of one query. `first_ms` is on a fresh connection, which knows no table yet."""

    name: str
    kind: str
    budget_ms: float
    times: int
    first_ms: float
    p50_ms: float
    p99_ms: float
    worst_ms: float
    planning_ms: float
    blocks: int
    plan: str
    generic_plan: str
    """The plan for any parameters, which Postgres keeps for a query that is asked again."""
    scans: Mapping[str, int]
    """Rows read by sequential scans where there should be none, by table."""

    @property
    def counted_ms(self) -> float:
        """What the budget is for."""
        return self.worst_ms if self.kind == "people" else self.p99_ms

    @property
    def late(self) -> bool:
        return self.counted_ms > self.budget_ms

    @property
    def held(self) -> bool:
        return not self.late and not self.scans


async def read_all(
    cluster: Cluster, plan: Plan, rows: Mapping[str, int], times: int, say: Say
) -> list[Read]:
    """Ask them all; `rows` are those of each table."""
    found = []
    for question in build_questions(times):
        read = await _read(cluster, question, Chance(plan), rows)
        say(f"{question.name}: p99 {read.p99_ms:.1f} ms; {read.plan}")
        found.append(read)
    return found


async def _read(
    cluster: Cluster, question: Question, chance: Chance, rows: Mapping[str, int]
) -> Read:
    connection = await cluster.connect()
    try:
        taken = [await _ask(connection, question, chance) for _ in range(question.times + 1)]
        plans = [await _explain(connection, question, chance) for _ in range(PLANS)]
        generic = await _explain_generic(connection, question, chance)
    finally:
        await connection.close()
    worst = max(plans, key=lambda each: sum(each.sequential.values()))
    ordered = sorted(taken[1:])
    by_people = question.kind == "people"
    scans = [whole_scans(each, rows, by_people=by_people) for each in (worst, generic)]
    return Read(
        question.name,
        question.kind,
        question.budget_ms,
        question.times,
        taken[0],
        quantile(ordered, 0.5),
        quantile(ordered, 0.99),
        ordered[-1],
        max(each.planning_ms for each in plans),
        max(each.blocks for each in plans),
        worst.shown(),
        generic.shown(),
        scans[0] | scans[1],
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value that so large a share of them does not exceed."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


async def _ask(connection: asyncpg.Connection, question: Question, chance: Chance) -> float:
    """Milliseconds, as the program sees them."""
    values = question.draw(chance)
    began = time.perf_counter()
    await connection.fetch(question.sql, *values)
    return (time.perf_counter() - began) * 1000


async def _explain(connection: asyncpg.Connection, question: Question, chance: Chance) -> Explained:
    text = await connection.fetchval(EXPLAIN + question.sql, *question.draw(chance))
    return read_plan(json.loads(text))


async def _explain_generic(
    connection: asyncpg.Connection, question: Question, chance: Chance
) -> Explained:
    values = ", ".join(map(literal, question.draw(chance)))
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    await connection.execute(f"PREPARE asked AS {question.sql}")
    text = await connection.fetchval(f"{EXPLAIN} EXECUTE asked" + f"({values})" * bool(values))
    return read_plan(json.loads(text))


def literal(value: Any) -> str:
    """As SQL spells it; all but numbers are texts that Postgres reads by the parameter's type."""
    if isinstance(value, int | float):
        return repr(value)
    text = str(value) if isinstance(value, UUID | str) else value.isoformat()
    return "'" + text.replace("'", "''") + "'"
