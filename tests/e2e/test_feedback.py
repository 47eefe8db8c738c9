"""Feedback from an application, and the comparison of variants that it makes possible."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.conftest import StartProxy, off_loop
from tests.fake_upstream import FakeUpstream, answer, completion
from tests.harness import ROOT, Proxy, one_provider

FUNCTION = "tensorzero::function_name::f"
UNKNOWN = "0199a000-0000-7000-8000-000000000000"


async def send(proxy: Proxy, **body: Any) -> tuple[int, dict[str, Any]]:
    status, _, answered = await off_loop(lambda: proxy.post("/feedback", body))
    return status, json.loads(answered)


async def call(proxy: Proxy) -> dict[str, str]:
    _, headers, _ = await off_loop(lambda: proxy.chat(FUNCTION))
    return headers


async def test_feedback_finds_its_target_by_each_kind_of_id(
    served: tuple[Proxy, FakeUpstream], db: asyncpg.Connection
) -> None:
    proxy, upstream = served
    upstream.script = answer(completion(id="chatcmpl-mine"))
    headers = await call(proxy)
    inference = headers["x-tensorzero-inference-id"]
    episode = headers["x-tensorzero-episode-id"]
    for target in (
        {"metric_name": "good", "value": True, "inference_id": inference},
        {"metric_name": "good", "value": False, "response_id": "chatcmpl-mine"},
        {"metric_name": "good", "value": True, "inference_id": "chatcmpl-mine"},
        {"metric_name": "rating", "value": 4.5, "episode_id": episode, "tags": {"who": "me"}},
    ):
        status, body = await send(proxy, **target)
        assert status == 200, body
        assert re.fullmatch(r"[0-9a-f-]{36}", body["feedback_id"])
    await off_loop(proxy.settle)
    await _rows(db, 3, "boolean_metric_feedback", inference)
    await _rows(db, 1, "float_metric_feedback", episode)


async def _rows(db: asyncpg.Connection, wanted: int, table: str, target: str) -> None:
    from tests.harness import eventually

    async def there() -> bool:
        count = await db.fetchval(
            f"SELECT count(*) FROM tensorzero.{table} WHERE target_id = $1::uuid", target
        )
        return bool(count == wanted)

    await eventually(there)


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"metric_name": "nope", "value": 1}, 404, "Unknown metric: nope"),
        (
            {"metric_name": "good", "value": "yes", "inference_id": "x"},
            400,
            "Feedback value for metric `good` must be a boolean",
        ),
        (
            {"metric_name": "rating", "value": True, "episode_id": UNKNOWN},
            400,
            "Feedback value for metric `rating` must be a number",
        ),
        (
            {"metric_name": "good", "value": True},
            400,
            'Correct ID was not provided for feedback level "inference".',
        ),
        (
            {"metric_name": "good", "value": True, "inference_id": 7},
            400,
            "inference_id: invalid type: integer `7`, expected a formatted UUID string",
        ),
        ({"metric_name": "good", "value": True, "surplus": 1}, 400, "unknown field `surplus`"),
        (
            {
                "metric_name": "good",
                "value": True,
                "inference_id": UNKNOWN,
            },
            400,
            f"Inference ID: {UNKNOWN} does not exist",
        ),
    ],
)
async def test_what_is_wrong_is_said(
    served: tuple[Proxy, FakeUpstream], body: dict[str, Any], status: int, message: str
) -> None:
    proxy, _ = served
    got, answered = await send(proxy, **body)
    assert got == status
    assert message in answered["error"]


async def test_a_dry_run_stores_nothing(
    served: tuple[Proxy, FakeUpstream], db: asyncpg.Connection
) -> None:
    proxy, _ = served
    headers = await call(proxy)
    status, _ = await send(
        proxy,
        metric_name="good",
        value=True,
        inference_id=headers["x-tensorzero-inference-id"],
        dryrun=True,
    )
    assert status == 200
    await off_loop(proxy.settle)
    assert await db.fetchval("SELECT count(*) FROM tensorzero.boolean_metric_feedback") == 0


async def test_the_comparison_of_the_readme_is_one_query(
    upstream: FakeUpstream, start_proxy: StartProxy, db: asyncpg.Connection
) -> None:
    """The README's SQL, on calls of two variants with feedback."""
    config = one_provider(upstream.api_base)
    config["functions"]["haiku"] = config["functions"].pop("f")
    config["metrics"]["thumbs_up"] = config["metrics"].pop("good")
    proxy = await off_loop(lambda: start_proxy(config))
    thumbs: dict[str, list[bool]] = {"a": [], "b": []}
    for number in range(20):
        _, headers, _ = await off_loop(lambda: proxy.chat("tensorzero::function_name::haiku"))
        variant = headers["x-tensorzero-variant-name"]
        value = variant == "a" or number % 2 == 0
        thumbs[variant].append(value)
        status, body = await send(
            proxy,
            metric_name="thumbs_up",
            value=value,
            inference_id=headers["x-tensorzero-inference-id"],
        )
        assert status == 200, body
    await off_loop(proxy.settle)
    statement = re.search(r"```sql\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert statement is not None

    async def compared() -> dict[str, tuple[int, float | None]]:
        rows = await db.fetch(statement[1])
        return {row["variant"]: (row["calls"], row["thumbs_up"]) for row in rows}

    from tests.harness import eventually

    expected = {
        variant: (len(values), round(sum(values) / len(values), 3))
        for variant, values in thumbs.items()
        if values
    }

    async def agrees() -> bool:
        found = await compared()
        return {name: (n, float(share or 0)) for name, (n, share) in found.items()} == expected

    await eventually(agrees)


def test_the_readme_prints_a_result_of_the_same_form() -> None:
    text = Path(ROOT / "README.md").read_text()
    assert re.search(r"variant \| calls \| thumbs_up \| mean_ms", text)
