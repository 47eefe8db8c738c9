"""What a plan of Postgres did, from `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Node = Mapping[str, Any]

SCANS = {
    "Seq Scan": "sequential",
    "Sample Scan": "sequential",
    "Index Scan": "index",
    "Index Only Scan": "index only",
    "Bitmap Heap Scan": "bitmap",
    "Tid Scan": "row",
    "Function Scan": "function",
}
_PARTITION = re.compile(r"_(\d{4}_\d{2}(_\d{2})?|default)$")


@dataclass(frozen=True, slots=True)
class Explained:
    """One execution. `scans` counts those that ran, by kind and table, partitions together."""

    scans: Mapping[str, int]
    removed: int
    """Partitions that were ruled out while it ran; those ruled out before are not in the plan."""
    sequential: Mapping[str, int]
    """Rows that sequential scans read, by table."""
    blocks: int
    """Of 8 KB, read from the cache of Postgres or into it."""
    planning_ms: float
    execution_ms: float

    def shown(self) -> str:
        """Such as `index on exchanges × 31`."""
        parts = [f"{scan} × {times}" if times > 1 else scan for scan, times in self.scans.items()]
        return ", ".join(parts) or "no table"


def table_of(relation: str) -> str:
    """The table that the partition is one of."""
    return _PARTITION.sub("", relation)


def read_plan(explained: Sequence[Node]) -> Explained:
    """Of the JSON that EXPLAIN gives."""
    top = explained[0]
    scans: Counter[str] = Counter()
    sequential: Counter[str] = Counter()
    removed = 0
    for node in _walk(top["Plan"]):
        removed += node.get("Subplans Removed", 0)
        kind, loops = SCANS.get(node["Node Type"]), node.get("Actual Loops", 0)
        if kind is None or not loops:
            continue
        table = table_of(node.get("Relation Name", node.get("Function Name", "")))
        scans[f"{kind} on {table}"] += 1
        if kind == "sequential":
            sequential[table] += int(_rows_read(node) * loops)
    return Explained(
        dict(scans),
        removed,
        dict(sequential),
        top["Plan"].get("Shared Hit Blocks", 0) + top["Plan"].get("Shared Read Blocks", 0),
        top.get("Planning Time", 0.0),
        top.get("Execution Time", 0.0),
    )


def _rows_read(node: Node) -> float:
    """Of each loop; workers of a parallel scan are loops."""
    return float(node.get("Actual Rows", 0)) + float(node.get("Rows Removed by Filter", 0))


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.get("Plans", ()):
        yield from _walk(child)


FEW_ROWS = 1000
"""So many may a query of the program read one after the other, of small tables and of such that
ought to be empty."""
A_PART = 0.12
"""So much of a table may a query of a person read: a few days of thirty, not all of them."""


def whole_scans(
    explained: Explained, rows: Mapping[str, int], *, by_people: bool
) -> dict[str, int]:
    """Tables of which a sequential scan read more than it may, with the rows that it read."""
    return {
        table: read
        for table, read in explained.sequential.items()
        if read > max(FEW_ROWS, A_PART * rows.get(table, 0) if by_people else 0)
    }
