"""The least that Python can do: bytes go from socket to socket, nobody looks at them.

python -m bench.forward --port PORT --origin-port PORT

No HTTP: each connection of a client has one of its own to the provider. What this takes is the
share of kernel, event loop and interpreter in every gateway that is written in Python.
"""

from __future__ import annotations

import argparse
import asyncio
from typing import cast

import uvloop


class End(asyncio.Protocol):
    """One of the two connections of a pair."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: End | None = None
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own class
        if self.other is not None:
            for block in self.other.taken():
                self.transport.write(block)

    def data_received(self, data: bytes) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)
        else:
            self._early.append(data)

    def taken(self) -> list[bytes]:
        """What came before there was somebody to send it to."""
        early, self._early = self._early, []
        return early

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


class Front(End):
    """The client's; it calls the provider."""

    def __init__(self, origin_port: int) -> None:
        super().__init__()
        self._origin_port = origin_port
        self._calling: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._calling = asyncio.get_running_loop().create_task(self._call())

    async def _call(self) -> None:
        back = End()
        back.other = self
        self.other = back
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: back, "127.0.0.1", self._origin_port)


async def serve(port: int, origin_port: int) -> None:
    """Returns never."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Front(origin_port), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description="Bytes from socket to socket.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--origin-port", type=int, required=True)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(options.port, options.origin_port))


if __name__ == "__main__":
    main()
