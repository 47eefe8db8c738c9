"""What workers are forked of: how much it loads, who shares it, and that it can be replaced."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from proxy.app.decoders import Decoders
from proxy.config.load import load_config
from tests.harness import eventually
from tests.unit.app.fleets import crew

ROOT = Path(__file__).resolve().parents[3]

LOAD = """\
import json, os, pickle, sys
from proxy.app.image import load
load()
import proxy.app.supervisor
from proxy.config.loaded import LoadedConfig
pickle.load(sys.stdin.buffer)
threads = os.listdir("/proc/self/task") if os.path.isdir("/proc/self/task") else ["1"]
print(json.dumps({"modules": sorted(sys.modules), "threads": threads}))
"""

FOR_SOME = (
    "aiohttp.web",
    "aiohttp.web_app",
    "azure",
    "botocore",
    "difflib",
    "google",
    "jsonschema_rs",
    "minijinja",
    "proxy.providers.anthropic",
    "proxy.providers.bedrock",
    "proxy.providers.gemini",
    "proxy.providers.openai_responses",
    "proxy.providers.sagemaker",
    "proxy.wire.converse.encode",
    "proxy.wire.gemini",
    "proxy.wire.messages",
    "proxy.wire.responses.encode",
    "pydantic",
    "pydantic_core",
    "requests",
    "tomllib",
)
"""What a configuration without clouds, schemas, faults and other protocols has no use for."""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What a fresh interpreter has, once it has loaded all code and a small configuration."""
    entry = {"type": "chat_completion", "model": "m"}
    config = {
        "models": {
            "m": {"routing": ["d"], "providers": {"d": {"type": "dummy", "model_name": "good"}}}
        },
        "functions": {"f": {"type": "chat", "variants": {"a": entry}}},
    }
    path = tmp_path_factory.mktemp("image") / "routes.json.yaml"
    path.write_text(json.dumps(config))
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        cwd=ROOT,
        input=pickle.dumps(load_config(str(path), {})),
        capture_output=True,
        check=True,
    )
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("module", FOR_SOME)
def test_what_only_some_configurations_need_is_not_loaded_for_all(
    loaded: dict[str, list[str]], module: str
) -> None:
    below = [name for name in loaded["modules"] if f"{name}.".startswith(f"{module}.")]
    assert not below


def test_nothing_that_is_loaded_has_begun_a_thread(loaded: dict[str, list[str]]) -> None:
    """Or the process could not be forked: the thread's locks would be held for good."""
    assert len(loaded["threads"]) == 1


def test_every_decoder_can_be_loaded() -> None:
    decoders = Decoders()
    assert {name for name in decoders if callable(decoders[name].decode_call)} == set(decoders)
    assert decoders["native"] is decoders["native"]
    assert decoders.get("no such wire") is None


async def test_an_image_that_dies_is_made_anew_and_so_are_the_workers(tmp_path: Path) -> None:
    async with crew(tmp_path, 2) as team:
        (image,) = {worker.ppid() for worker in team.workers()}
        psutil.Process(image).kill()

        async def noticed() -> bool:
            return len(team.deaths) == 2

        assert await eventually(noticed)
        await team.all_back()
        assert await team.all_serve("old")
        assert image not in {worker.ppid() for worker in team.workers()}
