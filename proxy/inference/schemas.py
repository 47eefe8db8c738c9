"""JSON Schemas: of what callers send, of tools' arguments, of answers.

The draft is 2020-12 unless `$schema` says otherwise. References lead inside the schema only:
nothing is fetched.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NoReturn

import jsonschema_rs

from proxy.errors import ConfigError, InvalidRequest, Problem
from proxy.inference.template_values import read_json

CACHED_BYTES = 64 * 1024
"""Schemas of callers that are longer are compiled for each call anew."""


class Schema:
    """A schema, compiled when first needed. One that is no schema is met by nothing."""

    def __init__(self, raw: bytes) -> None:
        """`raw` is JSON, as it is to be sent on."""
        self.raw = raw

    @cached_property
    def fault(self) -> str | None:
        """Why this is no usable schema; None when it is one."""
        return self._compiled[1]

    @cached_property
    def compact(self) -> str:
        """The schema on one line, in its own key order."""
        return json.dumps(read_json(self.raw), separators=(",", ":"), ensure_ascii=False)

    def accepts(self, value: object) -> bool:
        """Whether a JSON value meets the schema."""
        validator = self._compiled[0]
        return validator is not None and _first_fault(validator, value) is None

    def check(self, value: object, where: str) -> None:
        """Refuse a value that does not meet the schema.

        Raises:
            InvalidRequest: in TensorZero's words, which name the first fault; its place is in
                `param`, below `where`.
        """
        validator = self._compiled[0]
        if validator is None:
            raise InvalidRequest(f"Failed to compile JSON Schema: {self.fault}", param=where)
        found = _first_fault(validator, value)
        if found is not None:
            message, path = found
            raise InvalidRequest(
                f"JSON Schema validation failed:\n{message}\n\nSchema:\n{self.compact}",
                param=where + _shown_path(path),
            )

    @cached_property
    def _compiled(self) -> tuple[Any, str | None]:
        try:
            schema = read_json(self.raw)
            if not isinstance(schema, dict | bool):
                return None, "a schema is an object or a boolean"
            return jsonschema_rs.validator_for(schema, retriever=_fetch_nothing), None
        except jsonschema_rs.ValidationError as error:
            return None, error.message
        except ValueError as error:
            return None, str(error)


def load_schema(label: str, key: str, text: str | bytes) -> Schema:
    """A configured schema, compiled. `label` is its path as written, `key` where it is named.

    Raises:
        ConfigError: it is no JSON, or no JSON Schema.
    """
    schema = Schema(text.encode() if isinstance(text, str) else text)
    try:
        read_json(schema.raw)
    except ValueError as error:
        message = f"Failed to parse JSON Schema `{label}`: {error}"
        raise ConfigError([Problem(label, key, message, "write valid JSON")]) from error
    if schema.fault is not None:
        message = f"Failed to compile JSON Schema `{label}`: {schema.fault}"
        raise ConfigError([Problem(label, key, message, "correct the schema")])
    return schema


class SchemaCache:
    """Schemas that callers bring along, by their bytes; the ones used least recently give way."""

    def __init__(self, limit: int = 256) -> None:
        self._limit = limit
        self._schemas: OrderedDict[bytes, Schema] = OrderedDict()

    def __len__(self) -> int:
        return len(self._schemas)

    def get(self, raw: bytes) -> Schema:
        """The schema, perhaps already compiled. Never raises: see `Schema.fault`."""
        known = self._schemas.get(raw)
        if known is not None:
            self._schemas.move_to_end(raw)
            return known
        schema = Schema(raw)
        if len(raw) <= CACHED_BYTES:
            self._schemas[raw] = schema
            if len(self._schemas) > self._limit:
                self._schemas.popitem(last=False)
        return schema


def _first_fault(validator: Any, value: object) -> tuple[str, Sequence[str | int]] | None:
    """Text and place of the first fault; values that no JSON parser lets through are one, too."""
    try:
        validator.validate(value)
    except jsonschema_rs.ValidationError as error:
        return error.message, error.instance_path
    except ValueError as error:
        return str(error), ()
    return None


def _shown_path(path: Sequence[str | int]) -> str:
    return "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in path)


def _fetch_nothing(uri: str) -> NoReturn:
    raise ValueError("schemas elsewhere are not fetched")
