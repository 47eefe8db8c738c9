"""Which queries are asked of full tables, and how their plans are judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

from bench.scale.explained import read_plan, table_of, whole_scans
from bench.scale.plan import Plan
from bench.scale.questions import Chance, build_questions, queries_of
from bench.scale.reading import literal, quantile
from proxy.store.queries import sql_folder

READS_NOTHING_BIG = {
    "drop_partition",
    "ensure_partition",
    "prefer_lz4",
    "release_migration_lock",
    "try_migration_lock",
}
"""They begin like queries, and do something else."""


def scan(kind: str, table: str, rows: float = 1, loops: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "Node Type": kind,
        "Relation Name": table,
        "Actual Rows": rows,
        "Actual Loops": loops,
        **more,
    }


def a_plan(*nodes: dict[str, Any]) -> list[dict[str, Any]]:
    top = {"Node Type": "Append", "Plans": list(nodes), "Subplans Removed": 3}
    return [{"Plan": top | {"Shared Hit Blocks": 7}, "Planning Time": 1.5, "Execution Time": 2.5}]


def test_every_query_that_reads_is_asked() -> None:
    files = {
        path.stem
        for path in (sql_folder() / "queries").glob("*.sql")
        if _without_comments(path).lstrip().startswith(("SELECT", "WITH"))
    }
    asked = {question.name for question in build_questions(10)}
    assert files - READS_NOTHING_BIG <= asked


def _without_comments(path: Path) -> str:
    lines = path.read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith("--"))


def test_so_is_every_query_that_a_page_shows() -> None:
    asked = [question for question in build_questions(10) if question.kind == "people"]
    assert len(asked) >= 6
    assert all(question.sql.startswith(("SELECT", "WITH")) for question in asked)
    page = "Of the *day*:\n\n```sql\nSELECT 1;\n```\n"
    assert queries_of(page) == [("Of the *day*", "SELECT 1")]


def test_parameters_can_be_drawn_for_all_of_them() -> None:
    chance = Chance(Plan(5000, 30, 1_770_000_000_000))
    for question in build_questions(10):
        values = question.draw(chance)
        assert all(f"${number}" in question.sql for number in range(1, len(values) + 1))


def test_partitions_count_as_their_table() -> None:
    assert table_of("exchanges_2026_03_14") == "exchanges"
    assert table_of("chat_inferences_2026_03") == "chat_inferences"
    assert table_of("exchanges_default") == "exchanges"
    assert table_of("float_metric_feedback") == "float_metric_feedback"


def test_a_plan_says_what_was_read_and_how() -> None:
    found = read_plan(
        a_plan(
            scan("Index Scan", "exchanges_2026_03_13"),
            scan("Index Scan", "exchanges_2026_03_14"),
            scan("Index Scan", "exchanges_2026_03_15", loops=0),
            scan("Seq Scan", "exchanges_default", 40, 2, **{"Rows Removed by Filter": 10}),
        )
    )
    assert found.shown() == "index on exchanges × 2, sequential on exchanges"
    assert found.sequential == {"exchanges": 100}
    assert (found.removed, found.blocks, found.planning_ms) == (3, 7, 1.5)


def test_a_whole_table_read_in_turn_is_a_fault_and_a_few_days_are_not_for_people() -> None:
    rows = {"exchanges": 300_000}
    few, days, whole = (read_plan(a_plan(scan("Seq Scan", "exchanges", n))) for n in _COUNTS)
    assert whole_scans(few, rows, by_people=False) == {}
    assert whole_scans(days, rows, by_people=False) == {"exchanges": 20_000}
    assert whole_scans(days, rows, by_people=True) == {}
    assert whole_scans(whole, rows, by_people=True) == {"exchanges": 300_000}


_COUNTS = (100, 20_000, 300_000)


def test_values_are_spelled_as_sql_takes_them() -> None:
    assert literal("it's") == "'it''s'"
    assert literal(5) == "5"
    assert literal(UUID(int=1)) == "'00000000-0000-0000-0000-000000000001'"


def test_a_quantile_is_one_of_the_values() -> None:
    values = [float(value) for value in range(1, 101)]
    assert (quantile(values, 0.5), quantile(values, 0.99), quantile([3.0], 0.99)) == (51, 100, 3)
