"""The `openai` client for Node, run as its users run it."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import StartProxy, off_loop
from tests.fake_openai import like_openai
from tests.fake_upstream import FakeUpstream
from tests.harness import Proxy, one_provider

SCRIPTS = Path(__file__).parent / "node"
INSTALL = ("install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error")
INSTALL_SECONDS = 120


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the scripts and the client."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("there is no Node.js here")
    folder = tmp_path_factory.mktemp("node")
    shutil.copytree(SCRIPTS, folder, dirs_exist_ok=True)
    done = subprocess.run(
        [npm, *INSTALL], cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS
    )
    if done.returncode:
        pytest.skip(f"the Node client cannot be installed: {done.stderr[-300:]}")
    return folder


@pytest.fixture
async def proxy(upstream: FakeUpstream, start_proxy: StartProxy) -> AsyncIterator[Proxy]:
    upstream.script = like_openai
    config = one_provider(upstream.api_base, default_provider={"api_base": upstream.api_base})
    dummy = {"type": "dummy", "model_name": "good"}
    config["embedding_models"] = {"e": {"routing": ["d"], "providers": {"d": dummy}}}
    yield await off_loop(lambda: start_proxy(config))


@pytest.mark.parametrize("script", ["relay", "envelope"])
async def test_the_node_client_works(installed: Path, proxy: Proxy, script: str) -> None:
    process = await asyncio.create_subprocess_exec(
        "node",
        f"{script}.mjs",
        cwd=installed,
        env=os.environ | {"BASE": proxy.base},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0 and output.strip() == b"ok", output.decode()
