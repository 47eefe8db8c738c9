"""A unix-socket relay before Postgres that can refuse, hang, or cut: outages without an outage."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

SOCKET_NAME = ".s.PGSQL.5432"


def with_host(dsn: str, host: Path) -> str:
    """The same address, by way of the socket in folder `host`."""
    parts = urlsplit(dsn)
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    return urlunsplit(parts._replace(query=urlencode(query | {"host": str(host)})))


class PostgresRelay:
    """Between a writer and the server. `mode` holds for new connections and for waiting bytes."""

    def __init__(self, dsn: str, folder: Path) -> None:
        host = parse_qs(urlsplit(dsn).query)["host"][0]
        self._server_socket = str(Path(host) / SOCKET_NAME)
        self._folder = folder
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.dsn = with_host(dsn, folder)
        self.connections = 0
        self.delay = 0.0
        """Seconds for which all that is asked is held up."""

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, str(self._folder / SOCKET_NAME))

    async def stop(self) -> None:
        """Refuse new connections and cut those that are."""
        if self._server is not None:
            self._server.close()
            self._server = None
        (self._folder / SOCKET_NAME).unlink(missing_ok=True)
        self.cut()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def set(self, mode: Literal["flow", "hang"]) -> None:
        """`hang`: accept, take bytes, never answer."""
        if mode == "flow":
            self._flowing.set()
        else:
            self._flowing.clear()

    async def close(self) -> None:
        await self.stop()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            server_reader, server_writer = await asyncio.open_unix_connection(self._server_socket)
            self._writers |= {writer, server_writer}
            await asyncio.gather(
                self._copy(reader, server_writer, asks=True), self._copy(server_reader, writer)
            )
            self._writers -= {writer, server_writer}
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, asks: bool = False
    ) -> None:
        with contextlib.suppress(OSError):
            while block := await reader.read(65536):
                await self._flowing.wait()
                if asks and self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(block)
                await writer.drain()
        writer.transport.abort()
