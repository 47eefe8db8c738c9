"""Connections to Postgres: how they are made, and what their failures mean to us."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import asyncpg

from proxy.errors import DatabaseUnreachable, StoreUnavailable

CONNECT_SECONDS = 5.0
APPLICATION = "zeroproxy"

UNREADABLE = (
    "DATABASE_URL cannot be read as an address like postgresql://user:password@host:5432/database; "
    "in user and password write %2F for /, %23 for #, %3F for ?, %40 for @ and %3A for :"
)

UNREACHABLE: tuple[type[BaseException], ...] = (
    OSError,
    TimeoutError,
    asyncio.TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.QueryCanceledError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.ReadOnlySQLTransactionError,
)
"""What says that Postgres cannot do it now, and nothing against what it was asked."""


@contextlib.contextmanager
def unavailable() -> Iterator[None]:
    """Maps all of these to StoreUnavailable; the text never has the address."""
    try:
        yield
    except UNREACHABLE as error:
        raise StoreUnavailable(f"Postgres cannot be asked: {type(error).__name__}") from error


async def connect(
    dsn: str,
    *,
    command_timeout: float,
    kind: type[asyncpg.Connection] = asyncpg.Connection,
) -> asyncpg.Connection:
    """One connection, of that kind.

    A command that takes longer than `command_timeout` seconds fails on both sides, so that a
    server that hangs is noticed.

    Raises:
        StoreUnavailable: it cannot be made now.
    """
    with unavailable():
        return await asyncpg.connect(
            dsn,
            timeout=CONNECT_SECONDS,
            command_timeout=command_timeout,
            connection_class=kind,
            server_settings={
                "application_name": APPLICATION,
                "timezone": "UTC",
                "statement_timeout": str(int(command_timeout * 1000)),
            },
        )


async def wait_for_database(dsn: str, seconds: float) -> None:
    """Return when the database answers.

    Raises:
        DatabaseUnreachable: it did not within `seconds`, or it refuses us for good.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        try:
            connection = await connect(dsn, command_timeout=CONNECT_SECONDS)
        except StoreUnavailable as error:
            if asyncio.get_running_loop().time() > deadline:
                raise _unreachable(str(error.__cause__)) from error
            await asyncio.sleep(0.2)
        except asyncpg.PostgresError as error:
            raise _unreachable(str(error)) from error
        except ValueError:
            # Its text would show the part of a password that was taken for a port.
            raise DatabaseUnreachable(UNREADABLE) from None
        else:
            await connection.close()
            return


def _unreachable(reason: str) -> DatabaseUnreachable:
    return DatabaseUnreachable(
        f"the database of DATABASE_URL does not answer ({reason}); check the address, that the "
        "server runs and that this user may log in, or serve with --no-database"
    )
