"""A variant that a request brings along, in the form of a configuration's."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from proxy.config.findings import Path, dotted
from proxy.config.rules.functions import check_candidates, check_json_mode, check_models
from proxy.config.schema import VariantConfig
from proxy.config.surroundings import Surroundings
from proxy.errors import ConfigError, Problem

NAME = "internal_dynamic_variant_config"

MOST_CANDIDATES = 64
"""Callers are not trusted with any number of calls of models."""

_VARIANT: TypeAdapter[VariantConfig] = TypeAdapter(
    VariantConfig, config=ConfigDict(defer_build=True)
)
_RULES = (check_models, check_json_mode, check_candidates)


def read_variant(raw: bytes, around: Surroundings) -> VariantConfig:
    """`raw` is a JSON object. Files stand in it with their label and content, never by path alone.

    Raises:
        ConfigError: it is no variant, or not one of this function; all faults at once.
    """
    try:
        entry = _VARIANT.validate_json(raw)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        raise ConfigError(
            [
                Problem(NAME, ".".join(map(str, fault["loc"])), fault["msg"], "correct the variant")
                for fault in faults
            ]
        ) from error
    problems = [*_check(json.loads(raw), around), *_check_size(entry)]
    if problems:
        raise ConfigError(problems)
    return entry


def _check(variant: dict[str, Any], around: Surroundings) -> Iterable[Problem]:
    """The faults that a configuration with this variant would have because of it."""
    variants = {**{name: {} for name in around.variants}, NAME: variant}
    place: Path = ("functions", "its function", "variants", NAME)
    tree = {
        "models": {name: {} for name in around.models},
        "embedding_models": {name: {} for name in around.embedding_models},
        "functions": {place[1]: {"type": around.function_kind, "variants": variants}},
    }
    for rule in _RULES:
        for finding in rule(tree):
            if finding.path[: len(place)] == place:
                key = dotted(finding.path[len(place) :])
                yield Problem(NAME, key, finding.message, finding.remedy)


def _check_size(entry: VariantConfig) -> Iterable[Problem]:
    """What an operator may do, and a caller may not."""
    if len(getattr(entry, "candidates", ())) > MOST_CANDIDATES:
        most = f"more than {MOST_CANDIDATES} candidates"
        yield Problem(NAME, "candidates", most, "name fewer")
