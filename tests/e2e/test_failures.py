"""What the client sees, how many attempts are made, what is recorded: for each upstream failure.

The cases are the lines of the table in docs/failures.md, which a test compares with them.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from tests.conftest import StartProxy, off_loop
from tests.fake_upstream import FakeUpstream, Script, Seen, Wire, answer, completion, events
from tests.harness import Proxy, one_provider

DOC = Path(__file__).resolve().parent.parent.parent / "docs" / "failures.md"
CLOSE = {"connection": "close"}
"""So that no pooled connection, which would be tried once more, tells its own story."""

ERROR = {"error": {"message": "upstream says no", "type": "t", "param": "p", "code": "c"}}


@dataclass(frozen=True)
class Case:
    """One line of the table. `script` plays the upstream; `retries` of the variant are 1."""

    name: str
    script: Callable[[], Script]
    stream: bool
    seen: str
    """What the client sees: a status, or `cut` for a connection that breaks off."""
    should_retry: str
    attempts: int
    status: int
    end_reason: str
    error: str


def failing(status: int, headers: dict[str, str] | None = None) -> Callable[[], Script]:
    return lambda: answer(ERROR, status, CLOSE | (headers or {}))


def reset_before() -> Script:
    async def script(seen: Seen, wire: Wire) -> None:
        wire.reset()

    return script


def reset_in_body(stream: bool) -> Callable[[], Script]:
    async def script(seen: Seen, wire: Wire) -> None:
        if stream:
            await wire.head(200, {"content-type": "text/event-stream"})
            for block in events(["a", "b", "c"])[:2]:
                await wire.chunk(block)
        else:
            await wire.head(200, length=1000)
            await wire.raw(b'{"id": "half')
        await asyncio.sleep(0.05)
        wire.reset()

    return lambda: script


def hang(after_head: bool) -> Callable[[], Script]:
    async def script(seen: Seen, wire: Wire) -> None:
        if after_head:
            await wire.head(200, {"content-type": "text/event-stream"})
            await wire.chunk(events(["a"])[0])
        await wire.gone()

    return lambda: script


def garbage() -> Script:
    async def script(seen: Seen, wire: Wire) -> None:
        await wire.raw(b"\x00\x01 this is no HTTP\r\n\r\n")
        wire.reset()

    return script


def html() -> Script:
    return answer(b"<html>Bad day</html>", 200, CLOSE | {"content-type": "text/html"})


def error_event() -> Script:
    body = b"data: " + json.dumps(ERROR).encode() + b"\n\n"
    return answer(body, 200, CLOSE | {"content-type": "text/event-stream"})


CASES = [
    Case("400", failing(400), False, "400", "", 1, 400, "upstream_error", "status"),
    Case("401", failing(401), False, "401", "", 1, 401, "upstream_error", "status"),
    Case(
        "429 with `Retry-After: 0`",
        failing(429, {"retry-after": "0"}),
        False,
        "429",
        "false",
        2,
        429,
        "upstream_error",
        "status",
    ),
    Case("429 without", failing(429), False, "429", "false", 2, 429, "upstream_error", "status"),
    Case(
        "429 with `Retry-After: 60`",
        failing(429, {"retry-after": "60"}),
        False,
        "429",
        "",
        1,
        429,
        "upstream_error",
        "status",
    ),
    Case("500", failing(500), False, "500", "false", 2, 500, "upstream_error", "status"),
    Case(
        "reset before an answer",
        reset_before,
        False,
        "502",
        "false",
        2,
        502,
        "upstream_error",
        "reset",
    ),
    Case(
        "reset in a whole body",
        reset_in_body(False),
        False,
        "502",
        "false",
        2,
        502,
        "upstream_error",
        "reset",
    ),
    Case(
        "reset in a stream", reset_in_body(True), True, "cut", "", 1, 200, "upstream_cut", "reset"
    ),
    Case(
        "hang before an answer",
        hang(False),
        False,
        "504",
        "false",
        2,
        504,
        "upstream_error",
        "timeout",
    ),
    Case("hang in a stream", hang(True), True, "cut", "", 1, 200, "timeout", "timeout"),
    Case(
        "bytes that are no HTTP",
        garbage,
        False,
        "502",
        "false",
        2,
        502,
        "upstream_error",
        "garbage",
    ),
    Case(
        "200 with a body that is no JSON",
        html,
        False,
        "200",
        "false",
        2,
        200,
        "upstream_error",
        "garbage",
    ),
    Case(
        "error inside a whole 200",
        failing(200),
        False,
        "200",
        "false",
        2,
        200,
        "upstream_error",
        "error_in_body",
    ),
    Case(
        "error as a stream's first event",
        error_event,
        True,
        "200",
        "false",
        2,
        200,
        "upstream_error",
        "error_in_body",
    ),
]


@pytest.fixture
async def retrying(upstream: FakeUpstream, start_proxy: StartProxy) -> Proxy:
    config = one_provider(
        upstream.api_base,
        timeouts={"idle_ms": 300, "connect_ms": 2000},
        retry_budget={"floor": 1000},
    )
    for variant in config["functions"]["f"]["variants"].values():
        variant["retries"] = {"num_retries": 1, "max_delay_s": 0.05}
    config["functions"]["f"]["variants"].pop("b")
    proxy: Proxy = await off_loop(lambda: start_proxy(config))
    return proxy


async def call(proxy: Proxy, stream: bool) -> tuple[str, Mapping[str, str], bytes]:
    body = {"model": "tensorzero::function_name::f", "messages": [], "stream": stream}
    async with (
        aiohttp.ClientSession() as client,
        client.post(proxy.base + "/v1/chat/completions", json=body) as response,
    ):
        received = b""
        try:
            async for block in response.content.iter_any():
                received += block
        except aiohttp.ClientPayloadError:
            return "cut", response.headers, received
        return str(response.status), response.headers, received


async def test_every_line_of_the_table_holds(
    retrying: Proxy, upstream: FakeUpstream, db: asyncpg.Connection
) -> None:
    for case in CASES:
        upstream.script = case.script()
        before = len(upstream.seen)
        seen, headers, body = await call(retrying, case.stream)
        assert seen == case.seen, case.name
        assert headers.get("x-should-retry", "") == case.should_retry, case.name
        assert len(upstream.seen) - before == case.attempts, case.name
        identifier = headers.get("x-tensorzero-inference-id")
        row = await _row(db, identifier)
        assert row["status"] == case.status, case.name
        assert row["end_reason"] == case.end_reason, case.name
        assert row["error"] == case.error, case.name
        assert row["attempt_count"] == case.attempts, case.name
        if case.seen not in ("cut", "502", "504"):
            assert body == _as_sent(case), case.name


def _as_sent(case: Case) -> bytes:
    """An error that a provider answered comes to the client as it was."""
    if case.name == "200 with a body that is no JSON":
        return b"<html>Bad day</html>"
    if case.stream:
        return b"data: " + json.dumps(ERROR).encode() + b"\n\n"
    return json.dumps(ERROR).encode()


async def _row(db: asyncpg.Connection, identifier: str | None) -> asyncpg.Record:
    deadline = time.monotonic() + 15
    while True:
        row = await db.fetchrow(
            "SELECT * FROM tensorzero.exchanges WHERE id = $1::uuid", identifier
        )
        if row is not None:
            return row
        assert time.monotonic() < deadline, f"no row for {identifier}"
        await asyncio.sleep(0.05)


async def test_after_a_failure_the_next_provider_answers(
    upstream: FakeUpstream, start_proxy: StartProxy
) -> None:
    async with FakeUpstream(answer(completion("from the second"))) as second:
        config = one_provider(upstream.api_base, timeouts={"idle_ms": 300})
        backup = config["models"]["m"]["providers"]["p"] | {"api_base": second.api_base}
        config["models"]["m"] = {
            "routing": ["p", "q"],
            "providers": config["models"]["m"]["providers"] | {"q": backup},
        }
        proxy = await off_loop(lambda: start_proxy(config))
        for case in CASES:
            if case.end_reason != "upstream_error" or case.name == "400":
                continue
            upstream.script = case.script()
            seen, headers, body = await call(proxy, False)
            assert seen == "200", case.name
            assert b"from the second" in body, case.name
            assert headers["x-tensorzero-provider-name"] == "q", case.name


async def test_in_a_total_outage_the_upstream_gets_a_fifth_more(
    upstream: FakeUpstream, start_proxy: StartProxy
) -> None:
    upstream.script = answer(ERROR, 503)
    config = one_provider(upstream.api_base)
    for variant in config["functions"]["f"]["variants"].values():
        variant["retries"] = {"num_retries": 3, "max_delay_s": 0.05}
    proxy = await off_loop(lambda: start_proxy(config, workers=2))
    calls = 150
    answers = await asyncio.gather(*[call(proxy, False) for _ in range(calls)])
    assert {seen for seen, _, _ in answers} == {"503"}
    print(f"\noutage: {calls} calls, {len(upstream.seen)} requests upstream")
    assert len(upstream.seen) <= 1.2 * calls + 3


def test_the_document_has_the_table() -> None:
    for case in CASES:
        assert table_line(case) in DOC.read_text(), f"docs/failures.md lacks: {table_line(case)}"


def table_line(case: Case) -> str:
    seen = "the connection breaks off" if case.seen == "cut" else f"`{case.seen}`"
    if case.should_retry:
        seen += ", `x-should-retry: false`"
    kind = "stream" if case.stream else "whole"
    row = f"`{case.status}` `{case.end_reason}` `{case.error}`"
    return f"| {case.name} | {kind} | {seen} | {case.attempts} | {row} |"
