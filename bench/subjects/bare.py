"""The measure: the aiohttp pass-through of `bench.bare`; and the least of all, `bench.forward`."""

from __future__ import annotations

import sys

from bench.programs import Program, free_port
from bench.subjects.base import Subject, Surroundings


def start_bare(at: Surroundings, name: str = "bare", *, tls: bool = False) -> Subject:
    port = free_port()
    origin = f"https://localhost:{at.tls_port}" if tls else f"http://127.0.0.1:{at.port}"
    program = Program(
        [sys.executable, "-m", "bench.bare", "--port", str(port), "--origin", origin],
        cores=at.server_cores,
        log=at.folder / f"bare-{port}.log",
        environment=at.environment,
    )
    return Subject(name, port, program)


def start_forward(at: Surroundings) -> Subject:
    port = free_port()
    program = Program(
        [sys.executable, "-m", "bench.forward", "--port", str(port), "--origin-port", str(at.port)],
        cores=at.server_cores,
        log=at.folder / f"forward-{port}.log",
    )
    return Subject("forward", port, program)
