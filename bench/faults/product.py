"""The product as a user runs it: `python -m proxy serve`, killed and asked from outside."""

from __future__ import annotations

import contextlib
import http.client
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from bench.faults.errors import StageError

ROOT = Path(__file__).resolve().parents[2]
START_S = 60.0
ASK_S = 3.0
FOLLOWING_S = 10.0
EXCHANGES = "zeroproxy_exchanges_"


class Product:
    """One installation; it may be started again after its death.

    Args:
        dsn: None: it starts a Postgres of its own.
        descriptors: how many files each of its processes may have open; None leaves it as it is.
    """

    def __init__(
        self,
        config: Path,
        state: Path,
        dsn: str | None,
        port: int,
        log: Path,
        *,
        workers: int,
        environment: Mapping[str, str],
        descriptors: int | None,
    ) -> None:
        self.port = port
        self._log = log
        self._command = [sys.executable, "-m", "proxy", "serve", "--config", str(config)]
        self._command += ["--port", str(port), "--workers", str(workers)]
        self._environment = {**os.environ, "ZEROPROXY_STATE_DIR": str(state), **environment}
        for name in ("DATABASE_URL", "TENSORZERO_POSTGRES_URL"):
            self._environment.pop(name, None)
        if dsn is not None:
            self._environment["DATABASE_URL"] = dsn
        self._descriptors = descriptors
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it is ready. Raises StageError when that takes too long."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=self._limiter(),
            )
        deadline = time.monotonic() + START_S
        while self.get("/ready")[0] != 200:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise StageError(f"the product does not start:\n{self.said()}")
            time.sleep(0.05)

    def _limiter(self) -> Callable[[], None] | None:
        most = self._descriptors
        if most is None:
            return None
        return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    def said(self) -> str:
        return self._log.read_text(errors="replace")[-3000:]

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """SIGTERM, and more where that does not help."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            for process in self.processes():
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            self._process.wait()
        self._process = None

    # Harm.

    def kill_main(self) -> None:
        """`kill -9` of the main process; the workers follow it by themselves."""
        assert self._process is not None
        below = self.processes()[1:]
        self._process.kill()
        self._process.wait()
        deadline = time.monotonic() + FOLLOWING_S
        while any(map(_lives, below)) and time.monotonic() < deadline:
            time.sleep(0.01)

    def kill_worker(self, number: int) -> None:
        workers = self.workers()
        if workers:
            workers[number % len(workers)].kill()

    def workers(self) -> list[psutil.Process]:
        """Those that listen at the port, the oldest first."""
        found = [each for each in self.processes() if self._listens(each)]
        return sorted(found, key=lambda each: each.pid)

    def processes(self) -> list[psutil.Process]:
        """The main process and all below it."""
        with contextlib.suppress(psutil.NoSuchProcess):
            main = psutil.Process(self.pid)
            return [main, *main.children(recursive=True)]
        return []

    def _listens(self, process: psutil.Process) -> bool:
        with contextlib.suppress(psutil.Error):
            return any(
                each.status == psutil.CONN_LISTEN and each.laddr.port == self.port
                for each in process.net_connections("tcp")
            )
        return False

    # Questions.

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body; 0 where nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ASK_S)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()

    def metrics(self) -> dict[str, float]:
        """Sums over labels, by name; empty where nobody answers."""
        sums: dict[str, float] = {}
        for line in self.get("/metrics")[1].decode().splitlines():
            if not line.startswith("#"):
                series, _, value = line.rpartition(" ")
                name = series.partition("{")[0]
                sums[name] = sums.get(name, 0.0) + float(value)
        return sums

    def settle(self, seconds: float) -> float | None:
        """Wait until nothing waits for Postgres; the seconds that took, None if it took longer."""
        began = time.monotonic()
        last: Mapping[str, float] = {}
        while time.monotonic() < began + seconds:
            books = {k: v for k, v in self.metrics().items() if k.startswith(EXCHANGES)}
            if books and books == last and books[EXCHANGES + "journalled"] == 0:
                return time.monotonic() - began
            last = books
            time.sleep(0.25)
        return None


def _lives(process: psutil.Process) -> bool:
    """The dead whom nobody has buried yet do not."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False
