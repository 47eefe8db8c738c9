"""What a function makes of an answer that was relayed as it came, read later, for the record."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import orjson

from proxy.inference.json_mode import read_json_output
from proxy.inference.schemas import SchemaCache
from proxy.inference.tools import Tool, ToolSet, read_tool_call
from proxy.models.cost import recorded_cost
from proxy.types.content import Block, Json, RawText, Text, ToolCall
from proxy.types.decoded import ReadOutput
from proxy.types.exchange import InferenceDetails, ModelCall
from proxy.wire.lenient import whole_text
from proxy.wire.members import list_items, object_members, value_of

ANY = b"{}"
"""The schema of a function that has none."""
_OTHER = RawText("")
"""Stands for blocks that are neither text nor a tool call; they are stored as they are."""


class RecordedOutputReader:
    """See `types.decoded.OutputReader`. Tools and schemas come from callers, too, and stay compiled
    from one answer to the next."""

    def __init__(self) -> None:
        self._schemas = SchemaCache()

    def read(self, details: InferenceDetails, blocks_json: bytes) -> ReadOutput:
        """Read the blocks of an answer; what is not understood keeps its order and spelling.

        Raises:
            InvalidRequest: the blocks or the tools are not in the stored form.
        """
        blocks = list_items(blocks_json)
        if details.function_type == "json":
            return self._read_json(blocks, details.output_schema or ANY)
        tools = self._tools(details.tools)
        return ReadOutput(orjson.dumps([_read_block(raw, tools) for raw in blocks]))

    def cost(self, call: ModelCall, events: Sequence[str]) -> Decimal | None:
        """Dollars for the call, by its own prices; raises ValueError when they are none."""
        return recorded_cost(call.prices, call.raw_response, events)

    def _read_json(self, blocks: list[bytes], schema: bytes) -> ReadOutput:
        read = read_json_output([_written(raw) for raw in blocks], self._schemas.get(schema))
        others = [raw for index, raw in enumerate(blocks) if index != read.index]
        return ReadOutput(orjson.dumps(read.as_json()), b"[" + b",".join(others) + b"]")

    def _tools(self, raw: bytes) -> ToolSet:
        items = list_items(raw) if raw else []
        return ToolSet(configured=tuple(self._tool(object_members(item)) for item in items))

    def _tool(self, members: dict[str, bytes]) -> Tool:
        name = _text(members, "name")
        parameters = members.get("parameters", b"null")
        schema = None if parameters == b"null" else self._schemas.get(parameters)
        return Tool(name, name, definition=b"", schema=schema)


def _read_block(raw: bytes, tools: ToolSet) -> Json | orjson.Fragment:
    block = _written(raw)
    if not isinstance(block, ToolCall):
        return orjson.Fragment(raw)
    return read_tool_call(block, tools).as_json()


def _written(raw: bytes) -> Block:
    """A block that an output can be read of, as a value."""
    members = object_members(raw)
    match members.get("type"):
        case b'"text"':
            return Text(_text(members, "text"))
        case b'"tool_call"':
            return ToolCall(
                _text(members, "id"), _text(members, "name"), _text(members, "arguments")
            )
    return _OTHER


def _text(members: dict[str, bytes], name: str) -> str:
    value = value_of(members.get(name, b'""'))
    return whole_text(value) if isinstance(value, str) else ""
