"""Real worker processes without a database, for tests of what the main process does with them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from proxy.app.fleet import Fleet
from proxy.app.sockets import claim_port
from proxy.app.spec import Prepare, WorkerSpec
from proxy.app.telemetry import create_cells, plan_catalogue
from proxy.config.load import LoadedConfig, load_config
from proxy.config.schema.variants import LABEL, TEXT, Template
from tests.harness import eventually

ANSWER_SECONDS = 20.0


def configuration(variant: str, padding: str = "") -> dict[str, Any]:
    """It shows in every answer: the only variant is called so."""
    text = {LABEL: "inline", TEXT: "{{ system_text }}" + padding}
    entry = {"type": "chat_completion", "model": "m", "system_template": text}
    return {
        "models": {
            "m": {"routing": ["d"], "providers": {"d": {"type": "dummy", "model_name": "good"}}}
        },
        "functions": {"f": {"type": "chat", "variants": {variant: entry}}},
    }


def load(folder: Path, config: Mapping[str, Any]) -> LoadedConfig:
    path = folder / "routes.yaml"
    path.write_text(json.dumps(config))
    return load_config(str(path), {})


def unbuildable(loaded: LoadedConfig) -> LoadedConfig:
    """Past what loading checks: only a worker that builds it finds out."""
    function = loaded.config.functions["f"]
    template = Template.model_validate({LABEL: "inline", TEXT: "{{ unclosed"})
    variants = {
        name: variant.model_copy(update={"system_template": template})
        for name, variant in function.variants.items()
    }
    functions = {"f": function.model_copy(update={"variants": variants})}
    return replace(loaded, config=loaded.config.model_copy(update={"functions": functions}))


@dataclass
class Crew:
    """A fleet, and what has been seen of it."""

    fleet: Fleet
    specs: list[WorkerSpec]
    folder: Path
    deaths: list[int] = field(default_factory=list)
    number: int = 0

    def word(self, variant: str, *, good: bool = True, padding: str = "") -> Prepare:
        loaded = load(self.folder, configuration(variant, padding))
        loaded = loaded if good else unbuildable(loaded)
        self.number += 1
        return Prepare(self.number, loaded, plan_catalogue(loaded, self.specs[0].catalogue))

    def workers(self) -> list[psutil.Process]:
        """Those that listen."""
        found = []
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                ports = {each.laddr.port for each in process.net_connections("tcp") if each.laddr}
                if self.specs[0].port in ports:
                    found.append(process)
        return found

    async def all_back(self) -> None:
        async def there() -> bool:
            return len(await asyncio.to_thread(self.workers)) == len(self.specs)

        assert await eventually(there)

    async def kill(self, process: psutil.Process) -> None:
        """`kill -9`, and wait until the fleet has noticed."""
        before = len(self.deaths)
        process.kill()

        async def noticed() -> bool:
            return len(self.deaths) > before

        assert await eventually(noticed)

    async def variants(self) -> set[str]:
        """What a few calls, each on a connection of its own, are served by."""
        connector = aiohttp.TCPConnector(force_close=True)
        url = f"http://127.0.0.1:{self.specs[0].port}/v1/chat/completions"
        body = {
            "model": "tensorzero::function_name::f",
            "messages": [{"role": "user", "content": "Hello"}],
        }
        seen = set()
        async with aiohttp.ClientSession(connector=connector) as session:
            for _ in range(12):
                async with session.post(url, json=body) as response:
                    seen.add(response.headers.get("x-tensorzero-variant-name", "none"))
        return seen

    async def all_serve(self, variant: str) -> bool:
        async def same() -> bool:
            try:
                return await self.variants() == {variant}
            except aiohttp.ClientError:
                return False

        return bool(await eventually(same))


@contextlib.asynccontextmanager
async def crew(folder: Path, workers: int) -> AsyncIterator[Crew]:
    """So many workers that serve the variant `old`."""
    loaded = load(folder, configuration("old"))
    catalogue = plan_catalogue(loaded)
    create_cells(folder / "cells", catalogue, workers)
    with contextlib.closing(claim_port("127.0.0.1", 0)) as claimed:
        specs = [
            WorkerSpec(
                slot=slot,
                workers=workers,
                host="127.0.0.1",
                port=int(claimed.getsockname()[1]),
                loaded=loaded,
                catalogue=catalogue,
                cells_path=folder / "cells",
                journal_folder=None,
                dsn=None,
                started=int(time.time()),
                log_format="json",
            )
            for slot in range(1, workers + 1)
        ]
        deaths: list[int] = []
        fleet = Fleet(specs, deaths.append, on_restart=lambda: None, on_count=lambda count: None)
        fleet.start()
        made = Crew(fleet, specs, folder, deaths)
        try:
            await fleet.wait_ready(asyncio.Event())
            yield made
        finally:
            for process in made.workers():
                with contextlib.suppress(psutil.Error):
                    process.send_signal(signal.SIGCONT)
            await fleet.stop(10.0)
