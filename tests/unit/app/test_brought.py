"""Variants that requests bring along are read by a child, as they would be here."""

from __future__ import annotations

import gc
import json
import os
import signal
from collections.abc import Iterator

import psutil
import pytest

from proxy.app.brought import VariantReader
from proxy.config.dynamic import read_variant
from proxy.config.surroundings import Surroundings
from proxy.errors import ConfigError

CHAT = Surroundings("chat", ("a", "b"), ("m",), ("e",))
GOOD = json.dumps({"type": "chat_completion", "model": "m", "temperature": 0.5}).encode()
BAD = json.dumps({"type": "chat_completion", "model": "nope", "wieght": 3}).encode()


def children() -> set[int]:
    return {each.pid for each in psutil.Process().children()}


@pytest.fixture
def reader() -> Iterator[VariantReader]:
    made = VariantReader()
    yield made
    made.close()


def test_the_values_are_those_that_are_read_here(reader: VariantReader) -> None:
    assert reader.read(GOOD, CHAT) == read_variant(GOOD, CHAT)


@pytest.mark.parametrize("raw", [BAD, b"{}", b"[" * 100_000, b'{"type": "\xff"}'])
def test_all_faults_are_told(reader: VariantReader, raw: bytes) -> None:
    with pytest.raises(ConfigError) as here:
        read_variant(raw, CHAT)
    with pytest.raises(ConfigError) as there:
        reader.read(raw, CHAT)
    assert there.value.problems == here.value.problems


def test_one_child_reads_them_all(reader: VariantReader) -> None:
    before = children()
    for _ in range(3):
        reader.read(GOOD, CHAT)
        with pytest.raises(ConfigError):
            reader.read(BAD, CHAT)
    assert len(children() - before) == 1


def test_a_child_that_died_is_replaced(reader: VariantReader) -> None:
    before = children()
    reader.read(GOOD, CHAT)
    (child,) = children() - before
    os.kill(child, signal.SIGKILL)
    assert reader.read(GOOD, CHAT) == read_variant(GOOD, CHAT)
    assert child not in children()


def test_a_fault_of_the_child_is_no_fault_of_the_variant(reader: VariantReader) -> None:
    with pytest.raises(RuntimeError, match="AttributeError"):
        reader.read(GOOD, None)  # type: ignore[arg-type]
    assert reader.read(GOOD, CHAT) == read_variant(GOOD, CHAT)


def test_nobody_is_left_behind() -> None:
    before = children()
    reader = VariantReader()
    reader.read(GOOD, CHAT)
    assert children() - before
    del reader
    gc.collect()
    assert children() == before
