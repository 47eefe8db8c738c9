"""From a call to what a model is asked: checked once against the function, then made per variant.

`check_call` looks at the input, the tools and the JSON mode before any variant; `prepare` does the
rest with the templates and parameters of one variant; `Prepared.read` says what the answer means.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from proxy.errors import InvalidRequest
from proxy.inference.json_mode import (
    NOTHING_ASKED,
    OFF,
    Asking,
    JsonOutput,
    Kind,
    as_texts,
    asking,
    mode_in_force,
    read_json_output,
    unwrap_thinking,
    wrap_thinking,
)
from proxy.inference.schemas import Schema, SchemaCache
from proxy.inference.template_values import read_json
from proxy.inference.templates import TemplateSet
from proxy.inference.tools import (
    AUTO,
    NO_FUNCTION_TOOLS,
    NO_TOOL_REQUEST,
    NO_TOOLS,
    FunctionTools,
    ReadToolCall,
    ToolRequest,
    ToolSet,
    read_tool_call,
    refuse_tools,
    resolve_tools,
)
from proxy.types.content import Block, Template, Text, ToolCall
from proxy.types.immutable import immutable
from proxy.types.request import (
    NO_CREDENTIALS,
    NO_EXTRAS,
    NO_PARAMS,
    Extras,
    Input,
    ModelRequest,
    Params,
    Texts,
    given_params,
    with_mode,
)

EMPTY_SYSTEM = "`input.system` is empty but a system template is present."
ANYTHING = b"{}"
NO_SCHEMAS: Mapping[str, Schema] = MappingProxyType({})
OutputBlock = Block | ReadToolCall


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """What a function's configuration says of its calls; a plain model's says nothing."""

    kind: Kind = "chat"
    schemas: Mapping[str, Schema] = field(default_factory=lambda: NO_SCHEMAS)
    """Of the arguments of templates, by name; `system`, `user`, `assistant` are the roles'."""
    template_names: frozenset[str] = frozenset()
    """What blocks of arguments can name: `TemplateSet.explicit` of all variants together."""
    tools: FunctionTools = NO_FUNCTION_TOOLS
    output_schema: Schema | None = None
    """Of a JSON function; None is any JSON."""

    plain: bool = field(init=False, default=True)
    """Whether it says nothing but that this is a chat."""

    def __post_init__(self) -> None:
        said = self.schemas or self.output_schema is not None or not self.tools.silent
        plain = self.kind == "chat" and not said
        object.__setattr__(self, "plain", plain)


PLAIN = FunctionSpec()


@immutable
class Call:
    """What a caller asks of a function."""

    input: Input
    params: Params = NO_PARAMS
    """With the JSON mode, if one was asked for."""
    tools: ToolRequest = NO_TOOL_REQUEST
    output_schema: bytes | None = None
    """Raw JSON, in place of the function's."""
    response_format: bytes | None = None
    """Raw JSON in OpenAI's form, where that is how the caller put mode and schema."""


@immutable
class CheckedCall:
    """A call that its function accepts."""

    spec: FunctionSpec
    call: Call
    tools: ToolSet
    output_schema: Schema | None
    """The one in force; None for a chat that brought none."""
    schemas: SchemaCache = field(repr=False)
    bare: bool = False
    """Whether it is texts and parameters for a plain chat, and nothing else."""


@dataclass(frozen=True, slots=True)
class VariantSpec:
    """What a variant adds: templates, and parameters for what the caller left out.

    `params.json_mode` is the variant's own. `thinks` marks a chain of thought.
    """

    templates: TemplateSet
    params: Params = NO_PARAMS
    thinks: bool = False
    defaults: Mapping[str, object] = field(init=False, default_factory=dict)
    """The same parameters, those that are given, without the mode."""
    silent: bool = field(init=False, default=False)
    """Whether it adds nothing to a bare call."""

    def __post_init__(self) -> None:
        given = given_params(self.params)
        given.pop("json_mode", None)
        object.__setattr__(self, "defaults", given)
        mode = self.params.json_mode
        silent = self.templates.plain and not self.thinks and not given and mode in (None, OFF)
        object.__setattr__(self, "silent", silent)


