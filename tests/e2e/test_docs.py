"""Every command and snippet of the README and the docs is run."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.config.load import load_config
from tests.harness import ROOT, Proxy

README = (ROOT / "README.md").read_text()
DATABASE = (ROOT / "docs" / "database.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def blocks(language: str, page: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.S)


@pytest.fixture(scope="module")
def running(open_folders: Path) -> Iterator[Proxy]:
    """The example configuration with its own Postgres, as `make run` serves it."""
    proxy = Proxy(ROOT / "routes.yaml", open_folders / "readme").start()
    yield proxy
    proxy.stop()


def here(text: str, proxy: Proxy) -> str:
    return text.replace("http://127.0.0.1:3000", proxy.base)


def test_the_first_curl_answers(running: Proxy) -> None:
    command = next(each for each in blocks("sh") if "/v1/chat/completions" in each)
    done = subprocess.run(
        shlex.split(here(command, running)), capture_output=True, timeout=30, check=True
    )
    assert json.loads(done.stdout)["object"] == "chat.completion"


def test_the_curl_of_a_json_function_answers_as_printed(running: Proxy) -> None:
    command = next(each for each in blocks("sh") if "/inference" in each)
    done = subprocess.run(
        shlex.split(here(command, running)), capture_output=True, timeout=30, check=True
    )
    printed = next(each for each in blocks("text") if "inference_id" in each)
    output = json.loads(done.stdout)["output"]
    assert json.dumps(output, separators=(",", ":")) in printed


def test_the_python_snippet_and_the_feedback_curl_work_together(running: Proxy) -> None:
    snippet = here(blocks("python")[0], running)
    done = subprocess.run(
        [sys.executable, "-c", snippet], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    variant, inference = done.stdout.strip().splitlines()[-1].split()
    assert variant in ("classic", "bold")
    command = next(each for each in blocks("sh") if "/feedback" in each)
    filled = here(command, running).replace("INFERENCE_ID", inference)
    answered = subprocess.run(shlex.split(filled), capture_output=True, timeout=30, check=True)
    assert "feedback_id" in json.loads(answered.stdout)


def test_the_query_runs_in_the_prompt_that_is_named(running: Proxy) -> None:
    running.settle()
    printed = blocks("text")[-1].splitlines()[0]
    shown = ask(running, blocks("sql")[0])
    assert re.sub(r"\s+", " ", printed) in re.sub(r"\s+", " ", shown)


@pytest.mark.parametrize("query", blocks("sql", DATABASE))
def test_the_queries_of_the_page_on_the_database_find_what_they_say(
    running: Proxy, query: str
) -> None:
    status, _, _ = running.chat("tensorzero::function_name::haiku")
    assert status == 200
    status, _, _ = running.chat("dummy::error")
    assert status == 502
    running.settle()
    assert "(0 rows)" not in ask(running, query)


def ask(proxy: Proxy, query: str) -> str:
    """What psql prints."""
    done = subprocess.run(
        [sys.executable, "-m", "proxy", "psql", "-c", query],
        cwd=ROOT,
        env=os.environ | {"ZEROPROXY_STATE_DIR": str(proxy.state)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_configuration_snippets_load(tmp_path: Path) -> None:
    for number, text in enumerate(blocks("yaml")):
        path = tmp_path / f"snippet-{number}.yaml"
        path.write_text(text)
        load_config(str(path), {"OPENAI_API_KEY": "x"})


def test_every_make_target_that_is_named_exists() -> None:
    named = re.findall(r"(?:`|^)make ([a-z]+)", README, re.M)
    for target in named:
        assert re.search(rf"^{target}:", MAKEFILE, re.M), target
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("run", "test", "prove", "check", "format", "bench", "migrate"):
        assert f"make {target}" in listed.stdout


def test_the_commands_named_exist(tmp_path: Path) -> None:
    for line in blocks("sh")[-1].splitlines():
        words = shlex.split(line)
        assert words[0] == "zeroproxy"
        done = subprocess.run(
            [sys.executable, "-m", "proxy", words[1].replace("--help", "version"), "--help"],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        for option in (word for word in words[2:] if word.startswith("--")):
            assert option in done.stdout, option


def test_links_lead_somewhere() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
