"""A process of its own that relays uploads, so that its memory can be measured.

Arguments: the address to relay to, a folder for spooled bodies. Says its port on its output, and
its highest resident memory (bytes) in each answer.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import uvloop
from aiohttp import web

from proxy.errors import UpstreamError
from proxy.http.client_connection import ClientServer
from proxy.http.spool import StreamedBody, spool
from proxy.net.aiohttp_transport import AiohttpTransport
from proxy.net.watchdog import Watchdog
from proxy.types.ports import Body, Headers, Limits, OutgoingRequest
from proxy.wire.multipart import FormScanner, boundary_of, edit_form

LIMIT = 2**30
MEMORY = 2**20


class Status:
    started = finished = False
    status = 0
    error: UpstreamError | None = None

    def on_head(self, status: int, headers: Headers) -> None:
        self.status = status

    def on_block(self, block: bytes) -> None:
        return None

    def on_end(self, error: UpstreamError | None) -> None:
        self.error = error


def peak_memory() -> int:
    """Bytes; what getrusage says would include the process that this one was forked from."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


async def main(base: str, folder: Path) -> None:
    transport = AiohttpTransport(Watchdog(), lambda size: None)
    unlimited = Limits(None, None, None, None)

    async def send(body: Body, content_type: str) -> web.Response:
        answer = Status()
        request = OutgoingRequest(
            "POST",
            base,
            base,
            [("Content-Type", content_type)],
            body,
            unlimited,
            lambda: True,
        )
        await transport.send(request, answer)
        return web.json_response({"status": answer.status, "peak": peak_memory()})

    async def handler(request: web.BaseRequest) -> web.Response:
        content_type = request.headers["Content-Type"]
        if request.path == "/stream":
            return await send(StreamedBody(request, limit=LIMIT), content_type)
        scanner = FormScanner(boundary_of(content_type))
        body = await spool(
            request, memory_bytes=MEMORY, limit=LIMIT, folder=folder, scan=scanner.feed
        )
        try:
            edits = edit_form(scanner.finish(), model="renamed")
            return await send(body.edited(edits), content_type)
        finally:
            body.close()

    loop = asyncio.get_running_loop()
    server = ClientServer(handler, limit=lambda: LIMIT)
    listening = await loop.create_server(server, "127.0.0.1", 0)
    print(json.dumps(listening.sockets[0].getsockname()[1]), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(sys.argv[1], Path(sys.argv[2])))
