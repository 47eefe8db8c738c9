"""Feedback in the same millisecond as its inference's end: joined, however Postgres is doing.

Every call is answered and its feedback sent the moment the last byte is read, on a connection that
is open already: the record is in a journal then, and nowhere else.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from proxy.types.ids import new_id
from tests.conftest import StartProxy, off_loop
from tests.harness import Proxy, eventually
from tests.store.pg_relay import PostgresRelay

PROVE = bool(os.environ.get("PROVE"))
CALLS = 60 if PROVE else 6
SLOW_CALLS = 12 if PROVE else 3
SLOW_S = 0.5
GRACE_S = 60

SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
    "additionalProperties": False,
}
TABLES = (
    "boolean_metric_feedback",
    "float_metric_feedback",
    "comment_feedback",
    "demonstration_feedback",
)


def configuration(folder: Path) -> dict[str, Any]:
    """A chat and a JSON function, of models that need no network."""
    (folder / "answer.json").write_text(json.dumps(SCHEMA))
    models = {
        name: {"routing": ["d"], "providers": {"d": {"type": "dummy", "model_name": name}}}
        for name in ("good", "json")
    }
    level = {"optimize": "max"}
    return {
        "models": models,
        "functions": {
            "talk": {
                "type": "chat",
                "variants": {"v": {"type": "chat_completion", "model": "good"}},
            },
            "extract": {
                "type": "json",
                "output_schema": "answer.json",
                "variants": {"v": {"type": "chat_completion", "model": "json", "json_mode": "on"}},
            },
        },
        "metrics": {
            "good": {"type": "boolean", "level": "inference", **level},
            "rating": {"type": "float", "level": "episode", **level},
        },
    }


class Race:
    """Clients of a proxy whose Postgres is behind a relay."""

    def __init__(self, proxy: Proxy, relay: PostgresRelay, session: aiohttp.ClientSession) -> None:
        self.proxy = proxy
        self.relay = relay
        self.session = session
        self.given = dict.fromkeys(TABLES, 0)

    async def call(self, number: int) -> tuple[str, str]:
        """One call, read to its last byte; ids of the inference and of its episode."""
        function = "extract" if number % 3 == 2 else "talk"
        lane = "/v1" if number % 2 and function == "talk" else "/openai/v1"
        body = {
            "model": f"tensorzero::function_name::{function}",
            "messages": [{"role": "user", "content": "Hello"}],
            "stream": number % 3 == 1,
        }
        async with self.session.post(f"{lane}/chat/completions", json=body) as response:
            await response.read()
            assert response.status == 200
            ids = response.headers
        return ids["x-tensorzero-inference-id"], ids["x-tensorzero-episode-id"]

    async def send(self, **body: object) -> tuple[int, dict[str, str]]:
        async with self.session.post("/feedback", json=body) as response:
            return response.status, await response.json()

    async def call_and_tell(self, number: int) -> None:
        inference, episode = await self.call(number)
        kinds: list[tuple[str, dict[str, object]]] = [
            (TABLES[0], {"metric_name": "good", "value": True, "inference_id": inference}),
            (TABLES[1], {"metric_name": "rating", "value": number, "episode_id": episode}),
            (TABLES[2], {"metric_name": "comment", "value": "nice", "episode_id": episode}),
            (
                TABLES[3],
                {
                    "metric_name": "demonstration",
                    "value": {"answer": "yes"} if number % 3 == 2 else "say this",
                    "inference_id": inference,
                },
            ),
        ]
        table, first = kinds[number % 4]
        await self._tell(table, first)
        if number % 4 != 3:
            await self._tell(*kinds[3])

    async def _tell(self, table: str, body: dict[str, object]) -> None:
        status, answered = await self.send(**body)
        assert status == 200, answered
        self.given[table] += 1

    async def run(self, calls: int = CALLS) -> None:
        """All calls, three at a time."""
        for first in range(0, calls, 3):
            await asyncio.gather(*(self.call_and_tell(first + each) for each in range(3)))

    async def metric(self, name: str, **labels: str) -> float:
        found: float = await off_loop(lambda: self.proxy.metric(name, **labels))
        return found


@pytest.fixture
async def race(tmp_path: Path, start_proxy: StartProxy, database: str) -> AsyncIterator[Race]:
    folder = tmp_path / "relay"
    folder.mkdir()
    relay = PostgresRelay(database, folder)
    await relay.start()
    proxy = await off_loop(lambda: start_proxy(configuration(tmp_path), workers=2, dsn=relay.dsn))
    async with aiohttp.ClientSession(proxy.base) as session:
        yield Race(proxy, relay, session)
    await off_loop(proxy.kill_all)
    await relay.close()


async def joined(db: asyncpg.Connection) -> dict[str, int]:
    """Feedback of each kind that finds what it is about."""
    targets = (
        "SELECT id, episode_id FROM tensorzero.chat_inferences "
        "UNION ALL SELECT id, episode_id FROM tensorzero.json_inferences"
    )
    found = {}
    for table in TABLES:
        column = "inference_id" if table == "demonstration_feedback" else "target_id"
        found[table] = await db.fetchval(
            f"SELECT count(*) FROM tensorzero.{table} f WHERE EXISTS "
            f"(SELECT 1 FROM ({targets}) t WHERE f.{column} IN (t.id, t.episode_id))"
        )
    return found


async def all_joined(race: Race, db: asyncpg.Connection, seconds: float) -> None:
    async def there() -> bool:
        return await joined(db) == race.given

    await eventually(there, seconds)
    assert await db.fetchval("SELECT count(*) FROM tensorzero.feedback_rejected") == 0
    assert sum(race.given.values()) == await race.metric("zeroproxy_feedback_total")
    for metric in ("comment", "demonstration"):
        counted = await race.metric("tensorzero_requests_total", metric_name=metric)
        assert counted == race.given[f"{metric}_feedback"]


async def test_with_postgres_up(race: Race, db: asyncpg.Connection) -> None:
    await race.run()
    await all_joined(race, db, 20)


async def test_with_postgres_slow(race: Race, db: asyncpg.Connection) -> None:
    await race.call(0)
    await off_loop(race.proxy.settle)
    race.relay.delay = SLOW_S
    await race.run(SLOW_CALLS)
    await all_joined(race, db, 20 * SLOW_CALLS)


async def test_with_postgres_down(race: Race, db: asyncpg.Connection) -> None:
    await race.relay.stop()
    await race.run()
    assert sum((await joined(db)).values()) == 0
    await race.relay.start()
    await all_joined(race, db, 30)


async def test_an_id_that_nobody_has_is_refused_while_postgres_is_up(
    race: Race, db: asyncpg.Connection
) -> None:
    await race.call(0)

    async def refused() -> bool:
        """On a loaded machine the writer may lag, and feedback is then kept until it knows."""
        unknown = str(new_id())
        status, answered = await race.send(metric_name="good", value=True, inference_id=unknown)
        if status == 400:
            assert answered["error"] == f"Inference ID: {unknown} does not exist"
        return status == 400

    await eventually(refused, 60)
    assert sum((await joined(db)).values()) == 0


async def test_what_is_wrong_is_rejected_once_postgres_is_back(
    race: Race, db: asyncpg.Connection
) -> None:
    await race.relay.stop()
    inference, _ = await race.call(2)
    unfit = {"answer": 42}
    for target, value in ((inference, unfit), (str(new_id()), {"answer": "42"})):
        status, _ = await race.send(metric_name="demonstration", value=value, inference_id=target)
        assert status == 200
    await race.relay.start()

    async def rejected() -> list[asyncpg.Record]:
        return list(await db.fetch("SELECT * FROM tensorzero.feedback_rejected"))

    (row,) = await eventually(rejected, 30)
    assert (str(row["target_id"]), row["text_value"]) == (inference, '{"answer": 42}')
    assert row["reason"].startswith("Demonstration does not fit function output schema")
    assert await race.metric("zeroproxy_feedback_total", state="rejected") == 1

    async def waits() -> bool:
        return await race.metric("zeroproxy_feedback_pending") == 1

    await eventually(waits)
    if PROVE:
        await asyncio.sleep(GRACE_S)

        async def both() -> bool:
            return len(await rejected()) == 2

        await eventually(both, 30)
