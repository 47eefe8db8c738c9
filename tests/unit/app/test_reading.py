"""The child that reads the configuration leaves what reading it here would, faults included."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from proxy.app.reading import begin_reading
from proxy.config.load import load_config
from proxy.errors import ConfigError
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


def test_the_values_are_those_that_are_read_here(good: str) -> None:
    assert begin_reading(good, {}).result() == load_config(good, {})


def test_all_faults_are_told(bad: str) -> None:
    with pytest.raises(ConfigError) as here:
        load_config(bad, {})
    with pytest.raises(ConfigError) as there:
        begin_reading(bad, {}).result()
    assert len(there.value.problems) > 1
    assert there.value.problems == here.value.problems
    assert str(there.value) == str(here.value)


def test_what_a_killed_child_leaves_unread_is_read_here(good: str) -> None:
    reading = begin_reading(good, {})
    os.kill(reading.pid, signal.SIGKILL)
    assert reading.result().config.functions["f"].variants.keys() == {"a"}
