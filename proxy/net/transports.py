"""The transport that a request names: the fast one unless its provider's entry says otherwise.

Bodies that are not held in memory go out on the complete one in any case. One suite of tests holds
for both (`tests/unit/net/*transport*`); where they differ, and may:

    what a server does                              fast                     aiohttp
    ----------------------------------------------  -----------------------  ----------------------
    folds headers, ends lines by bare line feeds,   garbage                  taken
      puts spaces before colons or control
      characters other than NUL into values
    answers 101, or with a status below 100         garbage                  passed on
    uses a transfer coding other than `chunked`,    garbage                  taken, or passed on as
      or chunks twice                                                        it is until the end
    sends hints, or chunk extensions, without end   garbage at 64 KiB        a time limit ends it
    sends more than 128 headers, or one beyond 8    taken: 256, and 64 KiB   garbage
      KiB                                             in all
    sends bytes behind an answer, in one read       the answer is good, the  garbage, or dropped
                                                      connection is closed
    sends garbage behind a good beginning, in one   the beginning is told,   garbage
      read                                            then garbage
    says `Keep-Alive: timeout=`                     is believed              30 s all the same
    answers HEAD, or HTTP/1.0 in chunks             connection is closed     connection is kept
    dies after the first bytes of an answer, on a   reset                    sent once more
      connection that was used before
    resets the connection in a body without length  reset                    taken for its end

    what a request has                              fast                     aiohttp
    ----------------------------------------------  -----------------------  ----------------------
    a length or coding of the body among headers    left out                 taken at its word
    header bytes that are no UTF-8                  sent                     left out
    one name in two spellings                       both are sent            the last is sent
    a limit for connecting                          of the look-up, too      not of the look-up
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from proxy.net.aiohttp_transport import AiohttpTransport
from proxy.net.fast_transport import FastTransport
from proxy.net.watchdog import Watchdog
from proxy.types.ports import FAST, OutgoingRequest, Sink


class Transports:
    """Both, behind the port `Transport`. `received` is told the size of every block."""

    def __init__(self, watchdog: Watchdog, received: Callable[[int], None]) -> None:
        self._watchdog = watchdog
        self._received = received
        self._fast = FastTransport(watchdog, received)
        self._complete: AiohttpTransport | None = None

    def send(self, request: OutgoingRequest, sink: Sink) -> Coroutine[Any, Any, None]:
        """See `Transport.send`."""
        if request.transport == FAST and type(request.body) is bytes:
            return self._fast.send(request, sink)
        if self._complete is None:
            self._complete = AiohttpTransport(self._watchdog, self._received)
        return self._complete.send(request, sink)

    async def close(self) -> None:
        """Close the connections of both."""
        await self._fast.close()
        if self._complete is not None:
            await self._complete.close()
