"""A process without validators has the same values as the one that read them."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.config.load import LoadedConfig, load_config
from tests.unit.config.described import describe_blocking, describe_config, describe_schema
from tests.unit.config.test_whole_schema import KEYS

ROOT = Path(__file__).resolve().parents[3]
SAMPLES = ROOT / "tests/data/config"
FILES = (
    SAMPLES / "desk/tensorzero.toml",
    SAMPLES / "operations.toml",
    SAMPLES / "vendors.toml",
    ROOT / "routes.yaml",
)

PLAIN = """\
import pickle, sys
import proxy.config.plain
from tests.unit.config import described
{work}
assert not any(name.startswith("pydantic") for name in sys.modules), "it was loaded after all"
"""


def plainly(work: str, told: bytes = b"") -> bytes:
    """What `work` writes in a process without validators."""
    code = PLAIN.format(work=work)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, input=told, capture_output=True)
    assert not done.returncode, done.stderr.decode()
    return done.stdout


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def loaded(request: pytest.FixtureRequest) -> LoadedConfig:
    return load_config(str(request.param), KEYS)


def test_every_value_and_what_follows_from_it_is_the_same(loaded: LoadedConfig) -> None:
    work = "sys.stdout.write(described.describe_config(pickle.load(sys.stdin.buffer).config))"
    assert plainly(work, pickle.dumps(loaded)).decode() == describe_config(loaded.config)


def test_the_same_calls_are_refused(loaded: LoadedConfig) -> None:
    work = "sys.stdout.write(described.describe_blocking(pickle.load(sys.stdin.buffer).config))"
    assert plainly(work, pickle.dumps(loaded)).decode() == describe_blocking(loaded.config)


def test_values_come_back_as_they_went(loaded: LoadedConfig) -> None:
    work = "sys.stdout.buffer.write(pickle.dumps(pickle.load(sys.stdin.buffer)))"
    assert pickle.loads(plainly(work, pickle.dumps(loaded))) == loaded


def test_every_default_and_every_shorthand_is_the_same() -> None:
    work = "sys.stdout.write(described.describe_schema())"
    assert plainly(work).decode() == describe_schema()


def test_tables_are_values() -> None:
    plainly(
        """
from proxy.config.schema import Retries, Timeouts
one, same = Retries.by_default(), Retries.by_default()
assert one == same and hash(one) == hash(same) and one != Timeouts.by_default()
other = one.model_copy(update={"num_retries": 7})
assert other != one and other.num_retries == 7 and other.model_fields_set == {"num_retries"}
assert "num_retries=7" in repr(other)
for change in (lambda: setattr(one, "num_retries", 1), lambda: delattr(one, "num_retries")):
    try:
        change()
    except AttributeError:
        continue
    raise AssertionError("it is not frozen")
try:
    Retries()
except TypeError:
    sys.exit(0)
raise AssertionError("a table came without its keys")
"""
    )
