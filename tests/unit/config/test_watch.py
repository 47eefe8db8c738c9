"""A change of content is seen, whatever way the files are changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proxy.config.load import load_config
from proxy.config.watch import ConfigWatch, credential_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "config"
    made.mkdir()
    (made / "a.yaml").write_text("a")
    return made


def watch(folder: Path, *more: Path) -> ConfigWatch:
    return ConfigWatch(str(folder / "*.yaml"), more)


def test_nothing_changed_is_nothing_changed(folder: Path) -> None:
    watching = watch(folder)
    assert watching.digest() == watching.digest()


def test_files_that_come_and_go_count(folder: Path) -> None:
    watching = watch(folder)
    one = watching.digest()
    (folder / "b.yaml").write_text("b")
    two = watching.digest()
    (folder / "b.yaml").unlink()
    assert one != two and watching.digest() == one


def test_what_is_not_matched_does_not_count(folder: Path) -> None:
    watching = watch(folder)
    before = watching.digest()
    (folder / "a.yaml~").write_text("x")
    assert watching.digest() == before


def test_a_text_moved_to_another_name_counts(folder: Path) -> None:
    watching = watch(folder)
    before = watching.digest()
    (folder / "a.yaml").rename(folder / "b.yaml")
    assert watching.digest() != before


def test_a_change_that_keeps_the_size_and_the_time_is_seen(folder: Path) -> None:
    """As when a deployment copies files with their times."""
    watching, path = watch(folder), folder / "a.yaml"
    os.utime(path, ns=(10**18, 10**18))
    before = watching.digest()
    path.write_text("b")
    os.utime(path, ns=(10**18, 10**18))
    assert watching.digest() != before


def test_a_link_is_followed_to_what_it_leads_to_now(folder: Path) -> None:
    for version in ("one", "two"):
        (folder / f"..{version}").mkdir()
        (folder / f"..{version}" / "l.yaml").write_text(version)
    (folder / "..data").symlink_to("..one")
    (folder / "l.yaml").symlink_to("..data/l.yaml")
    watching = watch(folder)
    before = watching.digest()
    (folder / "..next").symlink_to("..two")
    (folder / "..next").rename(folder / "..data")
    assert watching.digest() != before


def test_files_named_elsewhere_count_also_when_they_are_not_there_yet(folder: Path) -> None:
    key = folder / "key"
    watching = watch(folder, key)
    absent = watching.digest()
    key.write_text("k")
    there = watching.digest()
    key.write_text("other")
    assert len({absent, there, watching.digest()}) == 3


def test_credential_files_are_found_wherever_they_may_be_named(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d", "e"):
        (tmp_path / name).write_text("k")
    path = tmp_path / "routes.yaml"
    path.write_text(
        f"""
models:
  m:
    routing: [p, q, r]
    providers:
      p: {{type: openai, model_name: x, api_key_location: "path::{tmp_path}/a"}}
      r: {{type: aws_bedrock, model_id: x, region: "path::{tmp_path}/e", api_key: "dynamic::k"}}
      q:
        type: openai
        model_name: x
        api_key_location: {{default: "dynamic::k", fallback: "path_from_env::KEY"}}
embedding_models:
  e:
    routing: [p]
    providers:
      p: {{type: openai, model_name: x, api_key_location: "path::{tmp_path}/c"}}
zeroproxy:
  default_provider: {{type: openai, api_key_location: "path::{tmp_path}/d"}}
  api_keys: [{{name: k, sha256: "{"0" * 64}"}}]
"""
    )
    environ = {"KEY": str(tmp_path / "b")}
    found = credential_files(load_config(str(path), environ).config, environ)
    assert sorted(file.name for file in found) == ["a", "b", "c", "d", "e"]
