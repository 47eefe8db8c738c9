"""What is measured, started as a user would start it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import asyncpg

from bench import measure
from bench.measure import Account, Cores

ROOT = Path(__file__).resolve().parent.parent
COUNT = (Path(__file__).parent / "count_exchanges.sql").read_text()
PRODUCT_MODEL = "tensorzero::function_name::bench"
OTHERS_MODEL = "bench"
START_S = 90.0
SETTLE_S = 60.0
POLL_S = 0.25


class BenchError(Exception):
    """The benchmark cannot go on; the text says why."""


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Program:
    """A process of ours, on one core, with its output in a file."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        core: int,
        log: Path,
        environment: dict[str, str] | None = None,
    ) -> None:
        self._log = log
        with log.open("wb") as output, measure.pinned(core):
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.pid = self._process.pid

    def wait_listening(self, port: int) -> None:
        """Returns when it takes connections. Raises BenchError when it ends or takes too long."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise BenchError(f"a server ended while starting:\n{self.said()}")
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise BenchError(f"a server did not listen within {START_S:.0f} s:\n{self.said()}")

    def said(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]

    def stop(self) -> None:
        """Ask it to end, wait, and insist."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(40)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Subject:
    """A server under test. It records nothing; the product does, and says so by overriding."""

    def __init__(self, name: str, program: Program, port: int, model: str) -> None:
        self.name = name
        self.workers = 1
        """Each gets the same load: more of them serve more connections."""
        self.port = port
        self.model = model
        self.program = program
        program.wait_listening(port)

    def cpu(self) -> Account:
        return measure.cpu(self.program.pid, None)

    def memory(self) -> Account:
        return measure.memory(self.program.pid, None)

    def settle(self, answered: int) -> None:
        """Wait until the work that `answered` more calls left behind is done."""

    def recorded(self) -> int | None:
        """How many calls are in its database; None where it has none."""
        return None

    def stop(self) -> None:
        self.program.stop()


def start_bare(name: str, upstream_port: int, cores: Cores, folder: Path) -> Subject:
    """The aiohttp pass-through."""
    port = free_port()
    program = Program(
        ["-m", "bench.bare", "--port", str(port), "--upstream-port", str(upstream_port)],
        core=cores.server,
        log=folder / f"{name}.log",
    )
    return Subject(name, program, port, OTHERS_MODEL)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running Postgres, as the file of its postmaster describes it."""

    pid: int
    port: int
    socket_folder: str

    @staticmethod
    def found_in(folder: Path) -> Cluster | None:
        for path in folder.rglob("postmaster.pid"):
            lines = path.read_text().splitlines()
            if len(lines) > 4:
                return Cluster(int(lines[0]), int(lines[3]), lines[4].strip())
        return None


class Ledger:
    """Counts the records in the product's database."""

    def __init__(self, cluster: Cluster) -> None:
        self._runner = asyncio.Runner()
        self._connection = self._runner.run(self._connect(cluster))

    @staticmethod
    async def _connect(cluster: Cluster) -> asyncpg.Connection:
        return await asyncpg.connect(
            host=cluster.socket_folder, port=cluster.port, user="postgres", database="tensorzero"
        )

    def count(self) -> int:
        """Raises BenchError when the database is gone."""
        try:
            return int(self._runner.run(self._connection.fetchval(COUNT)))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise BenchError(f"the product's Postgres does not answer: {error}") from error

    def close(self) -> None:
        self._connection.terminate()
        self._runner.close()


class Product(Subject):
    """`python -m proxy serve` with its own Postgres, and recording on."""

    def __init__(
        self, name: str, upstream_port: int, cores: Cores, folder: Path, *, workers: int = 1
    ) -> None:
        state = folder / f"state-{workers}"
        config = folder / "bench.yaml"
        config.write_text(configuration(upstream_port))
        environment = {**os.environ, "ZEROPROXY_STATE_DIR": str(state)}
        for unwanted in ("DATABASE_URL", "TENSORZERO_POSTGRES_URL"):
            environment.pop(unwanted, None)
        port = free_port()
        arguments = ["-m", "proxy", "serve", "--config", str(config), "--port", str(port)]
        program = Program(
            [*arguments, "--workers", str(workers)],
            core=cores.server,
            log=folder / f"{name}.log",
            environment=environment,
        )
        try:
            super().__init__(name, program, port, PRODUCT_MODEL)
            cluster = Cluster.found_in(state)
            if cluster is None:
                raise BenchError(f"the product started no Postgres:\n{program.said()}")
            self._postmaster = cluster.pid
            self.postgres_moved = measure.move(measure.tree(cluster.pid), cores.rest)
            self._ledger = Ledger(cluster)
        except BaseException:
            program.stop()
            raise
        self.answered = 0
        self.workers = workers

    def cpu(self) -> Account:
        return measure.cpu(self.program.pid, self._postmaster)

    def memory(self) -> Account:
        return measure.memory(self.program.pid, self._postmaster)

    def settle(self, answered: int) -> None:
        """Returns when every answered call is in Postgres, or when that takes far too long."""
        self.answered += answered
        deadline = time.monotonic() + SETTLE_S
        while self._ledger.count() < self.answered and time.monotonic() < deadline:
            time.sleep(POLL_S)

    def recorded(self) -> int | None:
        return self._ledger.count()

    def stop(self) -> None:
        self._ledger.close()
        super().stop()


def configuration(upstream_port: int) -> str:
    """A function with two weighted variants on one model. JSON, which is YAML."""
    provider = {
        "type": "openai",
        "model_name": "bench-model",
        "api_base": f"http://127.0.0.1:{upstream_port}/v1/",
        "api_key_location": "none",
    }
    variant = {"type": "chat_completion", "model": "bench"}
    variants = {"a": {**variant, "weight": 0.9}, "b": {**variant, "weight": 0.1}}
    return json.dumps(
        {
            "models": {"bench": {"routing": ["mock"], "providers": {"mock": provider}}},
            "functions": {"bench": {"type": "chat", "variants": variants}},
        },
        indent=2,
    )


class Stage:
    """The provider, the subjects and a temporary folder; all gone when it is left."""

    def __init__(self, cores: Cores) -> None:
        self.cores = cores
        self.folder = Path(tempfile.mkdtemp(prefix="bench-"))
        # Postgres runs under another account where this runs as root, and must get to its data.
        self.folder.chmod(0o711)
        self.upstream_port = free_port()
        self.subjects: list[Subject] = []
        self._upstream: Program | None = None

    def __enter__(self) -> Stage:
        arguments = ["-m", "bench.upstream", "--port", str(self.upstream_port)]
        self._upstream = Program(arguments, core=self.cores.rest, log=self.folder / "upstream.log")
        self._upstream.wait_listening(self.upstream_port)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for subject in self.subjects:
            subject.stop()
        if self._upstream is not None:
            self._upstream.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
