"""Strategies that end before their answer: by a limit, by a client that leaves, by what fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import asyncpg
import pytest

from tests.conftest import StartProxy, off_loop
from tests.fake_upstream import FakeUpstream, Seen, Wire, answer, completion
from tests.harness import Proxy, eventually


async def by_model(seen: Seen, wire: Wire) -> None:
    """`hangs` never answers; all others say their names."""
    model = seen.json["model"]
    if model == "hangs":
        await wire.gone()
    else:
        await answer(completion(f"I am {model}"))(seen, wire)


def config(api_base: str) -> dict[str, Any]:
    def at(model: str) -> dict[str, Any]:
        provider = {
            "type": "openai",
            "model_name": model,
            "api_base": api_base,
            "api_key_location": "none",
        }
        return {"routing": ["p"], "providers": {"p": provider}}

    def best_of(judge: str, *names: str, **more: Any) -> dict[str, Any]:
        kind = "experimental_best_of_n_sampling"
        return {
            "type": kind,
            "candidates": names,
            "evaluator": {"model": judge},
            "weight": 0,
            **more,
        }

    limits = {"non_streaming": {"total_ms": 400}, "streaming": {"ttft_ms": 400}}
    plain = {"good": "good", "slow": "hangs"}
    return {
        "models": {name: at(name) for name in ("good", "hangs")},
        "functions": {
            "f": {
                "type": "chat",
                "variants": {
                    **{
                        name: {"type": "chat_completion", "model": model}
                        for name, model in plain.items()
                    },
                    "candidate_hangs": best_of("good", "good", "slow"),
                    "judge_hangs": best_of("hangs", "good", "good"),
                    "limited": best_of("hangs", "good", "good", timeouts=limits),
                },
            }
        },
    }


@pytest.fixture
async def proxy(upstream: FakeUpstream, start_proxy: StartProxy) -> AsyncIterator[Proxy]:
    upstream.script = by_model
    yield await off_loop(lambda: start_proxy(config(upstream.api_base)))


def body(variant: str, **more: Any) -> bytes:
    said = {"messages": [{"role": "user", "content": "hola"}]}
    asked = {"function_name": "f", "variant_name": variant, "input": said, **more}
    return json.dumps(asked).encode()


async def ended(db: asyncpg.Connection, calls: int) -> asyncpg.Record:
    """The one exchange, with how many calls of models and inferences it has."""

    async def look() -> asyncpg.Record | None:
        return await db.fetchrow(
            """
            SELECT e.*,
                (SELECT count(*) FROM tensorzero.model_inferences m
                 WHERE m.inference_id = e.id AND m.input_tokens > 0) AS calls,
                (SELECT count(*) FROM tensorzero.chat_inferences c WHERE c.id = e.id) AS inferences
            FROM tensorzero.exchanges e
            """
        )

    row = await eventually(look)
    assert (row["calls"], row["inferences"]) == (calls, 0)
    return row


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("variant", "calls"), [("candidate_hangs", 1), ("judge_hangs", 2)])
async def test_the_answered_calls_of_a_client_that_left_are_on_record(
    proxy: Proxy,
    upstream: FakeUpstream,
    db: asyncpg.Connection,
    variant: str,
    calls: int,
    stream: bool,
) -> None:
    async with aiohttp.ClientSession() as session:
        asking = asyncio.ensure_future(
            session.post(proxy.base + "/inference", data=body(variant, stream=stream))
        )

        async def hangs() -> bool:
            models = [seen.json["model"] for seen in upstream.seen]
            return "hangs" in models and models.count("good") == calls

        await eventually(hangs)
        await asyncio.sleep(0.2)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    row = await ended(db, calls)
    assert (row["end_reason"], row["status"]) == ("client_disconnected", 0)
    assert (row["variant_assigned"], row["variant_served"]) == (variant, None)


@pytest.mark.parametrize(
    ("stream", "limit"), [(False, "non_streaming.total_ms"), (True, "streaming.ttft_ms")]
)
async def test_a_strategy_that_takes_too_long_is_told_and_recorded_as_a_timeout(
    proxy: Proxy, db: asyncpg.Connection, stream: bool, limit: str
) -> None:
    status, _, answered = await off_loop(
        lambda: proxy.post("/inference", body("limited", stream=stream))
    )
    said = f"Variant `limited` timed out due to configured `{limit}` timeout (400ms)"
    assert (status, json.loads(answered)["error"]) == (408, said)
    row = await ended(db, 2)
    assert (row["end_reason"], row["error"], row["status"]) == ("upstream_error", "timeout", 408)
