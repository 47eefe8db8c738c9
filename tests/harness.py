"""The product as a user runs it: a process started from the command line, spoken to over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from bench.metrics import value

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 90.0


def free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Proxy:
    """One run of `zeroproxy serve`. Without a DSN it starts its own Postgres."""

    config: Path
    state: Path
    dsn: str | None = None
    workers: int = 1
    arguments: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.state.with_name(self.state.name + ".log")

    def start(self, *, wait: bool = True) -> Proxy:
        environ = {
            key: value
            for key, value in os.environ.items()
            if key not in ("DATABASE_URL", "TENSORZERO_POSTGRES_URL")
        }
        paths = [str(ROOT), *filter(None, [environ.get("PYTHONPATH")])]
        environ |= {
            "ZEROPROXY_STATE_DIR": str(self.state),
            "PYTHONPATH": os.pathsep.join(paths),
        }
        if self.dsn is not None:
            environ["DATABASE_URL"] = self.dsn
        environ |= self.environ
        command = [sys.executable, "-m", "proxy", "serve", "--config", str(self.config)]
        command += ["--port", str(self.port), "--workers", str(self.workers), *self.arguments]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environ, stdout=log, stderr=log, start_new_session=True
            )
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, seconds: float = START_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process is not None
            if self.process.poll() is not None:
                if self.lost_its_port():
                    self.port = free_port()
                    self.start()
                    return
                raise AssertionError(f"it ended with {self.process.returncode}:\n{self.tail()}")
            if self.get("/ready")[0] == 200 and self.greeted():
                return
            time.sleep(0.05)
        raise AssertionError(f"not ready after {seconds} s:\n{self.tail()}")

    def lost_its_port(self) -> bool:
        """Whether another of the tests that run beside this one took a port that was free."""
        taken = f"error: port {self.port} on 127.0.0.1 is taken"
        text = self.tail()
        return taken in text and f"serves {self.base}" not in text

    def greeted(self) -> bool:
        return f"serves {self.base}".encode() in self.log.read_bytes()

    def tail(self, characters: int = 4000) -> str:
        return self.log.read_text(errors="replace")[-characters:]

    def stop(self, seconds: float = 60.0) -> int:
        """SIGTERM and the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(seconds)
        self.process = None
        return code

    def tree(self) -> list[psutil.Process]:
        """The main process and all below it."""
        assert self.process is not None
        with contextlib.suppress(psutil.NoSuchProcess):
            main = psutil.Process(self.process.pid)
            return [main, *main.children(recursive=True)]
        return []

    def worker_pids(self) -> list[int]:
        """Processes that listen on the port."""
        pids = []
        for process in self.tree():
            with contextlib.suppress(psutil.Error):
                for connection in process.net_connections("tcp"):
                    if connection.status == "LISTEN" and connection.laddr.port == self.port:
                        pids.append(process.pid)
        return pids

    def kill_all(self) -> None:
        """`kill -9` of everything of ours, at once; a Postgres of its own is left running."""
        assert self.process is not None
        for process in self.tree():
            with contextlib.suppress(psutil.Error):
                if "postgres" not in process.name():
                    process.kill()
        self.process.wait(10)
        self.process = None

    def kill_main(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)
        self.process = None

    def get(self, path: str) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(self.base + path, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()
        except OSError:
            return 0, b""

    def post(
        self, path: str, body: Any, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(
            self.base + path, data, {"content-type": "application/json"} | dict(headers or {})
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, _lower(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _lower(error.headers), error.read()

    def chat(
        self, model: str, headers: Mapping[str, str] | None = None, **more: Any
    ) -> tuple[int, dict[str, str], bytes]:
        body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]} | more
        return self.post("/v1/chat/completions", body, headers)

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels."""
        total = 0.0
        for line in self.get("/metrics")[1].decode().splitlines():
            series, _, number = line.rpartition(" ")
            found, _, rest = series.partition("{")
            if found == name and all(f'{key}="{text}"' in rest for key, text in labels.items()):
                total += float(number)
        return total

    def accounts(self) -> dict[str, float]:
        """The books; empty while nobody answers."""
        states = ("produced", "adopted", "written", "shed", "quarantined", "expired")
        names = {state: f"zeroproxy_exchanges_{state}_total" for state in states}
        names["journalled"] = "zeroproxy_exchanges_journalled"
        status, body = self.get("/metrics")
        if status != 200:
            return {}
        text = body.decode()
        return {state: value(text, name) for state, name in names.items()}

    def settle(self, seconds: float = 30.0) -> dict[str, float]:
        """Wait until nothing is left in the journals, and give the books.

        They are published ten times a second, so they must be the same after a while.
        """
        deadline = time.monotonic() + seconds
        last: dict[str, float] = {}
        while True:
            books = self.accounts()
            if books and books == last and books["journalled"] == 0 and balance(books) == 0:
                return books
            if time.monotonic() > deadline:
                raise AssertionError(f"not at rest after {seconds} s: {books}\n{self.tail()}")
            last = books
            time.sleep(0.4)


def balance(books: Mapping[str, float]) -> float:
    """What came in less what is somewhere; 0 when the books are right."""
    out = ("written", "journalled", "shed", "quarantined", "expired")
    return books["produced"] + books["adopted"] - sum(books[state] for state in out)


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def one_provider(api_base: str, **zeroproxy: Any) -> dict[str, Any]:
    """A configuration with a model `m` at one upstream and a function `f` of two variants on it."""
    provider = {
        "type": "openai",
        "model_name": "upstream-model",
        "api_base": api_base,
        "api_key_location": "none",
    }
    variant = {"type": "chat_completion", "model": "m"}
    return {
        "models": {"m": {"routing": ["p"], "providers": {"p": provider}}},
        "functions": {
            "f": {
                "type": "chat",
                "variants": {"a": variant | {"weight": 0.5}, "b": variant | {"weight": 0.5}},
            }
        },
        "metrics": {
            "good": {"type": "boolean", "optimize": "max", "level": "inference"},
            "rating": {"type": "float", "optimize": "max", "level": "episode"},
        },
        "zeroproxy": zeroproxy,
    }


def write_config(path: Path, config: Mapping[str, Any]) -> Path:
    """JSON is YAML."""
    path.write_text(json.dumps(config))
    return path


async def eventually(check: Any, seconds: float = 20.0) -> Any:
    """Await `check()` until it gives something true."""
    deadline = time.monotonic() + seconds
    while True:
        found = await check()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError("it did not happen in time")
        await asyncio.sleep(0.05)
