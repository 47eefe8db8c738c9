"""Bytes on disk, by table and by index, and what checkpoints wrote."""

from __future__ import annotations

from dataclasses import dataclass

from bench.scale.cluster import Cluster
from bench.scale.statements import statement


@dataclass(frozen=True, slots=True)
class TableSize:
    """A table with all its partitions; bytes."""

    name: str
    rows: int
    heap: int
    beside: int
    """Long values, the map of free space and that of what is visible."""
    indexes: int
    parts: int

    @property
    def total(self) -> int:
        return self.heap + self.beside + self.indexes


@dataclass(frozen=True, slots=True)
class IndexSize:
    """An index with all its partitions; bytes."""

    name: str
    table: str
    bytes: int


async def measure_sizes(cluster: Cluster, dsn: str = "") -> tuple[list[TableSize], list[IndexSize]]:
    """Of the full database, or of another one. Rows are those that ANALYZE has counted."""
    connection = await cluster.connect(dsn)
    try:
        tables = await connection.fetch(statement("sizes"))
        indexes = await connection.fetch(statement("index_sizes"))
    finally:
        await connection.close()
    return (
        [TableSize(**dict(row)) for row in tables],
        [IndexSize(row["name"], row["table_name"], row["bytes"]) for row in indexes],
    )


async def disk_bytes(cluster: Cluster, dsn: str) -> int:
    """All tables with their indexes, whether ANALYZE knows of their rows or not."""
    connection = await cluster.connect(dsn)
    try:
        return int(await connection.fetchval(statement("disk")))
    finally:
        await connection.close()


async def measure_checkpoints(cluster: Cluster) -> dict[str, float]:
    """How many there were since the cluster was made, their seconds of writing and of syncing, and
    the bytes that they wrote."""
    connection = await cluster.connect()
    try:
        row = await connection.fetchrow(statement("checkpoints"))
    finally:
        await connection.close()
    return {name: float(value) for name, value in row.items()}
