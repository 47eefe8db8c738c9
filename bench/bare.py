"""The measure: aiohttp passing bytes on. No JSON, no routing, no log, no metrics, no records.

python -m bench.bare --port PORT --origin http://127.0.0.1:PORT
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator

import uvloop
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, web
from multidict import CIMultiDict, CIMultiDictProxy, istr
from yarl import URL

_THIS_HOP = tuple(
    istr(name) for name in ("Host", "Connection", "Content-Length", "Transfer-Encoding")
)


def _kept(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    kept = headers.copy()
    for name in _THIS_HOP:
        kept.popall(name, None)
    return kept


class Bare:
    """One handler and one client session."""

    def __init__(self, origin: URL) -> None:
        self._origin = origin
        self._session: ClientSession | None = None

    async def live(self, _: web.Application) -> AsyncIterator[None]:
        """The session, for as long as the application runs."""
        self._session = ClientSession(
            connector=TCPConnector(limit=0),
            cookie_jar=DummyCookieJar(),
            auto_decompress=False,
            timeout=ClientTimeout(total=None),
        )
        yield
        await self._session.close()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        assert self._session is not None
        body = await request.read()
        async with self._session.request(
            request.method,
            self._origin.join(request.rel_url),
            data=body,
            headers=_kept(request.headers),
        ) as answer:
            head = _kept(answer.headers)
            if answer.content_length is not None:
                whole = await answer.read()
                return web.Response(status=answer.status, headers=head, body=whole)
            relayed = web.StreamResponse(status=answer.status, headers=head)
            await relayed.prepare(request)
            async for block in answer.content.iter_any():
                await relayed.write(block)
            await relayed.write_eof()
            return relayed


def build_app(origin: str) -> web.Application:
    """An application that passes every path on to `origin`."""
    bare = Bare(URL(origin))
    app = web.Application(client_max_size=2**30)
    app.cleanup_ctx.append(bare.live)
    app.router.add_route("*", "/{path:.*}", bare.handle)
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description="A bare pass-through.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--origin", required=True)
    options = parser.parse_args()
    web.run_app(
        build_app(options.origin),
        host="127.0.0.1",
        port=options.port,
        access_log=None,
        backlog=4096,
        print=None,
        loop=uvloop.new_event_loop(),
    )


if __name__ == "__main__":
    main()
