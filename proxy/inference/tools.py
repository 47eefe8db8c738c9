"""Tools: which ones a call offers, how a provider is told, and what a call of one comes back as."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import orjson

from proxy.errors import InvalidRequest
from proxy.inference.schemas import Schema, SchemaCache, load_schema
from proxy.inference.template_values import read_json
from proxy.types.content import Json, ToolCall
from proxy.types.immutable import immutable
from proxy.wire.envelope.content import compact
from proxy.wire.envelope.tools import ToolChoice
from proxy.wire.members import list_items, object_members
from proxy.wire.values import raw_text

AUTO = ToolChoice("auto")
NO_CONFIGURED: Mapping[str, Tool] = MappingProxyType({})


@immutable
class Tool:
    """A tool as a model sees it. `key` is what lists of allowed tools call it."""

    key: str
    name: str
    definition: bytes
    """Raw JSON in OpenAI's form."""
    schema: Schema | None = None
    """Of the arguments; None for a tool whose input is free text."""

    @property
    def kind(self) -> str:
        """OpenAI's word: `function` or `custom`."""
        return "custom" if self.schema is None else "function"


def load_tool(
    key: str, *, name: str | None, description: str, label: str, parameters: str, strict: bool
) -> Tool:
    """A configured tool; `parameters` is the text of the schema that stands at `label`.

    Raises:
        ConfigError: the parameters are no JSON Schema.
    """
    schema = load_schema(label, f"tools.{key}.parameters", parameters)
    shown = name if name is not None else key
    return Tool(key, shown, _definition(shown, description, schema.raw, strict), schema)


def decode_tools(raw: bytes, schemas: SchemaCache) -> tuple[Tool, ...]:
    """A caller's list of tools, in OpenAI's form or in the native one, its shape checked before.

    What stands in OpenAI's form is sent on as it is.

    Raises:
        InvalidRequest: the parameters of one are too much of a schema.
    """
    return tuple(_decode_tool(item, schemas) for item in list_items(raw))


@immutable
class ToolRequest:
    """What a call says of tools; None is not said. `provider_tools` are raw entries."""

    allowed: tuple[str, ...] | None = None
    additional: tuple[Tool, ...] | None = None
    choice: ToolChoice | None = None
    parallel: bool | None = None
    provider_tools: tuple[bytes, ...] = ()


NO_TOOL_REQUEST = ToolRequest()


@dataclass(frozen=True, slots=True)
class FunctionTools:
    """What a function's configuration says of tools. `configured` has those of all functions."""

    names: tuple[str, ...] = ()
    choice: ToolChoice = AUTO
    parallel: bool | None = None
    configured: Mapping[str, Tool] = field(default_factory=lambda: NO_CONFIGURED)

    silent: bool = field(init=False, default=True)
    """Whether the configuration names no tools and says nothing of how to choose."""

    def __post_init__(self) -> None:
        silent = not self.names and self.choice == AUTO and self.parallel is None
        object.__setattr__(self, "silent", silent)


NO_FUNCTION_TOOLS = FunctionTools()


