"""One serving process: its event loop, its listening socket, its journal, and its end."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import os
import signal
from multiprocessing.connection import Connection

import uvloop
from aiohttp import web

from proxy.app.build import Built, build_worker
from proxy.app.sockets import listen
from proxy.app.spec import DRAIN, GC_THRESHOLD, READY, WorkerSpec
from proxy.telemetry.logging import configure

PR_SET_PDEATHSIG = 1
log = logging.getLogger(__name__)


def run_worker(spec: WorkerSpec, control: Connection) -> None:
    """The whole life of a worker; called by the fork server in a fresh process."""
    _die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    configure(spec.log_format, spec.log_level, f"worker-{spec.slot}")
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 20, 20)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(spec, control))


def _die_with_parent() -> None:
    """Ask the kernel to end this process when its parent is gone (Linux only)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "prctl"):
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


async def _serve(spec: WorkerSpec, control: Connection) -> None:
    loop = asyncio.get_running_loop()
    draining = asyncio.Event()
    built = await build_worker(spec)
    limit = spec.loaded.config.zeroproxy.limits.max_request_bytes
    server = web.Server(
        built.dispatcher,
        handler_cancellation=True,
        access_log=None,
        request_factory=_request_factory(limit),
        keepalive_timeout=75.0,
    )
    listening = await loop.create_server(server, sock=listen(spec.host, spec.port), backlog=1024)
    loop.add_reader(control.fileno(), _hear, control, draining)
    loop.add_signal_handler(signal.SIGTERM, draining.set)
    built.condition.started = True
    control.send_bytes(READY)
    await draining.wait()
    await _drain(spec, built, server, listening)


def _request_factory(limit: int):  # type: ignore[no-untyped-def]
    """aiohttp's requests, with our limit of a body."""
    loop = asyncio.get_running_loop()

    def make(message, payload, protocol, writer, task):  # type: ignore[no-untyped-def]
        return web.BaseRequest(
            message, payload, protocol, writer, task, loop, client_max_size=limit
        )

    return make


def _hear(control: Connection, draining: asyncio.Event) -> None:
    """A word from the main process; its end means that the main process is gone."""
    try:
        word = control.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)
    if word == DRAIN:
        draining.set()


async def _drain(
    spec: WorkerSpec, built: Built, server: web.Server, listening: asyncio.AbstractServer
) -> None:
    """Not ready, wait, take no more, let calls end up to the bound, cut the rest, leave."""
    drain = spec.loaded.config.zeroproxy.drain
    built.condition.draining = True
    await asyncio.sleep(drain.delay_s)
    listening.close()
    server.pre_shutdown()
    await built.idle(drain.timeout_s)
    await server.shutdown(1.0)
    await built.close()
    log.info("drained")
