"""A configuration changes while it serves: for all workers or for none, without dropping a call."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import psutil
import pytest

from tests.conftest import StartProxy, off_loop
from tests.fake_upstream import FakeUpstream, Seen, Wire, answer, completion, events
from tests.harness import Proxy, eventually, one_provider, write_config

PROVE = bool(os.environ.get("PROVE"))
RELOADS = 50 if PROVE else 12
RATE = 200
KILLS = 40 if PROVE else 5
BAD = '{"models": {"m": {"routing": [], "providers": {}}}}'


def configuration(upstream: FakeUpstream, mark: str) -> dict[str, Any]:
    """One that shows in every answer: the only variant is called so."""
    config = one_provider(upstream.api_base)
    variant = config["functions"]["f"]["variants"]["a"]
    config["functions"]["f"]["variants"] = {mark: variant}
    return config


def state_of(proxy: Proxy) -> dict[str, Any]:
    """What a worker says of its configuration; nothing when it was killed meanwhile."""
    status, body = proxy.get("/status")
    found: dict[str, Any] = json.loads(body)["config"] if status == 200 else {}
    return found


async def reloaded(proxy: Proxy, result: str, *, beside: str | None = None) -> dict[str, Any]:
    """What `/status` says, once an attempt with this result (after the one at `beside`) is told by
    every worker."""

    async def look() -> Any:
        seen = [await off_loop(lambda: state_of(proxy)) for _ in range(6)]
        lasts = [each.get("last_reload") or {} for each in seen]
        done = all(each.get("result") == result and each.get("at") != beside for each in lasts)
        return seen[0] if done and len({each["at"] for each in lasts}) == 1 else None

    found: dict[str, Any] = await eventually(look)
    return found


def hang_up(proxy: Proxy) -> None:
    assert proxy.process is not None
    os.kill(proxy.process.pid, signal.SIGHUP)


async def served_by(proxy: Proxy) -> str:
    status, headers, _ = await off_loop(lambda: proxy.chat("tensorzero::function_name::f"))
    return headers["x-tensorzero-variant-name"] if status == 200 else str(status)


async def test_a_saved_file_is_served(upstream: FakeUpstream, start_proxy: StartProxy) -> None:
    proxy = await off_loop(lambda: start_proxy(configuration(upstream, "old"), workers=2))
    before = await off_loop(lambda: state_of(proxy))
    assert await served_by(proxy) == "old"
    write_config(proxy.config, configuration(upstream, "new"))
    after = await reloaded(proxy, "applied")
    assert await served_by(proxy) == "new"
    assert after["hash"] != before["hash"] and after["files"] == [str(proxy.config)]
    metrics = (await off_loop(lambda: proxy.get("/metrics")))[1].decode()
    assert [line for line in metrics.splitlines() if line.startswith("zeroproxy_config_info")] == [
        f'zeroproxy_config_info{{hash="{after["hash"][:12]}"}} 1.0'
    ]
    served = await off_loop(
        lambda: proxy.metric(
            "zeroproxy_request_duration_seconds_count", function_name="f", variant_name="new"
        )
    )
    assert served == 1


async def test_a_bad_file_leaves_the_old_one_serving_and_is_told(
    upstream: FakeUpstream, start_proxy: StartProxy
) -> None:
    proxy = await off_loop(lambda: start_proxy(configuration(upstream, "old"), workers=2))
    proxy.config.write_text(BAD)
    hang_up(proxy)
    refused = await reloaded(proxy, "refused")
    assert "`routing` must not be empty" in refused["last_reload"]["errors"][0]
    assert await served_by(proxy) == "old"
    assert "the configuration is refused" in proxy.tail()

    def successful() -> float:
        return proxy.metric("zeroproxy_config_last_reload_successful")

    assert await off_loop(successful) == 0
    write_config(proxy.config, configuration(upstream, "healed"))
    await reloaded(proxy, "applied")
    assert await served_by(proxy) == "healed"
    assert await off_loop(successful) == 1
    assert (
        await off_loop(lambda: proxy.metric("zeroproxy_config_reloads_total", result="refused"))
    ) == 1


async def test_a_call_under_way_ends_as_it_began(
    upstream: FakeUpstream, start_proxy: StartProxy, db: asyncpg.Connection
) -> None:
    go_on = asyncio.Event()
    blocks = events(["a", "b"])

    async def script(seen: Seen, wire: Wire) -> None:
        await wire.head(200, {"content-type": "text/event-stream"})
        await wire.chunk(blocks[0])
        await go_on.wait()
        for block in blocks[1:]:
            await wire.chunk(block)
        await wire.end()

    upstream.script = script
    proxy = await off_loop(lambda: start_proxy(configuration(upstream, "old")))
    old = (await off_loop(lambda: state_of(proxy)))["hash"]
    body = {"model": "tensorzero::function_name::f", "messages": [], "stream": True}
    async with (
        aiohttp.ClientSession() as session,
        session.post(proxy.base + "/v1/chat/completions", json=body) as response,
    ):
        await response.content.readany()
        write_config(proxy.config, configuration(upstream, "new"))
        new = (await reloaded(proxy, "applied"))["hash"]
        upstream.script = answer(completion())
        assert await served_by(proxy) == "new"
        go_on.set()
        rest = await response.content.read()
    assert rest.endswith(b"data: [DONE]\n\n")

    async def look() -> Any:
        rows = await db.fetch("SELECT variant_served, snapshot_hash FROM tensorzero.exchanges")
        return rows if len(rows) == 2 else None

    rows = {row["variant_served"]: row["snapshot_hash"].hex() for row in await eventually(look)}
    assert rows == {"old": old, "new": new}
    known = await db.fetch("SELECT hash FROM tensorzero.config_snapshots")
    assert {row["hash"].hex() for row in known} >= {old, new}


async def test_a_config_map_is_followed_through_its_links(
    upstream: FakeUpstream, start_proxy: StartProxy, tmp_path: Path
) -> None:
    mount = tmp_path / "mount"
    for version in ("one", "two"):
        (mount / f"..{version}").mkdir(parents=True)
        write_config(mount / f"..{version}" / "routes.yaml", configuration(upstream, version))
    (mount / "..data").symlink_to("..one")
    (mount / "routes.yaml").symlink_to("..data/routes.yaml")
    proxy = Proxy(mount / "routes.yaml", tmp_path / "state", None, arguments=("--no-database",))
    try:
        await off_loop(proxy.start)
        assert await served_by(proxy) == "one"
        (mount / "..next").symlink_to("..two")
        (mount / "..next").rename(mount / "..data")
        await reloaded(proxy, "applied")
        assert await served_by(proxy) == "two"
    finally:
        proxy.kill_all()


async def test_a_rotated_key_is_read_again(
    upstream: FakeUpstream, start_proxy: StartProxy, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text("first")
    config = configuration(upstream, "a")
    config["models"]["m"]["providers"]["p"]["api_key_location"] = f"path::{key}"
    proxy = await off_loop(lambda: start_proxy(config))
    await served_by(proxy)
    assert upstream.seen[-1].headers["authorization"] == "Bearer first"
    key.write_text("second")
    await reloaded(proxy, "applied")
    await served_by(proxy)
    assert upstream.seen[-1].headers["authorization"] == "Bearer second"


async def test_what_cannot_change_while_serving_is_named(
    upstream: FakeUpstream, start_proxy: StartProxy
) -> None:
    proxy = await off_loop(lambda: start_proxy(configuration(upstream, "old")))
    config = configuration(upstream, "new")
    config["zeroproxy"] = {"recording": {"batch_rows": 7}, "latency_buckets": [1.0, 2.0]}
    write_config(proxy.config, config)
    state = await reloaded(proxy, "applied")
    assert state["waits_for_restart"] == ["zeroproxy.recording", "zeroproxy.latency_buckets"]
    assert await served_by(proxy) == "new"


async def test_keys_and_limits_change_at_once(
    upstream: FakeUpstream, start_proxy: StartProxy
) -> None:
    proxy = await off_loop(lambda: start_proxy(configuration(upstream, "old")))
    config = configuration(upstream, "new")
    hashed = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
    config["zeroproxy"] = {
        "api_keys": [{"name": "team", "sha256": hashed}],
        "limits": {"max_request_bytes": 2000},
    }
    write_config(proxy.config, config)
    await reloaded(proxy, "applied")
    assert await served_by(proxy) == "401"
    key = {"authorization": "Bearer secret"}
    status, _, _ = await off_loop(lambda: proxy.chat("m", key))
    assert status == 200
    status, _, _ = await off_loop(lambda: proxy.chat("m", key, padding="x" * 3000))
    assert status == 413


async def test_a_killed_worker_comes_back_with_what_is_in_force(
    upstream: FakeUpstream, start_proxy: StartProxy
) -> None:
    proxy = await off_loop(lambda: start_proxy(configuration(upstream, "old"), workers=2))
    write_config(proxy.config, configuration(upstream, "new"))
    hang_up(proxy)
    for pid in proxy.worker_pids():
        psutil.Process(pid).kill()
    await reloaded(proxy, "applied")

    async def all_new() -> bool:
        try:
            return {await served_by(proxy) for _ in range(6)} == {"new"}
        except (OSError, KeyError):
            return False

    assert await eventually(all_new)


class Traffic:
    """Calls at a steady rate; what each was answered."""

    def __init__(self, proxy: Proxy, rate: float) -> None:
        self._proxy = proxy
        self._rate = rate
        self.answers: dict[str, str] = {}
        """Variant by inference id."""
        self.failures: list[str] = []
        self._stopped = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """An open loop: a slow answer does not slow the calls."""
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            began, number = time.monotonic(), 0
            while not self._stopped.is_set():
                number += 1
                task = asyncio.create_task(self._call(session, number))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
                await asyncio.sleep(max(0.0, began + number / self._rate - time.monotonic()))
            await asyncio.gather(*self._running)

    def stop(self) -> None:
        self._stopped.set()

    async def _call(self, session: aiohttp.ClientSession, number: int) -> None:
        body = {
            "model": "tensorzero::function_name::f",
            "messages": [{"role": "user", "content": str(number)}],
        }
        try:
            async with session.post(
                self._proxy.base + "/v1/chat/completions", json=body
            ) as response:
                await response.read()
                if response.status != 200:
                    self.failures.append(f"status {response.status}")
                    return
                identifier = response.headers["x-tensorzero-inference-id"]
                self.answers[identifier] = response.headers["x-tensorzero-variant-name"]
        except aiohttp.ClientError as error:
            self.failures.append(type(error).__name__)


def scrape(proxy: Proxy) -> str:
    """All numbers; none when the worker that tells them is killed while it does."""
    try:
        return proxy.get("/metrics")[1].decode()
    except http.client.HTTPException:
        return ""


async def watch_counters(proxy: Proxy, done: asyncio.Event, went_back: list[str]) -> None:
    """Scrape until done; name every counter that goes back."""
    last: dict[str, float] = {}
    while not done.is_set():
        text = await off_loop(lambda: scrape(proxy))
        for line in text.splitlines():
            name, _, value = line.rpartition(" ")
            if line.startswith("#"):
                continue
            if "_total" in name or "_bucket" in name or "_count" in name:
                if float(value) < last.get(name, 0.0):
                    went_back.append(f"{name}: {last[name]} to {value}")
                last[name] = float(value)
        await asyncio.sleep(0.05)


async def under_traffic(proxy: Proxy, work: Callable[[], Awaitable[None]]) -> Traffic:
    """Do the work while calls come in and counters are watched."""
    traffic, done, went_back = Traffic(proxy, RATE), asyncio.Event(), list[str]()
    running = asyncio.create_task(traffic.run())
    watching = asyncio.create_task(watch_counters(proxy, done, went_back))
    await asyncio.sleep(0.5)
    await work()
    await asyncio.sleep(0.5)
    traffic.stop()
    await running
    done.set()
    await watching
    assert went_back == []
    return traffic


async def test_reloads_under_load_fail_no_call_and_every_record_names_its_configuration(
    upstream: FakeUpstream, start_proxy: StartProxy, db: asyncpg.Connection
) -> None:
    proxy = await off_loop(lambda: start_proxy(configuration(upstream, "v0"), workers=4))
    hashes = {"v0": (await off_loop(lambda: state_of(proxy)))["hash"]}
    last: str | None = None

    async def work() -> None:
        nonlocal last
        for number in range(1, RELOADS + 1):
            mark, good = f"v{number}", number % 2 == 0
            text = json.dumps(configuration(upstream, mark)) if good else BAD
            proxy.config.write_text(text)
            hang_up(proxy)
            state = await reloaded(proxy, "applied" if good else "refused", beside=last)
            last = state["last_reload"]["at"]
            if good:
                hashes[mark] = state["hash"]
            await asyncio.sleep(0.1)

    traffic = await under_traffic(proxy, work)
    await off_loop(lambda: proxy.settle(60))
    rows = await db.fetch("SELECT id, variant_served, snapshot_hash FROM tensorzero.exchanges")
    found = {str(row["id"]): (row["variant_served"], row["snapshot_hash"].hex()) for row in rows}
    assert traffic.failures == []
    assert found.keys() == traffic.answers.keys()
    for identifier, variant in traffic.answers.items():
        assert found[identifier] == (variant, hashes[variant])
    shares = Counter(traffic.answers.values())
    assert len(shares) == len(hashes)
    print(
        f"\n{RELOADS} reloads, half of them bad, at {RATE} calls a second: "
        f"{len(traffic.answers)} answers under {len(shares)} configurations, 0 failed"
    )


async def test_workers_are_killed_under_load_and_the_others_serve_on(
    upstream: FakeUpstream, start_proxy: StartProxy, db: asyncpg.Connection
) -> None:
    proxy = await off_loop(lambda: start_proxy(configuration(upstream, "v0"), workers=4))
    source = random.Random(20261121)
    last = "v0"

    async def work() -> None:
        nonlocal last
        for number in range(KILLS):
            pids = await off_loop(proxy.worker_pids)
            if number % 4 == 3:
                last = f"v{number}"
                write_config(proxy.config, configuration(upstream, last))
                hang_up(proxy)
                await asyncio.sleep(source.uniform(0.0, 0.1))
            if len(pids) > 1:
                with contextlib.suppress(psutil.NoSuchProcess):
                    psutil.Process(source.choice(pids)).kill()
            await asyncio.sleep(source.uniform(0.1, 0.5))

    traffic = await under_traffic(proxy, work)
    await off_loop(lambda: proxy.settle(60))
    rows = await db.fetch("SELECT id FROM tensorzero.exchanges WHERE end_reason = 'complete'")
    recorded = {str(row["id"]) for row in rows}
    lost = traffic.answers.keys() - recorded
    print(
        f"\n{KILLS} workers killed: {len(traffic.answers)} answers, "
        f"{len(traffic.failures)} calls cut, {len(lost)} lost"
    )
    assert lost == set()
    assert len(traffic.failures) < len(traffic.answers) / 10

    async def all_there() -> bool:
        return bool(await off_loop(lambda: proxy.metric("zeroproxy_workers")) == 4)

    async def all_serve_the_last() -> bool:
        return {await served_by(proxy) for _ in range(20)} == {last}

    assert await eventually(all_there)
    assert await eventually(all_serve_the_last)
    state = await off_loop(lambda: state_of(proxy))
    assert state["last_reload"]["errors"] == []
    assert "a reload failed inside" not in proxy.log.read_text(errors="replace")


@pytest.fixture(autouse=True)
def quiet(upstream: FakeUpstream) -> None:
    upstream.script = answer(completion())


async def test_a_large_configuration_is_taken_and_the_end_is_in_order(
    upstream: FakeUpstream, start_proxy: StartProxy, tmp_path: Path
) -> None:
    proxy = await off_loop(lambda: start_proxy(configuration(upstream, "old"), workers=2))
    config = configuration(upstream, "new")
    for number in range(300):
        text = tmp_path / f"{number}.txt"
        text.write_text("x" * 3000)
        variant = config["functions"]["f"]["variants"]["new"] | {"system_template": str(text)}
        config["functions"][f"f{number}"] = {"type": "chat", "variants": {"v": variant}}
    write_config(proxy.config, config)
    await reloaded(proxy, "applied")
    assert await served_by(proxy) == "new"
    assert await off_loop(proxy.stop) == 0
    assert "did not leave in time" not in proxy.tail()
