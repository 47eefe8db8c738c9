"""Secrets: their presence is checked, their values go nowhere."""

from __future__ import annotations

import json

import pytest

from proxy.config.problems import render_problems

SECRET = "sk-proj-VerySecretValue1234567890"


def provider(extra: str) -> str:
    text = f"{{type: openai, model_name: x, {extra}}}"
    return f"models: {{m: {{routing: [p], providers: {{p: {text}}}}}}}"


@pytest.mark.parametrize(
    "text",
    [
        provider(f"api_key_location: {SECRET}"),
        provider(f'api_key_location: "sk::{SECRET}"'),
        provider(f"api_key_location: [{SECRET}]"),
        provider(f"api_key_location: {{default: {SECRET}, fallback: none}}"),
        provider(f"api_key_location: none, api_base: 'https://user:{SECRET}@example.com/'"),
        provider(f"api_key_location: none, api_type: {SECRET}"),
        provider(f"api_key_location: none, timeouts: {SECRET}"),
        provider(f"api_key_location: none, extra_headers: [{{name: a, value: [{SECRET}]}}]"),
        f"zeroproxy: {{api_keys: [{{name: a, sha256: {SECRET}}}]}}",
        f"zeroproxy: {{api_keys: [{{name: a, key: {SECRET}}}]}}",
        f"zeroproxy: {{api_keys: {SECRET}}}",
        f"functions: {{f: {{type: chat, variants: {{v: {{type: x, model: {SECRET}}}}}}}}}",
    ],
)
def test_a_key_in_the_wrong_place_is_not_repeated_by_the_error(text, problems):
    found = problems(text)
    assert SECRET not in "\n".join(map(str, found))
    assert SECRET not in render_problems(found)


def test_the_value_of_a_location_is_neither_in_the_values_nor_in_the_snapshot(load):
    loaded = load(provider("api_key_location: 'env::KEY'"), environ={"KEY": SECRET})
    assert SECRET not in repr(loaded)
    assert "env::KEY" in loaded.snapshot.text


@pytest.mark.parametrize(
    "name", ["Authorization", "api-key", "x-api-key", "Cookie", "X-Auth-Token"]
)
def test_values_of_secret_headers_are_left_out_of_the_snapshot(name, load):
    text = provider(f"api_key_location: none, extra_headers: [{{name: {name}, value: {SECRET}}}]")
    loaded = load(text)
    assert SECRET not in loaded.snapshot.text
    rule = loaded.config.models["m"].providers["p"].extra_headers[0]
    assert rule.value == SECRET
    other = load(text.replace(SECRET, SECRET + "2"))
    assert other.snapshot.text == loaded.snapshot.text
    assert other.snapshot.hash != loaded.snapshot.hash


def test_values_of_other_headers_stay_in_the_snapshot(load):
    text = provider("api_key_location: none, extra_headers: [{name: x-team, value: blue}]")
    rules = json.loads(load(text).snapshot.text)["models"]["m"]["providers"]["p"]["extra_headers"]
    assert rules == [{"name": "x-team", "value": "blue"}]


def test_a_fallback_is_used_with_a_warning_when_the_default_is_missing(load):
    location = "api_key_location: {default: 'env::A', fallback: 'env::B'}"
    loaded = load(provider(location), environ={"B": SECRET})
    (warning,) = loaded.warnings
    assert warning == (
        "models.m.providers.p.api_key_location.default: "
        "environment variable `A` is missing; the fallback is used"
    )


def test_a_fallback_without_any_value_is_refused(problems):
    location = "api_key_location: {default: 'env::A', fallback: 'env::B'}"
    (problem,) = problems(provider(location))
    assert problem.key == "models.m.providers.p.api_key_location"
    assert "export A=" in problem.remedy


def test_an_empty_variable_counts_as_missing(problems):
    (problem,) = problems(provider("api_key_location: 'env::A'"), environ={"A": " "})
    assert "`A` is empty" in problem.message


@pytest.mark.parametrize(("content", "message"), [("", "is empty"), (None, "No such file")])
def test_a_key_file_named_by_a_variable_must_hold_a_key(content, message, problems, folder):
    path = folder / "key"
    if content is not None:
        path.write_text(content)
    found = problems(provider("api_key_location: 'path_from_env::A'"), environ={"A": str(path)})
    assert message in found[0].message


def test_a_location_that_only_a_request_can_fill_needs_nothing_at_the_start(load):
    assert load(provider("api_key_location: 'dynamic::k'"))
    assert load(provider("api_key_location: 'client::'"))