@immutable
class ToolSet:
    """The tools of one call: configured ones, those that came with it, and what may be called."""

    configured: tuple[Tool, ...] = ()
    additional: tuple[Tool, ...] = ()
    allowed: tuple[str, ...] = ()
    explicit: bool = False
    """Whether the caller listed what is allowed."""
    choice: ToolChoice = AUTO
    choice_given: bool = False
    """Whether the caller or the configuration chose; `auto` is what nobody had to choose."""
    parallel: bool | None = None
    provider_tools: tuple[bytes, ...] = ()

    @property
    def tools(self) -> tuple[Tool, ...]:
        """All tools that are offered; free-text ones last."""
        ours = (*self.configured, *self.additional)
        return tuple(sorted(ours, key=lambda tool: tool.schema is None))

    @property
    def strict(self) -> tuple[Tool, ...]:
        """Only the allowed ones, for providers that cannot be told of a list."""
        if not self.explicit:
            return self.tools
        allowed = frozenset(self.allowed)
        return tuple(tool for tool in self.tools if tool.key in allowed)

    def __bool__(self) -> bool:
        return bool(self.configured or self.additional or self.provider_tools)

    def named(self, name: str) -> Tool | None:
        """The tool that a model calls so."""
        ours = (*self.configured, *self.additional)
        return next((tool for tool in ours if tool.name == name), None)

    # For a provider, in OpenAI's form.

    def tools_json(self) -> bytes | None:
        """The list of tools; None when there are none."""
        if not (self.configured or self.additional):
            return None
        return _list_json(tool.definition for tool in self.tools)

    def choice_json(self) -> bytes | None:
        """The choice among them; None when there are none, or nobody chose."""
        if not (self.configured or self.additional):
            return None
        if self.explicit and self.choice.mode != "none":
            mode = "required" if self.choice.mode == "required" else "auto"
            allowed = {"mode": mode, "tools": self._allowed_references()}
            return orjson.dumps({"type": "allowed_tools", "allowed_tools": allowed})
        if self.choice.name is not None:
            tool = self.named(self.choice.name)
            return orjson.dumps(_reference(tool.kind if tool else "function", self.choice.name))
        return orjson.dumps(self.choice.mode) if self.choice_given else None

    # As it is stored.

    def additional_json(self) -> bytes:
        """`dynamic_tools`: the tools that came with the call."""
        return _list_json(_native(tool) for tool in self.additional)

    def allowed_json(self) -> bytes:
        """`allowed_tools`."""
        choice = "explicit" if self.explicit else "function_default"
        return orjson.dumps({"tools": self.allowed, "choice": choice})

    def _allowed_references(self) -> list[Json]:
        """The allowed tools, each by the name that the model knows."""
        known = {tool.key: (tool.kind, tool.name) for tool in reversed(self.tools)}
        return [_reference(*known.get(name, ("function", name))) for name in self.allowed]


NO_TOOLS = ToolSet()


def resolve_tools(function: FunctionTools, request: ToolRequest) -> ToolSet:
    """The tools of a call of a chat function.

    Raises:
        InvalidRequest: a name stands for no tool, or two tools have the same.
    """
    if request is NO_TOOL_REQUEST and function.silent:
        return NO_TOOLS
    additional = request.additional or ()
    brought = {tool.key for tool in additional}
    allowed = request.allowed
    if allowed is None:
        allowed = (*function.names, *(tool.key for tool in additional))
    for name in allowed:
        if name not in function.configured and name not in brought:
            raise InvalidRequest(f"Tool not found: {name}", param="allowed_tools")
    more = (name for name in allowed if name in function.configured and name not in brought)
    keys = dict.fromkeys((*function.names, *more))
    configured = tuple(function.configured[name] for name in keys)
    _check_names((*configured, *additional))
    choice = request.choice or function.choice
    tools = ToolSet(
        configured=configured,
        additional=additional,
        allowed=tuple(allowed),
        explicit=request.allowed is not None,
        choice=choice,
        choice_given=request.choice is not None or function.choice != AUTO,
        parallel=function.parallel if request.parallel is None else request.parallel,
        provider_tools=request.provider_tools,
    )
    if choice.name is not None and tools.named(choice.name) is None:
        raise InvalidRequest(f"Tool not found: {choice.name}", param="tool_choice")
    return tools


def refuse_tools(request: ToolRequest) -> None:
    """A JSON function takes no tools.

    Raises:
        InvalidRequest: the call says something of them.
    """
    for name, said, stop in (
        ("allowed_tools", request.allowed, "."),
        ("additional_tools", request.additional, "."),
        ("tool_choice", request.choice, ""),
        ("parallel_tool_calls", request.parallel, ""),
    ):
        if said is not None:
            raise InvalidRequest(f"Cannot pass `{name}` to a JSON function{stop}", param=name)


@immutable
class ReadToolCall:
    """A tool call in an answer: what the model wrote, and what it means.

    `name` is None for a tool that was not offered; `arguments` (raw JSON, key order and number
    spelling as written) is None when they are no JSON or do not meet the tool's schema.
    """

    id: str
    raw_name: str
    raw_arguments: str
    name: str | None
    arguments: bytes | None

    def as_json(self) -> Json:
        arguments = self.arguments
        return {
            "type": "tool_call",
            "id": self.id,
            "raw_name": self.raw_name,
            "raw_arguments": self.raw_arguments,
            "name": self.name,
            "arguments": None if arguments is None else orjson.Fragment(arguments),
        }


