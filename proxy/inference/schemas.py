"""JSON Schemas: of what callers send, of tools' arguments, of answers.

The draft is 2020-12 unless `$schema` says otherwise. References lead inside the schema only:
nothing is fetched.
"""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NoReturn

from proxy.errors import ConfigError, InvalidRequest, Problem
from proxy.inference.schema_effort import SchemaEffort, measure
from proxy.inference.template_values import read_json

CACHED_BYTES = 64 * 1024
CACHED_PATTERNS = 20
"""Schemas of callers that have more are compiled for each call anew."""
MOST_BYTES = 2**20
MOST_PATTERNS = 200
MOST_STEPS = 20_000_000
"""Of a validator, for one value: half a second, in which a worker does nothing else."""
MOST_TOLD = 10_000_000
"""Steps times characters of a value, for a fault to be told: validators keep the value with each
fault that they find on the way to the one that they tell."""
MOST_BACKTRACKING = 10_000

log = logging.getLogger(__name__)


class Schema:
    """A schema, compiled when first needed. One that is no schema is met by nothing."""

    def __init__(self, raw: bytes, *, brought: bool = False) -> None:
        """`raw` is JSON, as it is to be sent on; `brought` says that a caller did, who is not
        trusted with the time and the memory that it takes."""
        self.raw = raw
        self.brought = brought

    @cached_property
    def fault(self) -> str | None:
        """Why this is no usable schema; None when it is one."""
        return self._compiled[1]

    @cached_property
    def compact(self) -> str:
        """The schema on one line, in its own key order."""
        return json.dumps(read_json(self.raw), separators=(",", ":"), ensure_ascii=False)

    @cached_property
    def excess(self) -> str | None:
        """Why it is more of a schema than is taken from callers; None when it is not."""
        if not self.brought:
            return None
        if len(self.raw) > MOST_BYTES:
            return f"it is longer than {MOST_BYTES} bytes"
        text = self.raw
        if b"\\u" in text and self._effort is not None:
            text = self.compact.encode(errors="replace")
        if text.count(b'"pattern') > MOST_PATTERNS:
            return f"it has more than {MOST_PATTERNS} patterns"
        if self._effort is not None and self._effort.steps(0) > MOST_STEPS:
            return "it would take too long to hold a value against it"
        return None

    def accepts(self, value: object) -> bool:
        """Whether a JSON value meets the schema; not, if a caller's would take too long to say."""
        validator = self._compiled[0]
        return validator is not None and self._bears(value) and _is_met(validator, value)

    def check(self, value: object, where: str) -> None:
        """Refuse a value that does not meet the schema.

        Raises:
            InvalidRequest: in TensorZero's words, which name the first fault; its place is in
                `param`, below `where`.
        """
        validator = self._compiled[0]
        if validator is None:
            raise InvalidRequest(f"Failed to compile JSON Schema: {self.fault}", param=where)
        if not self._bears(value):
            raise InvalidRequest(
                "JSON Schema validation would take too long for this value", param=where
            )
        if _is_met(validator, value):
            return
        message, path = self._fault_in(value)
        raise InvalidRequest(
            f"JSON Schema validation failed:\n{message}\n\nSchema:\n{self.compact}",
            param=where + _shown_path(path),
        )

    @cached_property
    def _compiled(self) -> tuple[Any, str | None]:
        if self.excess is not None:
            return None, self.excess
        import jsonschema_rs  # Only for those who have schemas.

        bounded = jsonschema_rs.FancyRegexOptions(backtrack_limit=MOST_BACKTRACKING)
        patterns = bounded if self.brought else None
        try:
            schema = read_json(self.raw)
            if not isinstance(schema, dict | bool):
                return None, "a schema is an object or a boolean"
            compiled = jsonschema_rs.validator_for(
                schema, retriever=_fetch_nothing, pattern_options=patterns
            )
        except jsonschema_rs.ValidationError as error:
            return None, error.message
        except ValueError as error:
            return None, str(error)
        return compiled, None

    @cached_property
    def _effort(self) -> SchemaEffort | None:
        try:
            return SchemaEffort(read_json(self.raw)) if self.brought else None
        except ValueError:
            return None

    def _steps(self, value: object) -> int:
        if self._effort is None:
            return 0
        parts, depth = measure(value)
        return parts * self._effort.steps(depth)

    def _bears(self, value: object) -> bool:
        if self._steps(value) <= MOST_STEPS:
            return True
        log.warning("a value is not held against a caller's schema: it would take too long")
        return False

    def _fault_in(self, value: object) -> tuple[str, Sequence[str | int]]:
        steps = self._steps(value)
        if steps and steps * len(json.dumps(value)) > MOST_TOLD:
            return "the value does not meet the schema", ()
        return _first_fault(self._compiled[0], value)


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

    def take(self, raw: bytes, where: str) -> Schema:
        """A caller's schema; raises InvalidRequest when it is too much of one."""
        schema = self.get(raw)
        if schema.excess is not None:
            raise InvalidRequest(f"JSON Schema not accepted: {schema.excess}", param=where)
        return schema

    def get(self, raw: bytes, *, brought: bool = True) -> Schema:
        """The schema, perhaps already compiled; `brought` as of `Schema`. Never raises: see
        `Schema.fault`."""
        known = self._schemas.get(raw)
        if known is not None:
            self._schemas.move_to_end(raw)
            return known
        schema = Schema(raw, brought=brought)
        if len(raw) <= CACHED_BYTES and raw.count(b"attern") <= CACHED_PATTERNS:
            self._schemas[raw] = schema
            if len(self._schemas) > self._limit:
                self._schemas.popitem(last=False)
        return schema


def _is_met(validator: Any, value: object) -> bool:
    """Whether it is; not by values that no JSON parser lets through."""
    try:
        return bool(validator.is_valid(value))
    except ValueError:
        return False


def _first_fault(validator: Any, value: object) -> tuple[str, Sequence[str | int]]:
    """Text and place of the first fault of a value that has one."""
    import jsonschema_rs

    try:
        validator.validate(value)
    except jsonschema_rs.ValidationError as error:
        return error.message, error.instance_path
    except ValueError as error:
        return str(error), ()
    return "the value does not meet the schema", ()


def _shown_path(path: Sequence[str | int]) -> str:
    return "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in path)


def _fetch_nothing(uri: str) -> NoReturn:
    raise ValueError("schemas elsewhere are not fetched")
