"""The port `InferenceStore`: questions of a worker, over a small pool that is made when needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal
from uuid import UUID

import asyncpg

from proxy.errors import StoreUnavailable
from proxy.store.clean import clean_text
from proxy.store.feedback_rows import read_stored_inference
from proxy.store.pool import APPLICATION, unavailable
from proxy.store.queries import query
from proxy.types.examples import Example
from proxy.types.feedback import StoredInference
from proxy.types.ids import id_time

ANSWER_SECONDS = 2.0
CONNECTIONS = 2
NO_EXAMPLES = (
    "This database has no table `tensorzero.dicl_examples`, for which it needs pgvector. Where "
    "pgvector is installed now, the table is made by "
    "`SELECT tensorzero.zeroproxy_ensure_dicl_examples()`"
)
How = Literal["fetchval", "fetchrow", "fetch"]


class PostgresInferenceStore:
    """Asks Postgres; a server that hangs is unavailable after two seconds."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._pool: asyncpg.Pool | None = None
        self._making = asyncio.Lock()

    async def inference_exists(self, inference_id: UUID) -> bool:
        """Whether the inference is stored; its id's time names the partition."""
        if inference_id.version != 7:
            return False
        moment = id_time(inference_id)
        return bool(await self._ask("fetch_inference_exists", inference_id, moment))

    async def episode_exists(self, episode_id: UUID) -> bool:
        return bool(await self._ask("fetch_episode_exists", episode_id))

    async def fetch_response_target(self, response_id: str) -> tuple[UUID, UUID] | None:
        """See `ports.InferenceStore`; looks 31 days back, for the id as it would be stored."""
        row = await self._ask("fetch_response_target", clean_text(response_id), how="fetchrow")
        return None if row is None else (UUID(int=row[0].int), UUID(int=row[1].int))

    async def fetch_stored_inference(self, inference_id: UUID) -> StoredInference | None:
        """See `ports.InferenceStore`."""
        if inference_id.version != 7:
            return None
        values = (inference_id, id_time(inference_id))
        row = await self._ask("fetch_stored_inference", *values, how="fetchrow")
        return None if row is None else read_stored_inference(row)

    async def similar_examples(
        self, function_name: str, variant_name: str, embedding: Sequence[float], k: int
    ) -> Sequence[Example]:
        """See `ports.InferenceStore`; unavailable, too, where the server has no pgvector."""
        vector = "[" + ",".join(map(repr, embedding)) + "]"
        values = (function_name, variant_name, vector, k)
        try:
            rows = await self._ask("fetch_similar_examples", *values, how="fetch")
        except StoreUnavailable as error:
            match error.__cause__:
                case asyncpg.UndefinedTableError() | asyncpg.UndefinedObjectError():
                    raise StoreUnavailable(NO_EXAMPLES) from error
                case asyncpg.DataError() as cause:
                    raise StoreUnavailable(f"Examples cannot be compared: {cause}") from error
            raise
        return [Example(*row) for row in rows]

    async def close(self) -> None:
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    async def _ask(self, name: str, *values: object, how: How = "fetchval") -> Any:
        try:
            with unavailable():
                async with asyncio.timeout(ANSWER_SECONDS), self._connection() as connection:
                    return await getattr(connection, how)(query(name), *values)
        except asyncpg.PostgresError as error:
            raise StoreUnavailable(f"Postgres does not answer: {type(error).__name__}") from error

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection of the pool. After a failure it is dropped, because giving it back would
        first wait for a server that may hang to cancel what was asked."""
        pool = await self._connected()
        connection = await pool.acquire()
        try:
            yield connection
        except BaseException:
            connection.terminate()
            raise
        finally:
            await pool.release(connection)

    async def _connected(self) -> asyncpg.Pool:
        async with self._making:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._dsn,
                    min_size=0,
                    max_size=CONNECTIONS,
                    timeout=ANSWER_SECONDS,
                    command_timeout=ANSWER_SECONDS,
                    server_settings={"application_name": APPLICATION, "timezone": "UTC"},
                )
            if self._pool is None:
                raise StoreUnavailable("no pool")
            return self._pool
