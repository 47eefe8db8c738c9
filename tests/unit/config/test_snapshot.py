"""The text and hash that every recorded exchange refers to."""

from __future__ import annotations

import hashlib
import json

YAML = """\
models:
  m:
    routing: [p]
    providers: {p: {type: dummy, model_name: good}}
functions:
  f:
    type: chat
    variants: {v: {type: chat_completion, model: m, weight: 0.5, system_template: t.txt}}
"""
TOML = """\
[functions.f]
type = "chat"
variants.v = {weight = 0.5, model = "m", system_template = "t.txt", type = "chat_completion"}
[models.m.providers.p]
model_name = "good"
type = "dummy"
[models.m]
routing = ["p"]
"""


def test_yaml_and_toml_of_the_same_content_have_the_same_hash(load):
    one = load({"a.yaml": YAML, "t.txt": "Be brief."})
    two = load({"a.toml": TOML, "t.txt": "Be brief."})
    assert one.snapshot == two.snapshot
    assert one.config == two.config


def test_one_file_and_the_same_in_two_have_the_same_hash(load):
    whole = load({"a.yaml": YAML, "t.txt": "x"})
    models, functions = YAML.split("functions:")
    parts = {"d/b.yaml": models, "d/a.yaml": "functions:" + functions, "d/t.txt": "x"}
    assert load(parts, "d/*.yaml").snapshot == whole.snapshot


def test_the_hash_changes_with_a_value_and_with_the_text_of_a_template(load):
    hashes = {
        load({"a.yaml": YAML, "t.txt": "x"}).snapshot.hash,
        load({"a.yaml": YAML, "t.txt": "y"}).snapshot.hash,
        load({"a.yaml": YAML.replace("0.5", "0.6"), "t.txt": "x"}).snapshot.hash,
    }
    assert len(hashes) == 3


def test_the_text_is_canonical_json_and_the_hash_is_its_sha256(load):
    snapshot = load({"a.yaml": YAML, "t.txt": "naïve"}).snapshot
    tree = json.loads(snapshot.text)
    variant = tree["functions"]["f"]["variants"]["v"]
    assert variant["system_template"] == {"__tensorzero_remapped_path": "t.txt", "__data": "naïve"}
    assert len(snapshot.hash) == 32
    assert hashlib.sha256(snapshot.text.encode()).digest() == snapshot.hash
