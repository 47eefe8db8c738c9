"""All that can be asked of a configuration's values, as JSON: equal texts mean equal answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from proxy.config.schema import Config, blocking, find_unbuilt, shorthand_provider
from proxy.config.schema.base import Section
from proxy.config.schema.shorthands import SHORTHAND_TYPES

PLACE = "projects/p/locations/l/"
NAMES = {
    "gcp_vertex_anthropic": f"{PLACE}publishers/anthropic/models/m",
    "gcp_vertex_gemini": f"{PLACE}endpoints/e",
}


def describe_config(config: Config) -> str:
    return _text({"values": _described(config), "unbuilt": repr(find_unbuilt(config))})


def describe_schema() -> str:
    """Every table as it is by default, and every shorthand."""
    tables = {f"{each.__module__}.{each.__name__}": _by_default(each) for each in _sections()}
    made = {each: shorthand_provider(each, NAMES.get(each, "m")) for each in SHORTHAND_TYPES}
    return _text({"tables": _described(tables), "shorthands": _described(made)})


def _by_default(section: type[Section]) -> Section | str:
    try:
        return section.by_default()
    except KeyError:
        return "depends on what is missing"


def _text(found: Any) -> str:
    return json.dumps(found, indent=1, sort_keys=True)


def _described(value: Any) -> Any:
    if isinstance(value, Section):
        return {
            "of": type(value).__name__,
            "keys": [
                [name, _described(getattr(value, name, "not given"))]
                for name in type(value).model_fields
            ],
            "given": sorted(value.model_fields_set),
            "more": {name: _asked(value, name) for name in _properties(type(value))},
        }
    if isinstance(value, Mapping):
        return {str(key): _described(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_described(each) for each in value]
    return repr(value)


def _asked(value: Section, name: str) -> Any:
    """What a table works out of its keys; of a table by default, some of them may be missing."""
    try:
        return _described(getattr(value, name))
    except (AttributeError, TypeError) as error:
        return type(error).__name__


def _properties(section: type[Section]) -> list[str]:
    bases = [base for base in section.__mro__ if base.__module__.startswith("proxy.config.schema.")]
    return sorted(
        name for base in bases for name, each in vars(base).items() if isinstance(each, property)
    )


def _sections(below: type[Section] = Section) -> Iterator[type[Section]]:
    for each in below.__subclasses__():
        yield each
        yield from _sections(each)


def describe_blocking(config: Config) -> str:
    """Which providers and variants are refused, and why."""
    variants = [
        each for function in config.functions.values() for each in function.variants.values()
    ]
    providers = [each for model in config.models.values() for each in model.providers.values()]
    return _text([repr(blocking(each)) for each in [*variants, *providers]])
