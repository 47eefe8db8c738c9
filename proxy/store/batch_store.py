"""One connection, on which the writer's batches are committed; and what failures mean.

Either Postgres cannot do it now (`StoreUnavailable`: wait, come again), or it refuses these very
records (`Refused`: divide, find the bad one). What is neither, such as a missing table, says
nothing against the records, and is waited for, too.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from uuid import UUID

import asyncpg
import msgspec

from proxy.errors import NotFound, RequestError, StoreUnavailable
from proxy.store.copy import insert_rows, prepare_staging
from proxy.store.copy_at_once import BatchConnection
from proxy.store.feedback_rows import (
    fetch_stored_inference,
    fetch_target,
    insert_feedback,
    insert_rejected,
    upsert_config,
)
from proxy.store.items import Item
from proxy.store.partitions import ensure_partitions
from proxy.store.pool import connect, unavailable
from proxy.store.queries import query
from proxy.store.tables import COLUMNS
from proxy.types.exchange import Feedback
from proxy.types.feedback import DEMONSTRATION, DemonstrationReader, StoredInference

STATEMENT_SECONDS = 30.0
EPOCH = date(1970, 1, 1)

log = logging.getLogger(__name__)

REFUSALS: tuple[type[Exception], ...] = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    TypeError,
    ValueError,
    OverflowError,
    MemoryError,
)
"""What Postgres, or its driver, has against records."""

INTERNAL_ERROR = "XX000"
"""Also what Postgres says of a field that is too large for it to hold in memory."""


class Refused(Exception):
    """Postgres does not take these records. The text has none of their content."""


class TimedOut(StoreUnavailable):
    """It took too long: Postgres hangs, or this was too much at once."""


class Unfit(Exception):
    """The feedback does not fit its target. The text is for the one who sent it."""


class NoFunctions:
    """A reader of demonstrations for nobody's functions."""

    def read(self, value: bytes, inference: StoredInference) -> bytes:
        raise NotFound(f"Unknown function: {inference.function_name}")


