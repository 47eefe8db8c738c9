"""What is recorded of a function's call beside its bodies."""

from __future__ import annotations

import orjson

from proxy.inference.prepare import Prepared
from proxy.inference.tools import Tool, ToolSet
from proxy.types.exchange import InferenceDetails

REQUEST_IDS = ("x-request-id", "request-id", "x-amzn-requestid")
"""Headers in which providers name a call, by which their support finds it."""


def details_of(
    prepared: Prepared, *, output: bytes = b"", auxiliary: bytes = b"[]", extra_body: bytes = b"[]"
) -> InferenceDetails:
    """As stored. Without `output` it will be read from the model's answer, with the tools that were
    offered."""
    tools = prepared.tool_set
    return InferenceDetails(
        function_type=prepared.kind,
        output=output,
        auxiliary_content=auxiliary,
        output_schema=_schema(prepared),
        extra_body=extra_body,
        dynamic_tools=tools.additional_json(),
        dynamic_provider_tools=b"[" + b",".join(tools.provider_tools) + b"]",
        allowed_tools=tools.allowed_json() if tools else b"",
        tool_choice=tools.choice.as_native() if tools else b"",
        parallel_tool_calls=tools.parallel,
        tools=b"" if output else _offered(tools),
    )


def _schema(prepared: Prepared) -> bytes:
    if prepared.kind != "json" or prepared.output_schema is None:
        return b""
    return prepared.output_schema.raw


def _offered(tools: ToolSet) -> bytes:
    return orjson.dumps([_shown(tool) for tool in tools.tools]) if tools else b""


def _shown(tool: Tool) -> dict[str, object]:
    parameters = None if tool.schema is None else orjson.Fragment(tool.schema.raw)
    return {"name": tool.name, "parameters": parameters}
