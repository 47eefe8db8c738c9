"""The measurement of full tables, with few rows: it fills them, goes on, asks, writes and drops."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench.scale.cluster import Cluster
from bench.scale.load import Loader, settle
from bench.scale.plan import Plan
from bench.scale.questions import build_questions
from bench.scale.reading import read_all
from bench.scale.sizes import measure_sizes
from bench.scale.writing import SUBJECTS, Rounds
from proxy.store.partitions import count_default_rows

ROWS, DAYS = 3000, 8


def quiet(line: str) -> None:
    """Nobody looks on."""


@pytest.fixture
async def cluster(open_folder: Path) -> AsyncIterator[Cluster]:
    running = Cluster(open_folder)
    await running.start("for_loading")
    yield running
    await running.stop()


async def test_full_tables_are_made_asked_and_written_to(
    cluster: Cluster, open_folder: Path
) -> None:
    plan = Plan(ROWS, DAYS, int(time.time() * 1000))
    loader = Loader(cluster, plan, quiet)
    await loader.run(2)
    again = Loader(cluster, plan, quiet)
    await again.run(2)
    assert loader.copied > 5 * ROWS and again.copied == 0
    await settle(cluster, quiet)

    await cluster.start("for_measuring")
    tables, _ = await measure_sizes(cluster)
    rows = {table.name: table.rows for table in tables}
    assert rows["exchanges"] == plan.calls
    assert rows["model_inferences"] == rows["model_inference_data"] == ROWS
    assert rows["chat_inferences"] + rows["json_inferences"] == ROWS
    assert sum(count for name, count in rows.items() if name.endswith("_feedback")) == ROWS
    connection = await cluster.connect()
    assert await count_default_rows(connection) == 0
    await connection.close()

    reads = await read_all(cluster, plan, rows, 5, quiet)
    assert [read.name for read in reads] == [each.name for each in build_questions(5)]

    rounds = Rounds(cluster, plan, open_folder / "writer", (60, 40))
    await rounds.prepare()
    results = await rounds.run(1)
    assert {result.subject for result in results} == set(SUBJECTS)
    assert all(result.figures["rate"] > 0 for result in results) and len(results) == 4
