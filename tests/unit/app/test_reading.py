"""The child that reads the configuration leaves what reading it here would, faults included."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from proxy.app import reading as apart
from proxy.app.reading import begin_reading
from proxy.config.load import load_config
from proxy.config.loaded import LoadedConfig
from proxy.errors import ConfigError, Problem
from tests.unit.app.fleets import configuration


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "routes.yaml"
    path.write_text(json.dumps(configuration("a")))
    return str(path)


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "broken.yaml"
    path.write_text(json.dumps(configuration("a") | {"modles": {}, "tools": {"t": 3}}))
    return str(path)


@pytest.fixture(scope="module")
def start() -> Iterator[ProcessPoolExecutor]:
    """A process without threads, as the program's own at its start: of another none may fork."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield pool


def read_by_a_child(pattern: str) -> LoadedConfig:
    return begin_reading(pattern, {}).result()


def faults_found_by_a_child(pattern: str) -> tuple[list[Problem], str]:
    """The error itself does not come through a pool as it was."""
    with pytest.raises(ConfigError) as there:
        read_by_a_child(pattern)
    return there.value.problems, str(there.value)


def test_the_values_are_those_that_are_read_here(good: str, start: ProcessPoolExecutor) -> None:
    assert start.submit(read_by_a_child, good).result() == load_config(good, {})


def test_all_faults_are_told(bad: str, start: ProcessPoolExecutor) -> None:
    with pytest.raises(ConfigError) as here:
        load_config(bad, {})
    problems, text = start.submit(faults_found_by_a_child, bad).result()
    assert len(problems) > 1
    assert problems == here.value.problems
    assert text == str(here.value)


def test_another_interpreter_reads_the_same(good: str, bad: str) -> None:
    assert apart.load_config(good, {}) == load_config(good, {})
    with pytest.raises(ConfigError) as here:
        load_config(bad, {})
    with pytest.raises(ConfigError) as there:
        apart.load_config(bad, {})
    assert there.value.problems == here.value.problems


def test_it_has_the_environment_that_it_is_told(tmp_path: Path) -> None:
    entry = {"type": "openai", "model_name": "m", "api_key_location": "env::OF_NOBODY_ELSE"}
    config = configuration("a")
    config["models"]["m"] = {"routing": ["p"], "providers": {"p": entry}}
    path = tmp_path / "routes.yaml"
    path.write_text(json.dumps(config))
    assert apart.load_config(str(path), {"OF_NOBODY_ELSE": "x"}).config.models["m"]
    with pytest.raises(ConfigError, match="OF_NOBODY_ELSE"):
        apart.load_config(str(path), {})


def test_an_interpreter_that_fails_is_told_of(
    good: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(apart.sys, "path", ["/nowhere"])
    with pytest.raises(RuntimeError, match="ended with 1"):
        apart.load_config(good, {})
    assert "ModuleNotFoundError" in capfd.readouterr().err


def kill_the_child(pattern: str) -> LoadedConfig:
    reading = begin_reading(pattern, {})
    os.kill(reading.pid, signal.SIGKILL)
    return reading.result()


def test_what_a_killed_child_leaves_unread_is_read_by_another(
    good: str, start: ProcessPoolExecutor
) -> None:
    read = start.submit(kill_the_child, good).result()
    assert read.config.functions["f"].variants.keys() == {"a"}
