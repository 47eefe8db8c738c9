"""A crowd of clients that note which answers they saw to the end."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass, field
from uuid import UUID

import aiohttp
import asyncpg

from tests.fake_upstream import Seen, Wire, completion, events
from tests.harness import Proxy


@dataclass
class Crowd:
    """`size` clients that call one after the other, streams and whole answers mixed."""

    proxy: Proxy
    size: int = 32
    seed: int = 1
    finished: list[UUID] = field(default_factory=list)
    broken: int = 0
    refused: int = 0
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._client(number)) for number in range(self.size)]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def _client(self, number: int) -> None:
        source = random.Random(self.seed * 1000 + number)
        async with aiohttp.ClientSession() as session:
            while True:
                try:
                    await self._call(session, source)
                except (aiohttp.ClientError, OSError):
                    self.broken += 1
                    await asyncio.sleep(0.02)

    async def _call(self, session: aiohttp.ClientSession, source: random.Random) -> None:
        stream = source.random() < 0.5
        body = {"model": "tensorzero::function_name::f", "messages": [], "stream": stream}
        async with session.post(self.proxy.base + "/v1/chat/completions", json=body) as response:
            received = await response.read()
            if response.status == 503:
                self.refused += 1
                await asyncio.sleep(0.02)
                return
            whole = received.endswith(b"data: [DONE]\n\n") if stream else received[-1:] == b"}"
            assert response.status == 200 and whole, received[-100:]
            self.finished.append(UUID(response.headers["x-tensorzero-inference-id"]))


async def mixed(seen: Seen, wire: Wire) -> None:
    """An upstream that answers as it is asked, streams a little apart."""
    if not seen.json.get("stream"):
        import json

        data = json.dumps(completion("hello " * 20)).encode()
        await wire.head(200, length=len(data))
        await wire.raw(data)
        return
    await wire.head(200, {"content-type": "text/event-stream"})
    for block in events(["a ", "b ", "c ", "d"], usage=True):
        await wire.chunk(block)
        await asyncio.sleep(0.003)
    await wire.end()


async def missing_and_doubled(dsn: str, finished: list[UUID]) -> tuple[int, int]:
    """How many finished calls have no row, and how many rows too many there are."""
    connection = await asyncpg.connect(dsn)
    with contextlib.suppress(Exception):
        await connection.execute("SET enable_seqscan = on")
    rows = await connection.fetch("SELECT id, count(*) FROM tensorzero.exchanges GROUP BY id")
    counts = {row["id"]: row["count"] for row in rows}
    calls = await connection.fetch(
        "SELECT inference_id AS id, count(*) FROM tensorzero.model_inferences GROUP BY 1"
    )
    model_calls = {row["id"]: row["count"] for row in calls}
    whole = await connection.fetch(
        "SELECT id FROM tensorzero.chat_inferences WHERE output_complete"
    )
    complete = {row["id"] for row in whole}
    await connection.close()
    missing = sum(
        counts.get(each, 0) != 1 or model_calls.get(each, 0) != 1 or each not in complete
        for each in finished
    )
    doubled = sum(count - 1 for count in (*counts.values(), *model_calls.values()))
    return missing, doubled
