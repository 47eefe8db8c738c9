"""Files, globs, merging and the paths in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from proxy.config.files import translate

MODEL = "models: {%s: {routing: [p], providers: {p: {type: dummy, model_name: good}}}}\n"


def test_files_of_a_glob_are_merged_whatever_their_format(load):
    files = {
        "conf/a.yaml": MODEL % "a",
        "conf/b.toml": '[models.b]\nrouting=["p"]\nproviders.p={type="dummy",model_name="x"}\n',
        "conf/c.yml": "gateway: {debug: true}",
        "conf/readme.md": "not configuration",
    }
    loaded = load(files, "conf/*")
    assert sorted(loaded.config.models) == ["a", "b"]
    assert loaded.config.gateway.debug
    assert [str(file) for file in loaded.files] == ["conf/a.yaml", "conf/b.toml", "conf/c.yml"]


def test_tables_join_down_to_single_keys(load):
    files = {
        "a.yaml": "gateway: {observability: {enabled: true}}",
        "b.yaml": "gateway: {observability: {async_writes: false}, debug: true}",
    }
    gateway = load(files, "{a,b}.yaml").config.gateway
    assert gateway.observability.enabled is True
    assert gateway.observability.async_writes is False


def test_the_same_value_in_two_files_names_both(problems):
    files = {"a.yaml": "gateway: {debug: true}", "b.toml": "\n[gateway]\ndebug = true\n"}
    (problem,) = problems(files, "*")
    assert (problem.file, problem.key) == ("b.toml:3", "gateway.debug")
    assert "`a.yaml:1` and `b.toml:3`" in problem.message
    assert "one of these files" in problem.remedy


def test_lists_are_not_joined(problems):
    files = {
        "a.yaml": "zeroproxy: {latency_buckets: [1]}",
        "b.yaml": "zeroproxy: {latency_buckets: [2]}",
    }
    assert [problem.key for problem in problems(files, "*.yaml")] == ["zeroproxy.latency_buckets"]


def test_a_template_path_counts_from_the_file_that_names_it(load):
    variant = "{type: chat_completion, model: 'dummy::a', system_template: p.txt}"
    function = "functions: {%s: {type: chat, variants: {v: " + variant + "}}}"
    files = {
        "one/a.yaml": function % "f",
        "one/p.txt": "first",
        "two/b.yaml": function % "g",
        "two/p.txt": "second",
    }
    loaded = load(files, "**/*.yaml")
    texts = {
        name: f.variants["v"].system_template.text for name, f in loaded.config.functions.items()
    }
    assert texts == {"f": "first", "g": "second"}
    assert Path("one/p.txt") in loaded.files


def test_versions_of_a_mounted_config_map_are_read_once(load, folder):
    (folder / "..2024").mkdir()
    (folder / "..2024/routes.yaml").write_text(MODEL % "a")
    (folder / "..data").symlink_to("..2024")
    (folder / "routes.yaml").symlink_to("..data/routes.yaml")
    assert list(load({}, "**/*.yaml").config.models) == ["a"]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("nope.yaml", "does not exist"),
        ("nope/*.yaml", "no files matched the glob pattern"),
        ("*.txt", "matches no files that end in .yaml"),
        ("a.txt", "not a known kind of file"),
        (".", "is a directory"),
        ("*.{yaml", "not a valid glob"),
    ],
)
def test_a_pattern_without_configuration_says_why(pattern, message, problems):
    (problem,) = problems({"a.txt": ""}, pattern)
    assert problem.file == pattern
    assert message in problem.message
    assert problem.remedy


@pytest.mark.parametrize(
    ("glob", "matching", "other"),
    [
        ("*.yaml", ["a.yaml"], ["a/b.yaml", "a.yamlx"]),
        ("?.yaml", ["a.yaml"], ["ab.yaml", "/.yaml"]),
        ("**/*.yaml", ["a.yaml", "a/b.yaml", "a/b/c.yaml"], ["a.toml"]),
        ("a/**", ["a/b", "a/b/c"], ["b/a"]),
        ("a/**/z.yaml", ["a/z.yaml", "a/b/z.yaml"], ["a/bz.yaml"]),
        ("[ab].yaml", ["a.yaml", "b.yaml"], ["c.yaml"]),
        ("[!ab].yaml", ["c.yaml"], ["a.yaml", "/.yaml"]),
        ("[a-c]x", ["bx"], ["dx"]),
        ("[]]x", ["]x"], ["ax"]),
        ("{a,b/*}.toml", ["a.toml", "b/c.toml"], ["c.toml", "{a,b/*}.toml"]),
        ("a,b.yaml", ["a,b.yaml"], ["a"]),
        (r"\*.yaml", ["*.yaml"], ["a.yaml"]),
    ],
)
def test_globs_match_as_documented(glob, matching, other):
    wanted = re.compile(translate(glob) + r"\Z", re.S)
    assert [path for path in matching if not wanted.match(path)] == []
    assert [path for path in other if wanted.match(path)] == []
