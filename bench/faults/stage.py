"""The scene of one fault, set and cleared."""

from __future__ import annotations

import asyncio
import http.client
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.faults.cable import Cable
from bench.faults.clock import Clock
from bench.faults.crowd import Crowd
from bench.faults.database import Database
from bench.faults.disk import Disk
from bench.faults.errors import StageError
from bench.faults.product import ROOT, Product

FUNCTION = "faults"
MODEL = f"tensorzero::function_name::{FUNCTION}"
PROVIDER_START_S = 30.0


@dataclass(frozen=True, slots=True)
class Setup:
    """What differs between scenes."""

    workers: int = 2
    recording: Mapping[str, Any] = field(default_factory=dict)
    """Keys of `zeroproxy.recording`."""
    retries: int = 0
    timeout_ms: int = 10_000
    """Of an attempt: the whole answer, or the first event of a stream."""
    journal_disk_mb: int | None = None
    postgres_disk_mb: int | None = None
    cable: bool = False
    clock: bool = False
    descriptors: int | None = None
    embedded: bool = False
    """Whether the product has its own Postgres."""


class Provider:
    """The process of `bench.faults.provider`."""

    def __init__(self, log: Path) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "bench.faults.provider", "--port", str(self.port)]
        with log.open("wb") as output:
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
        deadline = time.monotonic() + PROVIDER_START_S
        while True:
            try:
                self.tell("GET", "/asked")
                return
            except OSError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise StageError("the provider does not start") from error
                time.sleep(0.05)

    def tell(self, method: str, path: str) -> int:
        """How many calls came in so far."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request(method, path)
            return int(connection.getresponse().read())
        finally:
            connection.close()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


class Stage:
    """Provider, Postgres and product; `async with` starts and ends them.

    `crowd` is there when the load runs; `notes` are for the line in the table.
    """

    crowd: Crowd
    provider: Provider
    database: Database
    product: Product

    def __init__(self, setup: Setup, log: Path | None = None) -> None:
        """`log` is where a copy of what the product said is kept."""
        self.setup = setup
        self._log = log
        self.notes: list[str] = []
        self.asked_per_call: float | None = None
        self.folder = Path(tempfile.mkdtemp(prefix="faults-"))
        # Postgres runs under another account where this runs as root, and must get to its data.
        self.folder.chmod(0o711)
        self.cable: Cable | None = None
        self.clock: Clock | None = None
        self.journal_disk: Disk | None = None
        self.postgres_disk: Disk | None = None
        self._exits = AsyncExitStack()

    async def __aenter__(self) -> Stage:
        """Raises NotHere or StageError."""
        self._exits.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self._exits.callback(self._keep_log)
        try:
            await self._set()
        except BaseException:
            await self._exits.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._exits.aclose()

    async def _set(self) -> None:
        self.clock = Clock(self.folder) if self.setup.clock else None
        self.postgres_disk = self._disk("postgres-disk", self.setup.postgres_disk_mb)
        self.journal_disk = self._disk("state", self.setup.journal_disk_mb)
        self.provider = await asyncio.to_thread(Provider, self.folder / "provider.log")
        self._exits.callback(self.provider.stop)
        (self.folder / "postgres-disk").mkdir(exist_ok=True, mode=0o711)
        home = self.folder / ("state" if self.setup.embedded else "postgres-disk") / "postgres"
        self.database = Database(home, embedded=self.setup.embedded)
        await self.database.start()
        self._exits.push_async_callback(self.database.stop)
        dsn = None if self.setup.embedded else self.database.dsn
        if self.setup.cable:
            self.cable = Cable(self.database.socket)
            await self.cable.plug()
            self._exits.push_async_callback(self.cable.close)
            dsn = self.cable.dsn
        self.product = self._make_product(dsn)
        self._exits.push_async_callback(asyncio.to_thread, self.product.stop)
        await asyncio.to_thread(self.product.start)

    def _keep_log(self) -> None:
        said = self.folder / "product.log"
        if self._log is not None and said.is_file():
            shutil.copyfile(said, self._log)

    def _disk(self, name: str, megabytes: int | None) -> Disk | None:
        if megabytes is None:
            return None
        disk = Disk(self.folder / name, megabytes)
        self._exits.callback(disk.unmount)
        return disk

    def _make_product(self, dsn: str | None) -> Product:
        config = self.folder / "faults.yaml"
        config.write_text(configuration(self.provider.port, self.setup))
        return Product(
            config,
            self.folder / "state",
            dsn,
            free_port(),
            self.folder / "product.log",
            workers=self.setup.workers,
            environment={} if self.clock is None else self.clock.environment,
            descriptors=self.setup.descriptors,
        )


def configuration(provider_port: int, setup: Setup) -> str:
    """A function with two weighted variants on one model. JSON, which is YAML."""
    provider = {
        "type": "openai",
        "model_name": "faults-model",
        "api_base": f"http://127.0.0.1:{provider_port}/v1/",
        "api_key_location": "none",
        "timeouts": {
            "non_streaming": {"total_ms": setup.timeout_ms},
            "streaming": {"ttft_ms": setup.timeout_ms},
        },
    }
    variant = {
        "type": "chat_completion",
        "model": FUNCTION,
        "retries": {"num_retries": setup.retries, "max_delay_s": 0.5},
    }
    variants = {"a": {**variant, "weight": 0.9}, "b": {**variant, "weight": 0.1}}
    return json.dumps(
        {
            "models": {FUNCTION: {"routing": ["mock"], "providers": {"mock": provider}}},
            "functions": {FUNCTION: {"type": "chat", "variants": variants}},
            "zeroproxy": {"recording": dict(setup.recording)},
        },
        indent=2,
    )


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
