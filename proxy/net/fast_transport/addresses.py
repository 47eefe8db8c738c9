"""From a host's name to a connected socket.

Names are looked up in a thread and kept for `KEPT_SECONDS`, less if no connection can be made to
what was found; calls that ask for the same name meanwhile wait for one look-up. Several addresses
are tried one after another, a quarter of a second apart, IPv6 and IPv4 in turn (RFC 8305), and each
connection begins at another of them.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any

import aiohappyeyeballs

KEPT_SECONDS = 30.0
MAX_NAMES = 1024
HEAD_START_SECONDS = 0.25
RECEIVE_BUFFER_BYTES = 64 * 1024
"""SO_RCVBUF: what the kernel may hold for a client that reads slowly."""

Address = tuple[int, int, int, str, Any]
"""As `socket.getaddrinfo` gives it."""
LookUp = Callable[..., Sequence[Address]]
"""`socket.getaddrinfo`, or what stands for it."""


class Addresses:
    """The names that one transport has looked up."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        now: Callable[[], float],
        look_up: LookUp = socket.getaddrinfo,
    ) -> None:
        self._loop = loop
        self._now = now
        self._look_up = look_up
        self._known: dict[tuple[str, int], tuple[float, list[Address]]] = {}
        self._asked: dict[tuple[str, int], asyncio.Future[Sequence[Address]]] = {}

    async def connect(self, host: str, port: int) -> socket.socket:
        """A connected socket.

        Raises:
            OSError: the name is not known, or nobody answers at its addresses.
        """
        addresses = await self._find(host, port)
        try:
            return await aiohappyeyeballs.start_connection(
                addresses,
                happy_eyeballs_delay=HEAD_START_SECONDS,
                interleave=1,
                loop=self._loop,
                socket_factory=_open_socket,
            )
        except BaseException:
            self._known.pop((host, port), None)
            raise

    async def _find(self, host: str, port: int) -> list[Address]:
        """All addresses, another one first each time."""
        if _is_address(host):
            numeric = socket.AI_NUMERICHOST
            return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=numeric))
        key = (host, port)
        until, found = self._known.get(key, (0.0, []))
        if until <= self._now():
            found = list(await self._ask(key))
            if len(self._known) >= MAX_NAMES:
                self._known.clear()
            until = self._now() + KEPT_SECONDS
        self._known[key] = (until, found[1:] + found[:1])
        return found

    async def _ask(self, key: tuple[str, int]) -> Sequence[Address]:
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = self._loop.run_in_executor(None, self._resolve, *key)
            asked.add_done_callback(lambda _: self._asked.pop(key, None))
        return await asyncio.shield(asked)

    def _resolve(self, host: str, port: int) -> Sequence[Address]:
        try:
            found = self._look_up(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        except UnicodeError:
            raise OSError("a name that cannot be looked up") from None
        if not found:
            raise OSError("a name without an address")
        return found


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _open_socket(address: Address) -> socket.socket:
    made = socket.socket(*address[:3])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made
