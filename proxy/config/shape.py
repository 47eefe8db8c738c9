"""The tree against the schema: pydantic's errors as findings with remedies."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from proxy.config.findings import Finding, Path, Tree, dotted, listed, shown
from proxy.config.guesses import nearest
from proxy.config.keys import (
    Spot,
    allowed_keys,
    choices,
    locate,
    metadata_of,
    sections_of,
    spelled,
    tag_values,
)
from proxy.config.schema.base import Shown
from proxy.config.schema.root import Config

_EXPECTED = {
    "bool_type": ("a boolean", "write `true` or `false`, without quotes"),
    "int_type": ("an integer", "write a whole number, without quotes"),
    "float_type": ("a number", "write a number, without quotes"),
    "string_type": ("a string", "write text, in quotes if it looks like a number"),
    "tuple_type": ("a list", "write `[first, second]`, or in YAML one `- item` a line"),
    "mapping_type": ("a table", "put keys below it, one level deeper"),
    "dict_type": ("a table", "put keys below it, one level deeper"),
    "model_type": ("a table", "put keys below it, one level deeper"),
    "model_attributes_type": ("a table", "put keys below it, one level deeper"),
}
_FOLLOWS = "default_factory_not_called"
"""Said of a default that depends on other keys, when one of those is wrong."""
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}


def validate_shape(tree: Tree) -> tuple[Config | None, list[Finding]]:
    """The frozen configuration, or all the reasons why the tree is none."""
    try:
        return Config.model_validate_json(json.dumps(tree)), []
    except ValidationError as error:
        errors = error.errors(include_url=False)
    findings = [_finding(each) for each in errors if each["type"] != _FOLLOWS]
    return None, [finding for finding in findings if not _hidden(finding, findings)]


def _hidden(finding: Finding, findings: Iterable[Finding]) -> bool:
    """Keys of a table whose `type` is wrong say nothing: another type has other keys."""
    return any(
        other is not finding and other.path == (*finding.path[:-1], "type") for other in findings
    )


def _finding(error: Mapping[str, Any]) -> Finding:
    kind, context = error["type"], error.get("ctx") or {}
    spot = locate(error["loc"])
    if kind == "zeroproxy":
        return Finding(spot.path, context["message"], context["remedy"])
    if kind == "extra_forbidden":
        return _unknown_key(locate(error["loc"][:-1]), str(error["loc"][-1]))
    if kind == "missing":
        return _missing(spot)
    if kind in ("union_tag_invalid", "union_tag_not_found", "literal_error"):
        return _wrong_word(kind, spot, error)
    if kind in _EXPECTED:
        expected, remedy = _EXPECTED[kind]
        found = shown(error["input"])
        return Finding(spot.path, f"invalid type: expected {expected}, found {found}", remedy)
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        range_ = f"{words} {_plain(context[key])}"
        remedy = f"write a number that is {range_}"
        return Finding(spot.path, f"out of range: must be {range_}", remedy)
    if kind == "string_too_short":
        return Finding(spot.path, "must not be empty", "write its name, or remove the key")
    return Finding(spot.path, str(error["msg"]).lower(), "see docs/configuration.md")


def _plain(bound: float) -> str:
    return str(int(bound)) if bound == int(bound) else f"{bound:g}"


def _unknown_key(parent: Spot, key: str) -> Finding:
    path = (*parent.path, key)
    section = parent.section
    if section is None:
        return Finding(path, f"unknown field `{key}`", "remove it")
    allowed = allowed_keys(section)
    remedy = section.hints.get(key) or _suggestion(key, allowed)
    return Finding(path, f"unknown field `{key}`, expected one of {listed(allowed)}", remedy)


def _suggestion(key: str, allowed: list[str]) -> str:
    near = nearest(key.lower(), allowed)
    return f"did you mean `{near}`?" if near else "remove it, or use one of these keys"


def _missing(spot: Spot) -> Finding:
    key = spot.path[-1]
    description = spot.field.description if spot.field else None
    marks = metadata_of(spot.annotation, spot.field)
    kind = next((mark.text for mark in marks if isinstance(mark, Shown)), "")
    words = choices(spot.annotation)
    form = f"one of {listed(map(spelled, words))}" if words else kind
    remedy = f"add `{key}`" + (f" ({form})" if form else "")
    return Finding(
        spot.path, f"missing field `{key}`", f"{remedy}: {description}" if description else remedy
    )


def _wrong_word(kind: str, spot: Spot, error: Mapping[str, Any]) -> Finding:
    """A word that is none of the choices: an unknown `type`, or a choice such as `level`."""
    path: Path = spot.path if kind == "literal_error" else (*spot.path, "type")
    words = [str(word) for word in _allowed_words(spot)]
    if kind == "union_tag_not_found":
        remedy = f"add `type`, one of {listed(words)}"
        return Finding(path, "missing field `type`", remedy)
    value = error["input"] if kind == "literal_error" else error["ctx"]["tag"]
    text = spelled(value)
    if spot.refused and text in spot.refused.values:
        remedy = spot.refused.remedy or f"use {listed(words)}"
        message = f"{spot.refused.message}: `{dotted(path[-1:])}: {text}`"
        return Finding(path, message, remedy)
    near = nearest(text.lower(), words)
    remedy = f"did you mean `{near}`?" if near else f"use one of {listed(words)}"
    return Finding(path, f"{shown(value)} is not one of {listed(words)}", remedy)


def _allowed_words(spot: Spot) -> list[str]:
    sections = sections_of(spot.annotation)
    words = [word for section in sections for word in tag_values(section)]
    return [spelled(word) for word in words or choices(spot.annotation)]
