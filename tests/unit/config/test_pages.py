"""The shipped example and the documentation say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from proxy.config.describe import insert_key_tables
from proxy.config.load import load_config
from proxy.config.problems import render_problems

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
_LINE = re.compile(r"( *)# ( *)((?:- )?[\w{-]+:(?: .*)?|- \{.*)$")


def example(name: str) -> str:
    found = re.search(rf"<!-- example: {re.escape(name)} -->\n```\w+\n(.*?)```", PAGE, re.S)
    assert found is not None
    return found[1]


def test_the_documented_keys_are_those_of_the_schema():
    assert insert_key_tables(PAGE) == PAGE, (
        "run: python -m proxy.config.describe docs/configuration.md"
    )


def test_the_documented_errors_are_those_that_appear(problems):
    found = problems({"broken.yaml": example("broken.yaml")})
    assert render_problems(found) == example("answer").rstrip("\n")


def test_the_first_example_of_the_page_loads(load):
    found = re.search(r"```yaml\n(.*?)```", PAGE, re.S)
    assert found is not None
    config = load(found[1], environ={"OPENAI_API_KEY": "x"}).config
    assert list(config.functions["haiku"].variants) == ["calm", "wild"]


def test_the_shipped_configuration_needs_no_key_and_splits_a_function_in_two():
    config = load_config(str(ROOT / "routes.yaml"), {}).config
    weights = [variant.weight for variant in config.functions["haiku"].variants.values()]
    assert len(weights) == 2
    assert sum(weight or 0 for weight in weights) == 1
    assert {"demo"} <= config.models.keys()
    assert {metric.level for metric in config.metrics.values()} == {"inference", "episode"}


def test_the_commented_parts_of_the_shipped_configuration_load_too(load):
    lines = (ROOT / "routes.yaml").read_text(encoding="utf-8").splitlines()
    text = "\n".join(_LINE.sub(r"\1\2\3", line) for line in lines)
    named = {f"routes/{file.name}": file.read_text() for file in (ROOT / "routes").iterdir()}
    files = {"routes.yaml": text, "prompts/bold.txt": "Be bold.", **named}
    config = load(files, environ={"OPENAI_API_KEY": "x"}).config
    assert {"gpt", "local_server"} <= config.models.keys()
    assert config.functions["haiku"].variants["bold"].system_template is not None
    assert config.zeroproxy.api_keys
