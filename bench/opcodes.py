"""How many instructions of Python a call takes: the measure that repeats to the digit.

    python -m bench.opcodes [--lane relay|envelope] [--script small|large|paced] [--rows N]

CPU time on a shared machine needs many rounds to be known to 3 %. The count of the interpreter's
instructions needs one, and CPU follows it closely; it knows nothing of C code and of the kernel. It
is for finding where a change pays, and for seeing that none makes calls dearer unnoticed.

The pass-through of `bench.bare` or the product's worker runs in this process, on real sockets; the
provider has a process of its own, and the client a thread, which is not traced.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType, FrameType
from typing import Any

import uvloop
from aiohttp import web

from bench.bare import build_app
from bench.canned import PATH, SCRIPTS, Script
from bench.errors import BenchError
from bench.programs import ROOT, Program, free_port
from proxy.app.build import build_worker
from proxy.app.spec import WorkerSpec
from proxy.app.telemetry import create_cells, plan_catalogue
from proxy.app.worker import build_server
from proxy.config.load import load_config

WARM_CALLS = 5
FUNCTION = "tensorzero::function_name::bench"
LANES = {"bare": PATH, "relay": PATH, "envelope": f"/openai{PATH}"}
CONFIGURATION = """
models:
  bench:
    routing: [mock]
    providers:
      mock: {{type: openai, model_name: bench-model, api_key_location: none,
              api_base: "http://127.0.0.1:{port}/v1/"}}
functions:
  bench:
    type: chat
    variants:
      a: {{type: chat_completion, model: bench, weight: 0.9}}
      b: {{type: chat_completion, model: bench, weight: 0.1}}
"""


@dataclass
class Tally:
    """Instructions and calls by function, of so many calls of the server."""

    calls: int
    instructions: Counter[CodeType] = field(default_factory=Counter)
    frames: Counter[CodeType] = field(default_factory=Counter)

    @property
    def total(self) -> float:
        """Instructions a call."""
        return sum(self.instructions.values()) / self.calls

    def trace(self, frame: FrameType, event: str, argument: object) -> Any:
        """To be given to `sys.settrace`."""
        if event == "call":
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
            self.frames[frame.f_code] += 1
        elif event == "opcode":
            self.instructions[frame.f_code] += 1
        return self.trace

    def table(self, rows: int) -> str:
        """The dearest functions, a line each: instructions, times called, where it stands."""
        lines = [f"{'instructions':>12} {'times':>6}  function"]
        for code, count in self.instructions.most_common(rows):
            place = f"{_short(code.co_filename)}:{code.co_firstlineno}"
            times = self.frames[code] / self.calls
            lines.append(f"{count / self.calls:12.1f} {times:6.1f}  {code.co_qualname}  {place}")
        return "\n".join(lines)


def count(lane: str, script: Script, calls: int = 20) -> Tally:
    """The instructions of `calls` calls by one of `LANES`, on uvloop.

    Raises:
        BenchError: an answer was none.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_count(lane, script, calls))


async def _count(lane: str, script: Script, calls: int) -> Tally:
    with TemporaryDirectory(prefix="opcodes-") as name:
        folder = Path(name)
        port = free_port()
        command = [sys.executable, "-m", "bench.provider"]
        ports = ["--port", str(port), "--storm-port", str(free_port())]
        provider = Program(
            [*command, *ports], cores=tuple(os.sched_getaffinity(0)), log=folder / "provider.log"
        )
        try:
            await asyncio.to_thread(provider.wait_listening, port)
            async with _serving(lane, port, folder) as here:
                return await _counted(lane, script, calls, here)
        finally:
            provider.stop()


async def _counted(lane: str, script: Script, calls: int, port: int) -> Tally:
    request = script.request(FUNCTION, path=LANES[lane], host=f"127.0.0.1:{port}")
    loop, tally = asyncio.get_running_loop(), Tally(calls)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        await asyncio.to_thread(_ask, connection, request, WARM_CALLS)
        asking = loop.run_in_executor(None, _ask, connection, request, calls)
        sys.settrace(tally.trace)
        try:
            await asking
        finally:
            sys.settrace(None)
    own = str(ROOT / "bench" / "opcodes.py")
    for counted in (tally.instructions, tally.frames):
        for code in [code for code in counted if code.co_filename == own]:
            del counted[code]
    return tally


def _ask(connection: socket.socket, request: bytes, calls: int) -> None:
    """One call after the other."""
    for _ in range(calls):
        connection.sendall(request)
        answer = connection.recv(2**20)
        while not _is_whole(answer):
            more = connection.recv(2**20)
            if not more:
                raise BenchError(f"no whole answer: {answer[-200:]!r}")
            answer += more
        if not answer.startswith(b"HTTP/1.1 200"):
            raise BenchError(f"no answer: {answer[:300]!r}")


def _is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    _, said, length = head.lower().partition(b"\r\ncontent-length: ")
    if said:
        return bool(end) and len(body) >= int(length.split(b"\r\n")[0])
    return body.endswith(b"\r\n0\r\n\r\n")


@asynccontextmanager
async def _serving(lane: str, provider: int, folder: Path) -> AsyncIterator[int]:
    """The server of a lane, in this process; gives its port."""
    if lane == "bare":
        runner = web.AppRunner(build_app(f"http://127.0.0.1:{provider}"), access_log=None)
        await runner.setup()
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield port
        await runner.cleanup()
        return
    worker = await build_worker(_spec(folder, provider))
    server = build_server(worker)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    yield listening.sockets[0].getsockname()[1]
    listening.close()
    await server.shutdown(1.0)
    await worker.close()


def _spec(folder: Path, provider: int) -> WorkerSpec:
    """A worker that records into a journal, which nobody reads."""
    configuration, cells, journal = (folder / each for each in ("bench.yaml", "cells", "journal"))
    configuration.write_text(CONFIGURATION.format(port=provider))
    journal.mkdir()
    loaded = load_config(str(configuration), {})
    catalogue = plan_catalogue(loaded)
    create_cells(cells, catalogue, workers=1)
    now = int(time.time())
    return WorkerSpec(1, 1, "127.0.0.1", 0, loaded, catalogue, cells, journal, None, now, "text")


def _short(path: str) -> str:
    return path.removeprefix(f"{ROOT}/").partition("site-packages/")[2] or path.removeprefix(
        f"{ROOT}/"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.opcodes", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--lane", choices=LANES, default="relay")
    parser.add_argument("--script", choices=("small", "large", "paced"), default="small")
    parser.add_argument("--calls", type=int, default=20, help="how many are counted (20)")
    parser.add_argument("--rows", type=int, default=40, help="functions in the table (40)")
    options = parser.parse_args()
    script = SCRIPTS[options.script]
    tally = count(options.lane, script, options.calls)
    bare = tally if options.lane == "bare" else count("bare", script, options.calls)
    print(tally.table(options.rows))
    print(f"\n{options.lane}, {options.script}: {tally.total:,.0f} instructions a call")
    print(f"× bare ({bare.total:,.0f}): {tally.total / bare.total:.2f}")


if __name__ == "__main__":
    main()
