"""What has to be done now and then: partitions ahead, retention, a look at default partitions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import asyncpg

from proxy.errors import StoreUnavailable
from proxy.store.partitions import count_default_rows, ensure_ahead
from proxy.store.pool import connect, unavailable
from proxy.store.retention import Retention, drop_expired, record_retention

INTERVAL_S = 600.0
AGAIN_S = 10.0
COMMAND_SECONDS = 60.0

log = logging.getLogger(__name__)


class Housekeeping:
    """Keeps the database in order, from the main process. Replicas may all do so."""

    def __init__(
        self, dsn: str, retention: Retention, set_default_rows: Callable[[float], None]
    ) -> None:
        self._dsn = dsn
        self._retention = retention
        self._set_default_rows = set_default_rows

    async def run(self) -> None:
        """Go on until cancelled; when Postgres is away, try again soon."""
        while True:
            try:
                await self.once()
            except StoreUnavailable as error:
                log.warning("housekeeping has to wait: %s", error)
                await asyncio.sleep(AGAIN_S)
            except asyncpg.PostgresError as error:
                log.error("housekeeping failed: %s", error)
                await asyncio.sleep(INTERVAL_S)
            else:
                await asyncio.sleep(INTERVAL_S)

    async def once(self) -> list[str]:
        """One round; the names of the partitions that were dropped."""
        connection = await connect(self._dsn, command_timeout=COMMAND_SECONDS)
        try:
            with unavailable():
                await ensure_ahead(connection)
                await record_retention(connection, self._retention)
                dropped = await drop_expired(connection, self._retention)
                self._set_default_rows(await count_default_rows(connection))
        finally:
            connection.terminate()
        if dropped:
            log.info("dropped for their age: %s", ", ".join(dropped))
        return dropped