class BatchStore:
    """Connects when needed; after any failure that is not a refusal, it connects anew.

    `demonstrations` checks those whose target was not known when they came.
    """

    def __init__(
        self,
        dsn: str,
        demonstrations: DemonstrationReader,
        *,
        statement_seconds: float = STATEMENT_SECONDS,
    ) -> None:
        self._dsn = dsn
        self._demonstrations = demonstrations
        self._seconds = statement_seconds
        self._connection: BatchConnection | None = None
        self._days: set[int] = set()
        """Since 1970: those whose partitions are there."""

    async def write(self, items: Sequence[Item]) -> None:
        """Commit the items, all or none; those that are there already stay as they are.

        Raises:
            Refused, StoreUnavailable
        """
        connection = await self._connected()
        try:
            with unavailable():
                await self._ensure_days(connection, items)
                await self._commit(connection, items)
        except Exception as error:
            raise self._meaning(error) from error

    async def resolve(self, feedback: Feedback) -> bool:
        """Insert the feedback if its target is stored; whether it is.

        Raises:
            Unfit, Refused, StoreUnavailable
        """
        connection = await self._connected()
        try:
            with unavailable():
                target = await fetch_target(connection, feedback)
                if target is None:
                    return False
                fitting = await self._fitting(connection, feedback, target)
                if fitting is None:
                    return False
                await insert_feedback(connection, fitting, target)
                return True
        except Unfit:
            raise
        except Exception as error:
            raise self._meaning(error) from error

    async def _fitting(
        self, connection: asyncpg.Connection, feedback: Feedback, target: UUID
    ) -> Feedback | None:
        """The feedback as it is stored; None while there is no inference to compare it with."""
        if feedback.metric_type != DEMONSTRATION:
            return feedback
        inference = await fetch_stored_inference(connection, target)
        if inference is None:
            return None
        try:
            stored = self._demonstrations.read(feedback.text.encode(), inference)
        except RequestError as error:
            raise Unfit(str(error)) from error
        except Exception as error:
            log.exception("a demonstration could not be checked")
            raise Unfit(f"it could not be checked: {type(error).__name__}") from error
        return msgspec.structs.replace(feedback, text=stored.decode())

    async def reject(self, feedback: Feedback, reason: str) -> None:
        """Put the feedback into `feedback_rejected`.

        Raises:
            Refused, StoreUnavailable
        """
        connection = await self._connected()
        try:
            with unavailable():
                await insert_rejected(connection, feedback, reason)
        except Exception as error:
            raise self._meaning(error) from error

    def close(self) -> None:
        """Drop the connection at once."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        try:
            with unavailable():
                self._connection = await connect(
                    self._dsn, command_timeout=self._seconds, kind=BatchConnection
                )
                await self._connection.execute(query("prefer_lz4"))
                await prepare_staging(self._connection)
                await self._connection.find_out()
        except StoreUnavailable:
            self.close()
            raise
        except Exception as error:
            self.close()
            raise StoreUnavailable(f"Postgres does not let us in: {_reason(error)}") from error
        self._days.clear()
        return self._connection

    async def _ensure_days(self, connection: asyncpg.Connection, items: Sequence[Item]) -> None:
        missing = set().union(*[item.days for item in items]) - self._days
        if missing:
            await ensure_partitions(connection, {EPOCH + timedelta(day) for day in missing})
            self._days |= missing

    async def _commit(self, connection: asyncpg.Connection, items: Sequence[Item]) -> None:
        rows = _by_table(items)
        others = [item for item in items if not item.rows]
        if not others:
            await insert_rows(connection, rows)
            return
        async with connection.transaction():
            await insert_rows(connection, rows)
            for item in others:
                await _insert_other(connection, item)

    def _meaning(self, error: Exception) -> Exception:
        """What to raise for what was raised. A connection that may be broken is dropped."""
        internal = getattr(error, "sqlstate", None) == INTERNAL_ERROR
        if isinstance(error, REFUSALS) or internal:
            if self._connection is not None and self._connection.is_in_transaction():
                self.close()
            return Refused(_reason(error))
        self.close()
        cause = error.__cause__
        if isinstance(cause, TimeoutError | asyncpg.QueryCanceledError):
            return TimedOut(f"Postgres took longer than {self._seconds:g} s")
        if isinstance(error, StoreUnavailable):
            return error
        return StoreUnavailable(f"Postgres cannot be written to: {_reason(error)}")


def _by_table(items: Sequence[Item]) -> Mapping[str, Sequence[bytes]]:
    """Their rows, table by table, in the order of `COLUMNS`."""
    alike: dict[tuple[str, ...], list[Iterable[bytes]]] = {}
    for item in items:
        rows = item.rows
        alike.setdefault(tuple(rows), []).append(rows.values())
    tables: dict[str, list[bytes]] = {table: [] for table in COLUMNS}
    for names, each in alike.items():
        for table, some in zip(names, zip(*each, strict=True), strict=True):
            tables[table] += some
    return tables


async def _insert_other(connection: asyncpg.Connection, item: Item) -> None:
    if item.feedback is not None:
        await insert_feedback(connection, item.feedback, UUID(bytes=item.feedback.target_id))
    if item.config is not None:
        await upsert_config(connection, item.config)


def _reason(error: Exception) -> str:
    """Kind, place and message of an error, without any of the values it complains about."""
    name = type(error).__name__
    state = getattr(error, "sqlstate", None)
    if state is None or not hasattr(error, "severity"):
        return name
    message = re.split(r': (?=["\'])', str(error.args[0]) if error.args else "")[0][:200]
    column = getattr(error, "column_name", None) or _copied_column(getattr(error, "context", ""))
    place = f", column {column}" if column else ""
    return f"{name} ({state}{place}): {message}"


def _copied_column(context: str | None) -> str | None:
    found = re.search(r"column (\w+)", context or "")
    return found[1] if found else None
