"""What waits for a restart keeps its value, and everything else is taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.config.fixed import FIXED, hold_fixed
from proxy.config.load import LoadedConfig, load_config

PAGE = (Path(__file__).parents[3] / "docs/configuration.md").read_text(encoding="utf-8")
BASE = "models: {m: {routing: [d], providers: {d: {type: dummy, model_name: good}}}}\n"


def load(folder: Path, text: str) -> LoadedConfig:
    path = folder / "routes.yaml"
    path.write_text(BASE + text)
    return load_config(str(path), {})


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('gateway: {bind_address: "127.0.0.1:3999"}', "gateway.bind_address"),
        ("postgres: {inference_data_retention_days: 3}", "postgres"),
        ("zeroproxy: {recording: {batch_rows: 7}}", "zeroproxy.recording"),
        ("zeroproxy: {latency_buckets: [1.0, 2.0]}", "zeroproxy.latency_buckets"),
        ("zeroproxy: {retry_budget: {window_s: 3}}", "zeroproxy.retry_budget.window_s"),
        ("zeroproxy: {logging: {format: json}}", "zeroproxy.logging.format"),
    ],
)
def test_a_fixed_key_keeps_its_value_and_is_named(tmp_path: Path, text: str, key: str) -> None:
    started = load(tmp_path, "")
    wanted = load(tmp_path, text)
    held, waiting = hold_fixed(wanted, started)
    assert waiting == [key]
    assert held.config == started.config
    assert held.snapshot == wanted.snapshot


def test_beside_a_fixed_key_others_are_taken(tmp_path: Path) -> None:
    started = load(tmp_path, "")
    text = "zeroproxy: {retry_budget: {window_s: 3, ratio: 0.7}, logging: {level: debug}}"
    held, waiting = hold_fixed(load(tmp_path, text), started)
    own = held.config.zeroproxy
    assert waiting == ["zeroproxy.retry_budget.window_s"]
    assert own.retry_budget.window_s == started.config.zeroproxy.retry_budget.window_s
    assert (own.retry_budget.ratio, own.logging.level) == (0.7, "debug")


def test_what_goes_back_to_its_start_waits_no_longer(tmp_path: Path) -> None:
    started = load(tmp_path, "")
    assert hold_fixed(load(tmp_path, "metrics: {}"), started)[1] == []


def test_the_page_names_the_fixed_keys() -> None:
    (listed,) = (part for part in PAGE.split("\n\n") if "wait for a restart;" in part)
    assert all(f"`{'.'.join(path)}`" in listed for path in FIXED)
