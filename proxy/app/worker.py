"""One serving process: its event loop, its listening socket, its journal, and its end."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import os
import signal
import threading
from multiprocessing.connection import Connection

import uvloop

from proxy.app.build import Worker, build_worker
from proxy.app.generation import Generation
from proxy.app.sockets import listen
from proxy.app.spec import (
    GC_THRESHOLD,
    Decide,
    Drain,
    Prepare,
    Prepared,
    Ready,
    Report,
    Word,
    WorkerSpec,
    log_level,
)
from proxy.errors import ZeroProxyError
from proxy.http.client_connection import ClientServer
from proxy.telemetry.logging import configure

PR_SET_PDEATHSIG = 1
log = logging.getLogger(__name__)


def run_worker(spec: WorkerSpec, control: Connection) -> None:
    """The whole life of a worker; called in a process that was forked for it."""
    _die_with_parent()
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    configure(spec.log_format, log_level(spec.loaded.config), f"worker-{spec.slot}")
    gc.freeze()
    gc.enable()
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
    words: asyncio.Queue[Word] = asyncio.Queue()
    threading.Thread(target=_listen, args=(control, loop, words), daemon=True).start()
    worker = await build_worker(spec)
    server = build_server(worker)
    obedience = Obedience(worker, control)
    while not words.empty():  # What was decided while this process began holds for its first call.
        await obedience.obey(words.get_nowait())
    listening = await loop.create_server(server, sock=listen(spec.host, spec.port), backlog=1024)
    loop.add_signal_handler(signal.SIGTERM, obedience.draining.set)
    obeying = asyncio.create_task(obedience.run(words))
    worker.condition.started = True
    control.send(Ready())
    await obedience.draining.wait()
    obeying.cancel()
    await _drain(worker, server, listening)


def _listen(
    control: Connection, loop: asyncio.AbstractEventLoop, words: asyncio.Queue[Word]
) -> None:
    """Hand on what the main process says; its silence for good means that it is gone."""
    try:
        while True:
            loop.call_soon_threadsafe(words.put_nowait, control.recv())
    except (EOFError, OSError):
        os._exit(1)
    except RuntimeError:
        return  # The loop is closed: this process is leaving anyway.


class Obedience:
    """Does what the main process says, one word after the other."""

    def __init__(self, worker: Worker, control: Connection) -> None:
        self.draining = asyncio.Event()
        self._worker = worker
        self._control = control
        self._prepared: tuple[int, Generation] | None = None

    async def run(self, words: asyncio.Queue[Word]) -> None:
        while True:
            await self.obey(await words.get())

    async def obey(self, word: Word) -> None:
        match word:
            case Drain():
                self.draining.set()
            case Prepare():
                await self._prepare(word)
            case Decide():
                self._decide(word)
            case Report():
                self._worker.condition.config = word.report

    async def _prepare(self, word: Prepare) -> None:
        problem = ""
        try:
            made = await self._worker.prepare(word.loaded, word.catalogue)
            self._prepared = (word.number, made)
        except ZeroProxyError as error:
            problem = str(error)
        except Exception as error:
            log.exception("a configuration could not be built")
            problem = f"it cannot be built: {type(error).__name__}"
        if not word.at_once:
            self._control.send(Prepared(word.number, problem))
        elif problem:
            log.error("the configuration that all others serve cannot be built here: %s", problem)
            os._exit(1)
        else:
            self._decide(Decide(word.number, take=True))

    def _decide(self, word: Decide) -> None:
        prepared, self._prepared = self._prepared, None
        if not word.take:
            return
        if prepared is None or prepared[0] != word.number:
            log.error("a configuration is to be taken that was not built here; starting anew")
            os._exit(1)
        self._worker.adopt(prepared[1])


def build_server(worker: Worker) -> ClientServer:
    """What answers the worker's connections."""
    return ClientServer(worker.dispatcher, limit=lambda: worker.generation.max_request_bytes)


async def _drain(worker: Worker, server: ClientServer, listening: asyncio.AbstractServer) -> None:
    """Not ready, wait, take no more, let calls end up to the bound, cut the rest, leave."""
    drain = worker.generation.loaded.config.zeroproxy.drain
    worker.condition.draining = True
    await asyncio.sleep(drain.delay_s)
    listening.close()
    server.pre_shutdown()
    await worker.idle(drain.timeout_s)
    await server.shutdown(1.0)
    await worker.close()
    log.info("drained")
