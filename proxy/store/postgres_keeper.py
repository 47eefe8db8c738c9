"""Keeps the embedded Postgres running: it may crash, be killed, or run out of disk."""

from __future__ import annotations

import asyncio
import logging

from proxy.errors import EmbeddedPostgresError
from proxy.store.embedded import EmbeddedPostgres

LOOK_S = 2.0
LONGEST_PAUSE_S = 30.0

log = logging.getLogger(__name__)


async def keep_running(server: EmbeddedPostgres, *, every_s: float = LOOK_S) -> None:
    """Start it again whenever it has died, until cancelled; calls are served meanwhile.

    Args:
        every_s: seconds between two looks; after a start that failed, twice as long each time.
    """
    pause = every_s
    while True:
        await asyncio.sleep(pause)
        if server.is_running():
            pause = every_s
            continue
        log.error("the embedded Postgres has died; starting it again")
        try:
            await server.revive()
        except EmbeddedPostgresError as error:
            pause = min(pause * 2, LONGEST_PAUSE_S)
            log.error("the embedded Postgres stays down: %s", error)
