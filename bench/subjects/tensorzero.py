"""TensorZero's engine from its wheel: the gateway in Rust, with its own server and threads.

Its recording is off, because it cannot be had here: recording in Postgres wants a database that the
gateway's own program has migrated, with the extensions pg_cron and pg_trgm; the wheel has no such
program, and the Postgres of the wheel beside it none of these extensions.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import tempfile
import time
from pathlib import Path

from bench.checking import Kind
from bench.errors import BenchError, Missing
from bench.loads.target import Target
from bench.programs import START_S, Program
from bench.scenarios import Scenario
from bench.subjects.base import Subject, Surroundings

_ADDRESS = re.compile(r"^serves http://127\.0\.0\.1:(\d+)/", re.MULTILINE)
PATH = "/openai/v1/chat/completions"
MODEL = "tensorzero::function_name::bench"
CONFIGURATION = """
[gateway]
observability.enabled = false

[models.bench]
routing = ["mock"]

[models.bench.providers.mock]
type = "openai"
model_name = "bench-model"
api_base = {api_base}
api_key_location = "none"

[functions.bench]
type = "chat"

[functions.bench.variants.a]
type = "chat_completion"
model = "bench"

[functions.bench.variants.b]
type = "chat_completion"
model = "bench"

[functions.bench.experimentation]
type = "static"
candidate_variants = {{ a = 0.9, b = 0.1 }}
"""


class TensorZero(Subject):
    """It has one way to be asked, that of its envelope."""

    def target(self, scenario: Scenario) -> Target:
        return Target(self.port, PATH, MODEL, self.checks(), scenario.script)

    def checks(self) -> Kind:
        return "sense"


def start_tensorzero(at: Surroundings) -> Subject:
    """Raises Missing where the wheel is not installed."""
    if importlib.util.find_spec("tensorzero") is None:
        raise Missing("TensorZero's wheel is not installed (pip install tensorzero)")
    folder = Path(tempfile.mkdtemp(prefix="tensorzero-", dir=at.folder))
    config = folder / "tensorzero.toml"
    api_base = json.dumps(f"http://127.0.0.1:{at.port}/v1/")
    config.write_text(CONFIGURATION.format(api_base=api_base))
    program = Program(
        [sys.executable, "-m", "bench.subjects.tensorzero_server", str(config)],
        cores=at.server_cores,
        log=folder / "log",
    )
    return TensorZero("tensorzero", wait_port(program), program)


def wait_port(program: Program) -> int:
    """It chooses its port itself, and says so when it listens."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        program.check()
        if found := _ADDRESS.search(program.said()):
            return int(found[1])
        time.sleep(0.005)
    raise BenchError(f"TensorZero did not start:\n{program.said()}")
