"""Examples for dynamic in-context learning: the nearest, or a clear word why there are none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest

from proxy.errors import StoreUnavailable
from proxy.store.inference_store import PostgresInferenceStore
from proxy.types.ids import new_id

INSERT = (
    "INSERT INTO tensorzero.dicl_examples (id, function_name, variant_name, input, output, "
    "embedding) VALUES ($1, $2, $3, $4, $5, $6::text::vector)"
)
ENSURE = "SELECT tensorzero.zeroproxy_ensure_dicl_examples()"
TENSORZERO = "id function_name variant_name namespace input output embedding created_at"


@pytest.fixture
async def store(database: str) -> AsyncIterator[PostgresInferenceStore]:
    asked = PostgresInferenceStore(database)
    yield asked
    await asked.close()


async def insert(
    db: asyncpg.Connection,
    text: str,
    vector: Sequence[float],
    function: str = "f",
    variant: str = "v",
) -> None:
    await db.execute(INSERT, new_id(), function, variant, text, f"{text}!", str(list(vector)))


async def nearest(store: PostgresInferenceStore, *vector: float, k: int = 5) -> list[str]:
    return [each.input for each in await store.similar_examples("f", "v", vector, k)]


async def test_the_nearest_examples_come_first(
    store: PostgresInferenceStore, db: asyncpg.Connection
) -> None:
    await insert(db, "opposite", (-1, 0))
    await insert(db, "same", (5, 0))
    await insert(db, "across", (0, 1))
    found = await store.similar_examples("f", "v", (1.0, 0.0), 2)
    assert [(each.input, each.output, each.distance) for each in found] == [
        ("same", "same!", 0.0),
        ("across", "across!", 1.0),
    ]


async def test_examples_of_other_variants_and_functions_are_not_theirs(
    store: PostgresInferenceStore, db: asyncpg.Connection
) -> None:
    await insert(db, "ours", (0, 1))
    await insert(db, "variant", (1, 0), variant="w")
    await insert(db, "function", (1, 0), function="g")
    assert await nearest(store, 1.0, 1e-7) == ["ours"]


async def test_no_examples_are_no_fault(
    store: PostgresInferenceStore, db: asyncpg.Connection
) -> None:
    assert await nearest(store, 1.0) == []


async def test_vectors_of_another_model_cannot_be_compared(
    store: PostgresInferenceStore, db: asyncpg.Connection
) -> None:
    await insert(db, "three", (1, 0, 0))
    with pytest.raises(StoreUnavailable, match="different vector dimensions 3 and 2"):
        await nearest(store, 1.0, 0.0)


async def test_a_database_without_pgvector_says_so(
    store: PostgresInferenceStore, db: asyncpg.Connection
) -> None:
    await db.execute("DROP EXTENSION vector CASCADE")
    await db.execute("DROP TABLE tensorzero.dicl_examples")
    with pytest.raises(StoreUnavailable, match="pgvector"):
        await nearest(store, 1.0)


async def test_the_table_can_be_made_when_pgvector_comes_later(
    store: PostgresInferenceStore, db: asyncpg.Connection
) -> None:
    assert await db.fetchval(ENSURE)
    await db.execute("DROP TABLE tensorzero.dicl_examples")
    assert await db.fetchval(ENSURE)
    await insert(db, "new", (1, 0))
    assert await nearest(store, 1.0, 0.0) == ["new"]


async def test_the_table_is_tensorzeros(db: asyncpg.Connection) -> None:
    columns = await db.fetch(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'tensorzero' "
        "AND table_name = 'dicl_examples' ORDER BY ordinal_position"
    )
    assert " ".join(row[0] for row in columns) == TENSORZERO


async def test_a_user_who_may_not_install_pgvector_is_migrated_without_the_table(
    db: asyncpg.Connection,
) -> None:
    await db.execute("DROP EXTENSION vector CASCADE")
    await db.execute("DROP TABLE tensorzero.dicl_examples")
    role = "guest_" + new_id().hex
    await db.execute(f"CREATE ROLE {role}")
    await db.execute(f"GRANT ALL ON SCHEMA tensorzero TO {role}")
    try:
        await db.execute(f"SET ROLE {role}")
        assert not await db.fetchval(ENSURE)
        await db.execute("RESET ROLE")
        assert await db.fetchval(ENSURE)
    finally:
        await db.execute("RESET ROLE")
        await db.execute(f"DROP OWNED BY {role}")
        await db.execute(f"DROP ROLE {role}")