def read_tool_call(call: ToolCall, tools: ToolSet) -> ReadToolCall:
    """What a call means, with the tools that were offered. Never raises."""
    tool = tools.named(call.name)
    schema = tool.schema if tool is not None else None
    return ReadToolCall(
        id=call.id,
        raw_name=call.name,
        raw_arguments=call.arguments,
        name=call.name if tool is not None else None,
        arguments=None if schema is None else fitting(call.arguments, schema),
    )


def fitting(text: str, schema: Schema) -> bytes | None:
    """The JSON of a text on one line, when it is JSON and meets the schema."""
    try:
        value = read_json(text)
        raw = text.encode()
    except ValueError:
        return None
    return compact(raw).encode() if schema.accepts(value) else None


def _check_names(tools: Sequence[Tool]) -> None:
    seen: set[str] = set()
    for tool in sorted(tools, key=lambda tool: tool.schema is None):
        if tool.name in seen:
            raise InvalidRequest(
                f"Duplicate tool name: {tool.name}. Tool names must be unique.",
                param="additional_tools",
            )
        seen.add(tool.name)


def _decode_tool(raw: bytes, schemas: SchemaCache) -> Tool:
    tool = object_members(raw)
    for kind in ("function", "custom"):
        if tool.get(kind, b"").startswith(b"{"):
            inner = object_members(tool[kind])
            name = _string(inner["name"])
            schema = _taken(inner["parameters"], schemas) if kind == "function" else None
            return Tool(name, name, raw, schema)
    name = _string(tool["name"])
    if _string(tool.get("type", b'""')) == "openai_custom":
        inside = {key: orjson.Fragment(each) for key, each in tool.items() if key != "type"}
        return Tool(name, name, orjson.dumps({"type": "custom", "custom": inside}))
    description = _string(tool.get("description", b'""'))
    strict = tool.get("strict") == b"true"
    definition = _definition(name, description, tool["parameters"], strict)
    return Tool(name, name, definition, _taken(tool["parameters"], schemas))


def _taken(parameters: bytes, schemas: SchemaCache) -> Schema:
    return schemas.take(parameters, "additional_tools")


def _definition(name: str, description: str, parameters: bytes, strict: bool) -> bytes:
    function = {
        "name": name,
        "description": description,
        "parameters": orjson.Fragment(parameters),
        **({"strict": True} if strict else {}),
    }
    return orjson.dumps({"type": "function", "function": function})


def _native(tool: Tool) -> bytes:
    """The stored form of a tool."""
    inner = object_members(object_members(tool.definition)[tool.kind])
    if tool.kind == "custom":
        shown = {key: orjson.Fragment(each) for key, each in inner.items()}
        return orjson.dumps({"type": "openai_custom", **shown})
    description = inner.get("description", b"null")
    return orjson.dumps(
        {
            "type": "function",
            "name": tool.name,
            "description": "" if description == b"null" else orjson.Fragment(description),
            "parameters": orjson.Fragment(inner["parameters"]),
            "strict": inner.get("strict") == b"true",
        }
    )


def _reference(kind: str, name: str) -> Json:
    return {"type": kind, kind: {"name": name}}


def _list_json(items: Iterable[bytes]) -> bytes:
    return orjson.dumps([orjson.Fragment(item) for item in items])


def _string(raw: bytes) -> str:
    return raw_text(raw) or ""


def provider_tools_for(
    entries: Iterable[bytes], model_name: str, provider_name: str
) -> tuple[bytes, ...]:
    """The tools (raw JSON) of those entries that are meant for this provider of this model."""
    return tuple(
        members["tool"]
        for members in map(object_members, entries)
        if _is_meant(members.get("scope", b"null"), model_name, provider_name)
    )


def _is_meant(scope: bytes, model_name: str, provider_name: str) -> bool:
    wanted = orjson.loads(scope)
    if wanted is None:
        return True
    provider = wanted.get("provider_name")
    return wanted["model_name"] == model_name and provider in (None, provider_name)
