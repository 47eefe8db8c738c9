"""What calls cost: told to callers who can be told, and recorded for all, whatever the lane."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.conftest import StartProxy, off_loop
from tests.fake_upstream import FakeUpstream, Seen, Wire, answer, completion, events, stream
from tests.harness import Proxy, eventually

MESSAGES = [{"role": "user", "content": "hi"}]
COST = [
    {"pointer": "/usage/prompt_tokens", "cost_per_million": 1.5, "required": True},
    {"pointer": "/usage/completion_tokens", "cost_per_million": 6},
]
WHOLE = Decimal("0.0000165")
"""3 tokens in, 2 tokens out."""


async def upstream_script(seen: Seen, wire: Wire) -> None:
    if seen.json.get("stream"):
        await stream(events(["a", "b"], usage=True))(seen, wire)
    else:
        await answer(completion())(seen, wire)


def config(api_base: str) -> dict[str, Any]:
    def provider(**more: Any) -> dict[str, Any]:
        fixed = {"type": "openai", "model_name": "x", "api_key_location": "none"}
        return {"routing": ["p"], "providers": {"p": fixed | {"api_base": api_base} | more}}

    return {"models": {"priced": provider(cost=COST), "free": provider(cost=[]), "m": provider()}}


@pytest.fixture
async def proxy(upstream: FakeUpstream, start_proxy: StartProxy, tmp_path: Path) -> Proxy:
    upstream.script = upstream_script
    return await off_loop(lambda: start_proxy(config(upstream.api_base)))


async def costs(db: asyncpg.Connection, model: str, wanted: int) -> list[Decimal | None]:
    query = "SELECT cost FROM tensorzero.model_inferences WHERE model_name = $1"

    async def look() -> Any:
        rows = await db.fetch(query, model)
        return [row["cost"] for row in rows] if len(rows) == wanted else None

    found: list[Decimal | None] = await eventually(look)
    return found


def body(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": MESSAGES, **more}


async def test_a_relayed_call_has_its_cost_in_its_record(
    proxy: Proxy, db: asyncpg.Connection
) -> None:
    usage = {"stream": True, "stream_options": {"include_usage": True}}
    path = "/v1/chat/completions"
    for more in ({}, usage):
        status, _, _ = await off_loop(lambda more=more: proxy.post(path, body("priced", **more)))
        assert status == 200
    assert await costs(db, "priced", 2) == [WHOLE, WHOLE]


async def test_both_of_tensorzeros_apis_tell_the_cost(proxy: Proxy, db: asyncpg.Connection) -> None:
    path = "/openai/v1/chat/completions"
    asked = body("tensorzero::model_name::priced")
    _, _, told = await off_loop(lambda: proxy.post(path, asked))
    assert json.loads(told)["usage"]["tensorzero_cost"] == float(WHOLE)
    native = {"model_name": "priced", "input": {"messages": MESSAGES}}
    _, _, told = await off_loop(lambda: proxy.post("/inference", native))
    assert json.loads(told)["usage"]["cost"] == float(WHOLE)
    streamed = native | {"stream": True}
    _, _, told = await off_loop(lambda: proxy.post("/inference", streamed))
    last = told.decode().split("\n\n")[-3].removeprefix("data: ")
    assert json.loads(last)["usage"]["cost"] == float(WHOLE)
    assert await costs(db, "priced", 3) == [WHOLE] * 3


async def test_what_is_free_costs_nothing_and_what_nobody_priced_is_unknown(
    proxy: Proxy, db: asyncpg.Connection
) -> None:
    for model in ("free", "m"):
        native = {"model_name": model, "input": {"messages": MESSAGES}}
        await off_loop(lambda native=native: proxy.post("/inference", native))
    for model in ("free", "m"):
        path = "/v1/chat/completions"
        await off_loop(lambda path=path, model=model: proxy.post(path, body(model)))
    assert await costs(db, "free", 2) == [Decimal(0), Decimal(0)]
    assert await costs(db, "m", 2) == [None, None]