@immutable
class Prepared:
    """The parts of a `ModelRequest`, and what is needed to understand the answer."""

    input: Input
    params: Params
    """With the JSON mode in force."""
    stored_params: Params
    """As the inference is recorded: with the caller's JSON mode, if any."""
    tools: bytes | None
    tool_choice: bytes | None
    response_format: bytes | None
    parallel_tool_calls: bool | None
    kind: Kind
    tool_set: ToolSet
    output_schema: Schema | None
    """The one that is stored; a chain of thought asks for another."""
    asked_schema: Schema | None
    thinks: bool

    @property
    def json_mode(self) -> str:
        return self.params.json_mode or "off"

    @property
    def calls_are_texts(self) -> bool:
        """Whether the tool calls of a chat stand for texts: see `json_mode.as_text_deltas`."""
        return self.params.json_mode == "tool" and self.kind == "chat"

    def as_request(
        self,
        model_name: str,
        stream: bool,
        provider_tools: tuple[bytes, ...] = (),
        *,
        credentials: Mapping[str, str] = NO_CREDENTIALS,
        extras: Extras = NO_EXTRAS,
    ) -> ModelRequest:
        """The request for the model that its provider calls `model_name`."""
        return ModelRequest(
            model_name=model_name,
            input=self.input,
            stream=stream,
            params=self.params,
            tools=self.tools,
            tool_choice=self.tool_choice,
            response_format=self.response_format,
            parallel_tool_calls=self.parallel_tool_calls,
            provider_tools=provider_tools,
            credentials=credentials,
            extras=extras,
        )

    def read_chat(self, blocks: tuple[Block, ...]) -> tuple[OutputBlock, ...]:
        """The content of a chat function's answer."""
        if len(blocks) == 1 and isinstance(blocks[0], Text):
            return blocks
        if self.calls_are_texts:
            return as_texts(blocks)
        return tuple(
            [
                read_tool_call(block, self.tool_set) if isinstance(block, ToolCall) else block
                for block in blocks
            ]
        )

    def read_json(self, blocks: Iterable[Block]) -> JsonOutput:
        """The output of a JSON function's answer. Never raises."""
        output = read_json_output(tuple(blocks), self.asked_schema or Schema(ANYTHING))
        return unwrap_thinking(output) if self.thinks else output


def check_call(spec: FunctionSpec, call: Call, schemas: SchemaCache) -> CheckedCall:
    """Everything that does not depend on the variant, in TensorZero's order.

    Raises:
        InvalidRequest: `param` is the place of the fault, such as
            `input.messages[0].content[0].arguments.name`.
    """
    if spec.plain and _is_bare(call):
        return CheckedCall(spec, call, NO_TOOLS, None, schemas, True)
    if spec.kind == "chat" and call.params.json_mode == "tool":
        _check_tool_mode(spec.tools, call)
    check_input(spec, call.input)
    if spec.kind == "json":
        refuse_tools(call.tools)
    tools = resolve_tools(spec.tools, call.tools) if spec.kind == "chat" else NO_TOOLS
    schema = spec.output_schema
    if call.output_schema is not None:
        schema = schemas.take(call.output_schema, "output_schema")
    elif spec.kind == "json" and schema is None:
        schema = schemas.get(ANYTHING)
    return CheckedCall(spec, call, tools, schema, schemas)


def _is_bare(call: Call) -> bool:
    """Whether it has nothing that could be refused: texts and parameters, no more."""
    said = call.input
    return (
        type(said.messages) is Texts
        and not isinstance(said.system, bytes)
        and call.params.json_mode is None
        and call.tools is NO_TOOL_REQUEST
        and call.output_schema is None
        and call.response_format is None
    )


