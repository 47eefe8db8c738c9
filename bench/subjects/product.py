"""The product: `python -m proxy serve`, with its own Postgres and recording on."""

from __future__ import annotations

import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import measure
from bench.errors import BenchError
from bench.loads.target import Target
from bench.measure import Account
from bench.programs import Program, free_port
from bench.scenarios import Scenario
from bench.subjects.base import PATH, Subject, Surroundings
from bench.subjects.configuration import build_configuration
from bench.subjects.database import Cluster, Ledger

SETTLE_S = 120.0
POLL_S = 0.1
PREFIX = "tensorzero::function_name::"
UNWANTED = ("DATABASE_URL", "TENSORZERO_POSTGRES_URL")


@dataclass(frozen=True, slots=True)
class Options:
    """How it is started."""

    name: str = "product"
    workers: int = 1
    functions: int = 1
    records: bool = True
    state: Path | None = None
    """The folder of its Postgres and journals; by default a new one."""
    database_url: str = ""


class Product(Subject):
    """One run of it."""

    def __init__(self, at: Surroundings, options: Options | None = None) -> None:
        options = options or Options()
        port = free_port()
        state = options.state or at.folder / f"state-{port}"
        program = self._start(at, options, port, state)
        super().__init__(options.name, port, program)
        self.workers = options.workers
        self._functions = options.functions
        self._cores = at.cores
        self._state = state
        self.records = options.records and not options.database_url
        self.cluster: Cluster | None = None
        self.postgres_moved = True
        self._ledger: Ledger | None = None
        self._answered = self._found = 0

    @staticmethod
    def _start(at: Surroundings, options: Options, port: int, state: Path) -> Program:
        config = at.folder / f"bench-{port}.yaml"
        config.write_text(build_configuration(at, options.functions))
        command: Sequence[str] = (
            *(sys.executable, "-m", "proxy", "serve", "--config", str(config)),
            *("--port", str(port), "--workers", str(options.workers)),
            *(() if options.records else ("--no-database",)),
        )
        # An empty variable counts as none, and hides what the caller's shell may have.
        environment = {**at.environment, **dict.fromkeys(UNWANTED, "")}
        environment["ZEROPROXY_STATE_DIR"] = str(state)
        if options.database_url:
            environment["DATABASE_URL"] = options.database_url
        log = at.folder / f"{options.name}-{port}.log"
        return Program(command, cores=at.server_cores, log=log, environment=environment)

    def attend(self) -> None:
        """Once it serves: find its Postgres, send that to the other core, and open the books."""
        if not self.records:
            return
        self.cluster = Cluster.found_in(self._state)
        if self.cluster is None:
            said = self.program.said() if self.program else ""
            raise BenchError(f"the product started no Postgres:\n{said}")
        self.postgres_moved = measure.move(measure.tree(self.cluster.pid), self._cores.rest)
        self._ledger = Ledger(self.cluster)
        self._found = self._ledger.count()

    def target(self, scenario: Scenario) -> Target:
        relay = scenario.lane == "relay"
        path = PATH if relay else f"/openai{PATH}"
        name = "secure" if scenario.tls else "storm" if scenario.plays.fails else "bench"
        if self._functions > 1:
            name = "bench_{n}"
        check = self.checks() if relay else "sense"
        model = PREFIX + name
        return Target(self.port, path, model, check, scenario.script, functions=self._functions)

    def cpu(self) -> Account:
        return measure.cpu(self._pid(), self.cluster.pid if self.cluster else None)

    def memory(self) -> Account:
        return measure.memory(self._pid(), self.cluster.pid if self.cluster else None)

    def _pid(self) -> int:
        assert self.program is not None
        return self.program.pid

    def settle(self, answered: int) -> None:
        """Returns when every answered call is in Postgres, or when that takes far too long."""
        self._answered += answered
        if self._ledger is None:
            return
        deadline = time.monotonic() + SETTLE_S
        while self._ledger.count() - self._found < self._answered and time.monotonic() < deadline:
            time.sleep(POLL_S)

    def recorded(self) -> tuple[int, int] | None:
        if self._ledger is None:
            return None
        return self._answered, self._ledger.count() - self._found

    def scrape(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as answer:
            return str(answer.read().decode())

    @property
    def ledger(self) -> Ledger:
        assert self._ledger is not None
        return self._ledger

    def stop(self) -> None:
        if self._ledger is not None:
            self._ledger.close()
        super().stop()
