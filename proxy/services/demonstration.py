"""Demonstrations: what an inference should have said, checked as if a model had said it."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from proxy.errors import InvalidRequest, NotFound
from proxy.inference.function import DEFAULT_FUNCTION
from proxy.inference.prepare import FunctionSpec
from proxy.inference.schemas import Schema, SchemaCache
from proxy.inference.template_values import read_json
from proxy.inference.tools import ToolRequest, ToolSet, decode_tools, read_tool_call, resolve_tools
from proxy.types.content import Text
from proxy.types.feedback import StoredInference
from proxy.wire.dumps import dumps
from proxy.wire.native.demonstration import decode_demonstration
from proxy.wire.values import compact_json


class FunctionDemonstrations:
    """Reads demonstrations for the functions of one configuration."""

    def __init__(self, functions: Mapping[str, FunctionSpec], plain: FunctionSpec) -> None:
        """`functions` by their names; `plain` is that of calls of a plain model."""
        self._functions = {DEFAULT_FUNCTION: plain, **functions}
        self._schemas = SchemaCache()

    def read(self, value: bytes, inference: StoredInference) -> bytes:
        """See `types.feedback.DemonstrationReader`.

        Raises:
            NotFound: its function is no longer configured.
            InvalidRequest: it does not fit the function, its tools or its schema.
        """
        spec = self._functions.get(inference.function_name)
        if spec is None:
            raise NotFound(f"Unknown function: {inference.function_name}")
        if spec.kind == "json":
            return _read_json(value, self._output_schema(spec, inference))
        return _read_chat(value, self._tools(spec, inference))

    def _output_schema(self, spec: FunctionSpec, inference: StoredInference) -> Schema | None:
        if inference.output_schema:
            return self._schemas.get(inference.output_schema)
        return spec.output_schema

    def _tools(self, spec: FunctionSpec, inference: StoredInference) -> ToolSet:
        """The tools that the inference had: its own, and the configured ones as they are now."""
        additional = decode_tools(inference.dynamic_tools or b"[]", self._schemas)
        allowed = _allowed(inference.allowed_tools)
        return resolve_tools(spec.tools, ToolRequest(allowed=allowed, additional=additional))


def _allowed(stored: bytes) -> tuple[str, ...] | None:
    """The names that the caller had listed; None when the function's own were meant."""
    if not stored:
        return None
    said = orjson.loads(stored)
    return None if said["choice"] == "function_default" else tuple(said["tools"])


def _read_json(value: bytes, schema: Schema | None) -> bytes:
    if schema is not None:
        try:
            schema.check(_value(value), "value")
        except InvalidRequest as error:
            raise InvalidRequest(
                f"Demonstration does not fit function output schema: {error}", param=error.param
            ) from error
    compact = compact_json(value)
    return dumps({"raw": compact, "parsed": compact.encode()})


def _value(value: bytes) -> object:
    try:
        return read_json(value)
    except ValueError as error:
        raise InvalidRequest(f"it cannot be read: {error}") from error


def _read_chat(value: bytes, tools: ToolSet) -> bytes:
    blocks: list[object] = []
    for block in decode_demonstration(value):
        if isinstance(block, Text):
            blocks.append(block.as_json())
            continue
        call = read_tool_call(block, tools)
        if call.name is None:
            raise InvalidRequest("Demonstration contains invalid tool name", param="value")
        if call.arguments is None:
            raise InvalidRequest(
                "Demonstration contains invalid tool call arguments", param="value"
            )
        blocks.append(call.as_json())
    return dumps(blocks)
