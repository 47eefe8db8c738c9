"""All COPYs of a batch in one message: Postgres is asked once, and waited for once.

A text of several statements is one transaction, if it names none (PostgreSQL's manual, "Multiple
Statements in a Simple Query"). Each COPY in it reads what was sent up to the next CopyDone, so the
rows of all tables can follow the text without waiting in between; what is still on its way when
one is refused, the server passes over ("COPY Operations").

The driver knows COPY one at a time only. Of a text it passes over the server's invitations to send,
so the rows are given to the transport, right behind the text, as they are and without a copy.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator, Mapping, Sequence
from struct import Struct
from typing import Any

import asyncpg

from proxy.store.copy_values import HEADER, TRAILER
from proxy.store.pool import UNREACHABLE
from proxy.store.queries import query
from proxy.store.tables import COLUMNS

MESSAGE_BYTES = 2**20
"""Of rows in one message, about: the server holds it whole."""
SMALL_ROW = 4096
"""On average: smaller ones are joined, so that the kernel is handed few pieces."""
MOST_BYTES = 32 * 2**20
"""Of a batch: it stands in the transport until the server has read it."""

_COPY_DATA = Struct(">ci").pack
_COPY_DONE = b"c\0\0\0\4"
_LENGTH_BYTES = 4

log = logging.getLogger(__name__)


class BatchConnection(asyncpg.Connection):  # type: ignore[misc]
    """A connection that can be handed several COPYs at once."""

    def __init__(self, protocol: Any, transport: asyncio.Transport, *rest: Any) -> None:
        super().__init__(protocol, transport, *rest)
        self._wire = transport
        _widen(transport)
        self.takes_all = True
        """Unless `find_out` has found that driver or server cannot do it."""

    def takes(self, batch: Mapping[str, Sequence[bytes]]) -> bool:
        """Whether `copy_all` is the way for these rows."""
        return self.takes_all and sum(sum(map(len, rows)) for rows in batch.values()) <= MOST_BYTES

    async def copy_all(self, batch: Mapping[str, Sequence[bytes]]) -> None:
        """Copy the rows into their tables, all or none. Raises what asyncpg raises; what is to
        become of the connection then is as after any other statement."""
        tables = [table for table, rows in batch.items() if rows]
        if not tables:
            return
        data = [piece for table in tables for piece in _messages(batch[table])]
        text = ";".join([query(f"copy_{table}") for table in tables])
        # The driver writes the text before it waits, and the rows are next.
        sending = asyncio.get_running_loop().call_soon(self._wire.writelines, data)
        try:
            await self.execute(text)
        finally:
            sending.cancel()

    async def find_out(self) -> None:
        """See whether it works here, by copying nothing into all tables.

        Raises:
            Whatever says that Postgres cannot be asked now (`pool.UNREACHABLE`).
        """
        try:
            await self.copy_all({table: [b""] for table in COLUMNS})
        except UNREACHABLE:
            raise
        except Exception as error:
            log.warning("tables are copied into one by one: %s", type(error).__name__)
            self.takes_all = False


def _widen(transport: asyncio.Transport) -> None:
    """Let more of a batch be on its way: each time that the sender is woken costs more than what
    it then sends. The system may grant less; TCP finds its own measure."""
    wire = transport.get_extra_info("socket")
    if wire is not None and wire.family == socket.AF_UNIX:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MESSAGE_BYTES)


def _messages(rows: Sequence[bytes]) -> Iterator[bytes]:
    """What is sent to one COPY."""
    size = sum(map(len, rows))
    if size < SMALL_ROW * len(rows):
        rows, step = [b"".join(rows)], 1
    else:
        step = max(1, len(rows) * MESSAGE_BYTES // size)
    yield _COPY_DATA(b"d", _LENGTH_BYTES + len(HEADER)) + HEADER
    for start in range(0, len(rows), step):
        some = rows[start : start + step]
        yield _COPY_DATA(b"d", _LENGTH_BYTES + sum(map(len, some)))
        yield from some
    yield _COPY_DATA(b"d", _LENGTH_BYTES + len(TRAILER)) + TRAILER + _COPY_DONE