def prepare(checked: CheckedCall, variant: VariantSpec) -> Prepared:
    """What this variant asks of its model.

    Raises:
        Unrenderable: its templates cannot take the input; another variant's may.
    """
    call, kind = checked.call, checked.spec.kind
    if checked.bare and variant.silent:
        params = call.params
        return Prepared(
            call.input,
            with_mode(params, OFF),
            params,
            None,
            None,
            None,
            None,
            "chat",
            NO_TOOLS,
            None,
            None,
            False,
        )
    stored = merged_params(call.params, variant.defaults)
    mode = mode_in_force(call.params.json_mode, variant.params.json_mode, kind)
    schema = checked.output_schema
    if variant.thinks and schema is not None:
        schema = checked.schemas.get(wrap_thinking(schema.raw), brought=schema.brought)
    given = None if variant.thinks else call.response_format
    asked = _asking(mode, schema, given) if schema or given else NOTHING_ASKED
    tools = checked.tools
    offered = choice = parallel = None
    if asked.tools is not None:
        offered, choice = asked.tools, asked.tool_choice
    elif tools is not NO_TOOLS:
        offered, choice, parallel = tools.tools_json(), tools.choice_json(), tools.parallel
    return Prepared(
        input=variant.templates.render_input(call.input),
        params=stored if mode == stored.json_mode else with_mode(stored, mode),
        stored_params=stored,
        tools=offered,
        tool_choice=choice,
        response_format=asked.response_format,
        parallel_tool_calls=parallel,
        kind=kind,
        tool_set=tools,
        output_schema=checked.output_schema,
        asked_schema=schema,
        thinks=variant.thinks,
    )


def check_input(spec: FunctionSpec, said: Input) -> None:
    """The input against the function's schemas.

    Raises:
        InvalidRequest: as `check_call`.
    """
    if said.system is not None:
        _check_arguments(spec, "system", said.system, "input.system", "System message")
    elif "system" in spec.schemas:
        raise InvalidRequest(EMPTY_SYSTEM, param="input.system")
    for index, message in enumerate(said.messages):
        for place, block in enumerate(message.content):
            if isinstance(block, Text):
                if message.role in spec.schemas:
                    where = f"input.messages[{index}].content[{place}].text"
                    _check_arguments(spec, message.role, block.text, where, _who(index))
            elif isinstance(block, Template):
                where = f"input.messages[{index}].content[{place}].arguments"
                _check_arguments(spec, block.name, block.arguments, where, _who(index))


def merged_params(given: Params, defaults: Mapping[str, Any]) -> Params:
    """The request's parameters, and `defaults` where it has none."""
    if not defaults:
        return given
    missing = {name: default for name, default in defaults.items() if getattr(given, name) is None}
    return replace(given, **missing) if missing else given


def _asking(mode: str, schema: Schema | None, given: bytes | None) -> Asking:
    """A caller's own `response_format` is sent as it is where it says the same."""
    if given is not None and mode == "strict":
        return Asking(response_format=given)
    return asking(mode, None if schema is None else schema.raw)


def _who(index: int) -> str:
    return f"Message at index {index}"


def _check_arguments(
    spec: FunctionSpec, name: str, value: str | bytes, where: str, who: str
) -> None:
    schema = spec.schemas.get(name)
    if schema is not None:
        schema.check(value if isinstance(value, str) else _decoded(value, where), where)
    elif isinstance(value, bytes) and name not in spec.template_names:
        raise InvalidRequest(
            f"{who} has non-string content but there is no template `{name}` in any variant",
            param=where,
        )


def _decoded(raw: bytes, where: str) -> object:
    try:
        return read_json(raw)
    except ValueError as error:
        raise InvalidRequest(f"Template arguments cannot be read: {error}", param=where) from error


def _check_tool_mode(function: FunctionTools, call: Call) -> None:
    """In mode `tool` a chat has one tool, and no other."""
    if function.names:
        raise InvalidRequest("JSON mode `tool` is not supported with other tools configured.")
    for name, configured in (
        ("tool_choice", function.choice != AUTO),
        ("parallel_tool_calls", function.parallel is not None),
    ):
        if configured:
            raise InvalidRequest(
                f"JSON mode `tool` is not supported with `{name}` configured in the function."
            )
    if call.output_schema is None:
        raise InvalidRequest("JSON mode `tool` requires `output_schema`.", param="output_schema")
    said = call.tools
    for name, given in (
        ("allowed_tools", said.allowed is not None),
        ("additional_tools", said.additional is not None),
        ("parallel_tool_calls", said.parallel is not None),
        ("provider_tools", bool(said.provider_tools)),
        ("tool_choice", said.choice is not None),
    ):
        if given:
            raise InvalidRequest(f"Cannot pass `{name}` when using JSON mode `tool`.", param=name)
