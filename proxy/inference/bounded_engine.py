"""Templates of callers, rendered by a process of their own, which may fail.

A short template can ask for any amount of time, memory or stack, and the engine knows a bound for
the first only: where the others are exceeded, the process dies. So it is not the worker's.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import selectors
import subprocess
import sys
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import orjson

from proxy.inference.engine import fault_told, open_engine
from proxy.inference.template_values import wrapped

if TYPE_CHECKING:
    from minijinja import Environment

SECONDS = 2.0
"""For all that is rendered of a call, with the process's start; nothing else is done meanwhile."""
MEMORY_BYTES = 512 * 2**20
OUTPUT_BYTES = 16 * 2**20
FUEL = 10_000_000
"""Steps of the engine for one template: a quarter of a second."""
TOO_MUCH = "it takes too much time or memory"

_BLOCK = 64 * 1024
_ENVIRONMENT = ("LD_LIBRARY_PATH", "PATH", "PYTHONHOME")
"""What it takes to run; nothing of the worker's secrets."""
_ROOT = str(Path(__file__).resolve().parents[2])


class EngineFailed(Exception):
    """A template has a fault, or is more than is rendered for a caller."""


class BoundedEngine:
    """The part of an `Environment` that templates of callers need."""

    def __init__(self, includes: Mapping[str, str]) -> None:
        """`includes` as of `TemplateSet`."""
        self._set_up: list[dict[str, Any]] = [{"includes": dict(includes)}]
        """What a process is told before it is asked anything."""
        self._seconds_left = SECONDS
        self._running: list[subprocess.Popen[bytes]] = []
        """One process, or none."""
        weakref.finalize(self, _end_all, self._running)

    def add_template(self, name: str, source: str) -> None:
        """Raises EngineFailed when its syntax is wrong."""
        question = {"add": [name, source]}
        self._ask(question)
        self._set_up.append(question)

    def render_template(self, name: str, /, **arguments: object) -> str:
        """Raises EngineFailed when it cannot be rendered."""
        return self._ask({"render": name, "arguments": arguments})

    def rest(self) -> None:
        """End the process; another one is started when it is needed."""
        _end_all(self._running)

    def _ask(self, question: dict[str, Any]) -> str:
        began = time.monotonic()
        questions = [question] if self._running else [*self._set_up, question]
        try:
            process = self._running[0] if self._running else self._start()
            answers = [_told(process, each, began + self._seconds_left) for each in questions]
        except (OSError, EngineFailed):
            self.rest()
            raise EngineFailed(TOO_MUCH) from None
        finally:
            self._seconds_left -= time.monotonic() - began
        if "error" in answers[-1]:
            raise EngineFailed(answers[-1]["error"])
        return answers[-1]["text"]

    def _start(self) -> subprocess.Popen[bytes]:
        kept = {key: os.environ[key] for key in _ENVIRONMENT if key in os.environ}
        process = subprocess.Popen(
            [sys.executable, "-m", "proxy.inference.bounded_engine"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**kept, "PYTHONPATH": os.pathsep.join([_ROOT, *filter(None, sys.path)])},
        )
        self._running.append(process)
        return process


def _told(
    process: subprocess.Popen[bytes], question: dict[str, Any], deadline: float
) -> dict[str, str]:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps(question).encode() + b"\n")
    process.stdin.flush()
    told: dict[str, str] = orjson.loads(_read_line(process.stdout, deadline))
    return told


def _read_line(answers: IO[bytes], deadline: float) -> bytes:
    """One line. Raises EngineFailed when there is none in time, or it is too long."""
    descriptor, read = answers.fileno(), bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while not read.endswith(b"\n"):
            left = deadline - time.monotonic()
            block = os.read(descriptor, _BLOCK) if left > 0 and selector.select(left) else b""
            if not block or len(read) > OUTPUT_BYTES:
                raise EngineFailed(TOO_MUCH)
            read += block
    return bytes(read)


def _end_all(running: list[subprocess.Popen[bytes]]) -> None:
    while running:
        process = running.pop()
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()


# The process.


def _serve() -> None:
    """Answer questions, one a line, until there are no more."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    engine = open_engine({})
    for line in sys.stdin.buffer:
        question = json.loads(line)
        if "includes" in question:
            engine, told = open_engine(question["includes"], FUEL), {"text": ""}
        else:
            told = _answer(engine, question)
        sys.stdout.buffer.write(json.dumps(told).encode() + b"\n")
        sys.stdout.buffer.flush()


def _answer(engine: Environment, question: dict[str, Any]) -> dict[str, str]:
    try:
        if "add" in question:
            engine.add_template(*question["add"])
            return {"text": ""}
        values = {name: wrapped(value) for name, value in question["arguments"].items()}
        return {"text": engine.render_template(question["render"], **values)}
    except Exception as error:
        told = fault_told(error)
        return {"error": str(error) if told is None else told}


if __name__ == "__main__":
    _serve()
