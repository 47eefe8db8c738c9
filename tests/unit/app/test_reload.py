"""What the main process makes of changed files and of requests to reload."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from proxy.app import reload
from proxy.app.demonstrations import CurrentDemonstrations, build_demonstrations
from proxy.app.fleet import Fleet
from proxy.app.host import Host
from proxy.app.reload import Reloader
from proxy.app.spec import Prepare
from proxy.app.telemetry import create_cells, open_telemetry, plan_catalogue
from proxy.config.load import load_config
from proxy.telemetry import families as f
from proxy.telemetry.loop_lag import LoopLag
from tests.harness import eventually
from tests.unit.app.fleets import configuration, load


class Obliging(Fleet):
    """A fleet without workers that takes everything, after `meanwhile` was called."""

    def __init__(self) -> None:
        super().__init__([], lambda slot: None, lambda: None, lambda count: None)
        self.meanwhile: Callable[[], None] = lambda: None
        self.asked = 0

    async def prepare(self, word: Prepare, seconds: float) -> list[str]:
        self.asked += 1
        self.meanwhile()
        return []


@dataclass
class Running:
    reloader: Reloader
    fleet: Obliging
    host: Host
    folder: Path

    def save(self, config: Mapping[str, Any]) -> None:
        (self.folder / "routes.yaml").write_text(json.dumps(config))

    def variants(self) -> list[str]:
        return list(self.reloader.current.config.functions["f"].variants)

    async def serves(self, variant: str) -> bool:
        async def look() -> bool:
            return self.variants() == [variant]

        return bool(await eventually(look, 60))

    async def ended(self, result: str) -> dict[str, Any]:
        """The last attempt, once there is one with this result."""

        async def look() -> dict[str, Any] | None:
            last = self.reloader.report()["last_reload"]
            return last if last and last["result"] == result else None

        found: dict[str, Any] = await eventually(look, 60)
        return found

    def count(self, result: str) -> float:
        return self.host.telemetry.metrics.cell(f.RELOADS, result).get()


@pytest.fixture
async def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    monkeypatch.setattr(reload, "POLL_SECONDS", 0.02)
    level = logging.getLogger().level
    loaded = load(tmp_path, configuration("old"))
    catalogue = plan_catalogue(loaded)
    create_cells(tmp_path / "cells", catalogue, 1)
    telemetry = open_telemetry(tmp_path / "cells", loaded, 0, catalogue)
    lag = LoopLag(lambda seconds: None)
    host = Host(
        tmp_path / "cells",
        None,
        None,
        telemetry,
        None,
        None,
        [],
        lag,
        "0" * 12,
        CurrentDemonstrations(build_demonstrations(loaded.config)),
    )
    host.config_hash = loaded.snapshot.hash.hex()[:12]
    reloader = Reloader(str(tmp_path / "routes.yaml"), loaded, {})
    fleet = Obliging()
    task = asyncio.create_task(reloader.run(host, fleet))
    yield Running(reloader, fleet, host, tmp_path)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    logging.getLogger().setLevel(level)


async def test_a_file_saved_while_another_is_being_taken_is_taken_next(running: Running) -> None:
    def save_again() -> None:
        running.fleet.meanwhile = lambda: None
        running.save(configuration("second"))

    running.fleet.meanwhile = save_again
    running.save(configuration("first"))
    assert await running.serves("second")


async def test_a_request_during_a_reload_causes_one_more(running: Running) -> None:
    def ask_again() -> None:
        running.fleet.meanwhile = lambda: None
        running.reloader.request()
        running.reloader.request()

    running.fleet.meanwhile = ask_again
    running.reloader.request()

    async def twice() -> bool:
        return running.fleet.asked == 2

    assert await eventually(twice, 60)
    await asyncio.sleep(0.2)
    assert running.fleet.asked == 2


async def test_a_request_without_a_change_is_called_so(running: Running) -> None:
    since = running.reloader.report()["since"]
    running.reloader.request()
    assert (await running.ended("unchanged"))["errors"] == []
    assert running.fleet.asked == 1, "workers build it all the same: credentials are read again"
    assert running.reloader.report()["since"] == since
    assert running.count("unchanged") == 1
    assert running.host.telemetry.metrics.cell(f.RELOAD_OK).get() == 1


async def test_a_refused_file_is_not_tried_over_and_over(running: Running) -> None:
    running.save({"models": {"m": {"routing": [], "providers": {}}}})
    refused = await running.ended("refused")
    assert "`routing` must not be empty" in refused["errors"][0]
    await asyncio.sleep(0.2)
    assert running.count("refused") == 1
    assert running.variants() == ["old"]
    running.save(configuration("old"))
    await running.ended("unchanged")


async def test_a_text_that_is_named_for_the_first_time_is_watched(running: Running) -> None:
    config = configuration("new")
    config["functions"]["f"]["variants"]["new"]["system_template"] = "text.minijinja"
    (running.folder / "text.minijinja").write_text("one")
    running.save(config)
    assert await running.serves("new")
    (running.folder / "text.minijinja").write_text("two")

    def text() -> str:
        template = running.reloader.current.config.functions["f"].variants["new"].system_template
        return "" if template is None else template.text

    async def second() -> bool:
        return text() == "two"

    assert await eventually(second)


async def test_a_text_changed_after_it_was_read_for_the_first_time_is_read_again(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configuration("new")
    config["functions"]["f"]["variants"]["new"]["system_template"] = "text.minijinja"
    text = running.folder / "text.minijinja"
    text.write_text("one")

    def load_and_change(pattern: str, environ: Mapping[str, str]) -> Any:
        loaded = load_config(pattern, environ)
        text.write_text("two")
        return loaded

    monkeypatch.setattr(reload, "load_config", load_and_change)
    running.save(config)

    async def second() -> bool:
        variant = running.reloader.current.config.functions["f"].variants.get("new")
        template = None if variant is None else variant.system_template
        return template is not None and template.text == "two"

    assert await eventually(second)


async def test_what_waits_for_a_restart_keeps_its_value_and_is_named(running: Running) -> None:
    config = configuration("new") | {
        "zeroproxy": {"latency_buckets": [1.0], "limits": {"max_request_bytes": 77}}
    }
    before = running.reloader.current.config.zeroproxy.latency_buckets
    running.save(config)
    assert await running.serves("new")
    own = running.reloader.current.config.zeroproxy
    assert own.latency_buckets == before and own.limits.max_request_bytes == 77
    assert running.reloader.report()["waits_for_restart"] == ["zeroproxy.latency_buckets"]


async def test_names_beyond_the_room_for_metrics_ask_for_a_restart(running: Running) -> None:
    running.host.telemetry.cells.capacity = running.host.telemetry.catalogue.size
    running.save(configuration("new"))
    refused = await running.ended("refused")
    assert "restart" in refused["errors"][0]
    assert running.variants() == ["old"] and running.fleet.asked == 0


async def test_a_number_that_was_counted_before_keeps_its_place(running: Running) -> None:
    before = running.host.telemetry.catalogue
    running.save(configuration("new"))
    assert await running.serves("new")
    after = running.host.telemetry.catalogue
    assert after.series[: len(before.series)] == before.series
    assert after.size > before.size


async def test_the_level_of_the_log_follows_and_its_form_waits(running: Running) -> None:
    config = configuration("new") | {"zeroproxy": {"logging": {"level": "error", "format": "json"}}}
    running.save(config)
    assert await running.serves("new")
    assert logging.getLogger().level == logging.ERROR
    assert running.reloader.report()["waits_for_restart"] == ["zeroproxy.logging.format"]
