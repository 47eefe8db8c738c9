"""JSON modes: what each asks of a model, and how an answer's JSON is found in its blocks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

import orjson

from proxy.inference.schemas import Schema
from proxy.inference.template_values import read_json
from proxy.inference.tools import fitting
from proxy.types.content import Block, Json, Text, Thought, ToolCall
from proxy.types.immutable import immutable
from proxy.types.response import Delta, TextDelta, ToolCallDelta
from proxy.wire.envelope.content import compact
from proxy.wire.members import object_members

Kind = Literal["chat", "json"]

OFF = "off"
"""The mode of a chat about which nobody has said anything."""
RESPOND = "respond"
RESPOND_DESCRIPTION = "Respond to the user using the output schema provided."
THINKING_DESCRIPTION = (
    "A detailed description of the thought process used to arrive at the final answer."
)
_SHARED = ("$schema", "$defs", "definitions")
"""Members of a schema to which references lead by their place in the whole."""


def mode_in_force(requested: str | None, configured: str | None, kind: Kind) -> str:
    """`off`, `on`, `strict` or `tool`: the request's word, else the variant's, else the kind's."""
    mode = requested or configured or (OFF if kind == "chat" else "strict")
    return "tool" if mode == "implicit_tool" else mode


@immutable
class Asking:
    """What a JSON mode puts into a request, raw JSON in OpenAI's form; None is nothing."""

    response_format: bytes | None = None
    tools: bytes | None = None
    tool_choice: bytes | None = None


NOTHING_ASKED = Asking()


def asking(mode: str, schema: bytes | None) -> Asking:
    """What the mode asks for. Of `on`, and of `strict` without a schema, encoders know how."""
    if schema is None:
        return NOTHING_ASKED
    fragment = orjson.Fragment(schema)
    if mode == "strict":
        named = {"name": "response", "strict": True, "schema": fragment}
        return Asking(orjson.dumps({"type": "json_schema", "json_schema": named}))
    if mode == "tool":
        function = {
            "name": RESPOND,
            "description": RESPOND_DESCRIPTION,
            "parameters": fragment,
        }
        return Asking(
            tools=orjson.dumps([{"type": "function", "function": function}]),
            tool_choice=orjson.dumps({"type": "function", "function": {"name": RESPOND}}),
        )
    return NOTHING_ASKED


# Answers of JSON functions.


@immutable
class JsonOutput:
    """What a JSON function gave. `parsed` is raw JSON on one line, spelled as in `raw`."""

    raw: str | None
    parsed: bytes | None
    auxiliary: tuple[Block, ...] = ()
    """The other blocks: stored, not shown."""
    index: int | None = None
    """Where among all blocks the JSON stood."""

    def as_json(self) -> Json:
        parsed = None if self.parsed is None else orjson.Fragment(self.parsed)
        return {"raw": self.raw, "parsed": parsed}


def read_json_output(blocks: Sequence[Block], schema: Schema) -> JsonOutput:
    """The last text or tool call is the output; what does not meet the schema is not parsed."""
    for index in range(len(blocks) - 1, -1, -1):
        raw = _written(blocks[index])
        if raw is not None:
            others = (*blocks[:index], *blocks[index + 1 :])
            return JsonOutput(raw, fitting(raw, schema), others, index)
    return JsonOutput(None, None, tuple(blocks))


def raw_part(deltas: Iterable[Delta]) -> str:
    """What a chunk adds to the `raw` of a JSON function; thoughts add nothing."""
    return "".join(_written_part(delta) or "" for delta in deltas)


# Answers of chat functions in mode `tool`.


def as_texts(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """The blocks with the arguments of tool calls as texts."""
    return tuple(Text(each.arguments) if isinstance(each, ToolCall) else each for each in blocks)


def as_text_deltas(deltas: Iterable[Delta]) -> tuple[Delta, ...]:
    """The same of a chunk."""
    return tuple(
        TextDelta(each.id, each.arguments) if isinstance(each, ToolCallDelta) else each
        for each in deltas
    )


# Chain of thought.


def wrap_thinking(schema: bytes) -> bytes:
    """The schema of an answer that thinks first: `{thinking, response}`.

    Definitions are repeated outside, for references go by their place in the whole.
    """
    shared = object_members(schema) if schema.lstrip().startswith(b"{") else {}
    wrapped = {
        **{name: orjson.Fragment(shared[name]) for name in _SHARED if name in shared},
        "type": "object",
        "properties": {
            "thinking": {"type": "string", "description": THINKING_DESCRIPTION},
            "response": orjson.Fragment(schema),
        },
        "required": ["thinking", "response"],
        "additionalProperties": False,
    }
    return orjson.dumps(wrapped)


def unwrap_thinking(output: JsonOutput) -> JsonOutput:
    """The response alone, the thinking as a thought where the JSON stood.

    An output that does not meet the wrapped schema stays as it is.
    """
    members = {} if output.parsed is None else object_members(output.parsed)
    if "response" not in members or "thinking" not in members:
        return output
    response = compact(members["response"])
    thought = Thought(str(read_json(members["thinking"])))
    place = len(output.auxiliary) if output.index is None else output.index
    others = (*output.auxiliary[:place], thought, *output.auxiliary[place:])
    return replace(output, raw=response, parsed=response.encode(), auxiliary=others)


def _written(block: Block) -> str | None:
    match block:
        case Text(text):
            return text
        case ToolCall():
            return block.arguments
    return None


def _written_part(delta: Delta) -> str | None:
    match delta:
        case TextDelta():
            return delta.text
        case ToolCallDelta():
            return delta.arguments
    return None
