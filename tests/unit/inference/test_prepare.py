from __future__ import annotations

import string
from dataclasses import fields, replace
from itertools import product
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import InvalidRequest, Unrenderable
from proxy.inference.prepare import (
    PLAIN,
    Call,
    FunctionSpec,
    Prepared,
    VariantSpec,
    check_call,
    prepare,
)
from proxy.inference.schemas import Schema, SchemaCache
from proxy.inference.templates import TemplateSet, TemplateSource
from proxy.inference.tools import AUTO, FunctionTools, ReadToolCall, ToolRequest, decode_tools
from proxy.types.content import Block, RawText, Template, Text, Thought, ToolCall, ToolResult
from proxy.types.request import Input, Message, Params, Texts, input_to_json
from proxy.wire.envelope.tools import ToolChoice

NAMED = Schema(b'{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}')
TOOL = b'[{"name": "t", "description": "", "parameters": {"type": "object"}}]'
BARE = VariantSpec(TemplateSet({}))


def user(*blocks: Block) -> Message:
    return Message("user", blocks)


def prepared(call: Call, spec: FunctionSpec = PLAIN, variant: VariantSpec = BARE) -> Prepared:
    return prepare(check_call(spec, call, SchemaCache()), variant)


def refused(call: Call, spec: FunctionSpec = PLAIN) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        check_call(spec, call, SchemaCache())
    return caught.value


HELLO = Call(Input((user(Text("hi")),)))
TEMPLATES = TemplateSet(
    {
        "system": TemplateSource("s.j", "S {{ name }}", of_role=True),
        "user": TemplateSource("u.j", "U {{ name }}", of_role=True),
        "note": TemplateSource("n.j", "N {{ name }}"),
    },
    with_schema=["system", "user"],
)
STRUCTURED = FunctionSpec(
    schemas={"system": NAMED, "user": NAMED}, template_names=TEMPLATES.explicit
)
ADA = b'{"name": "Ada"}'


# Input.


def test_arguments_become_texts() -> None:
    said = Input((user(Template("user", ADA), RawText("{{ x }}"), Template("note", ADA)),), ADA)
    asked = prepared(Call(said), STRUCTURED, VariantSpec(TEMPLATES))
    assert asked.input == Input((user(Text("U Ada"), Text("{{ x }}"), Text("N Ada")),), "S Ada")


@pytest.mark.parametrize(
    ("said", "place", "message"),
    [
        (Input((), b'{"name": 1}'), "input.system.name", '1 is not of type "string"'),
        (Input((), "text"), "input.system", '"text" is not of type "object"'),
        (Input(()), "input.system", "`input.system` is empty but a system template is present."),
        (
            Input((user(Text("hi")),), ADA),
            "input.messages[0].content[0].text",
            '"hi" is not of type "object"',
        ),
        (
            Input((user(), user(RawText(""), Template("user", b"{}"))), ADA),
            "input.messages[1].content[1].arguments",
            '"name" is a required property',
        ),
        (
            Input((user(Template("zzz", ADA)),), ADA),
            "input.messages[0].content[0].arguments",
            "Message at index 0 has non-string content but there is no template `zzz` "
            "in any variant",
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_any_variant_with_its_place(
    said: Input, place: str, message: str
) -> None:
    error = refused(Call(said), STRUCTURED)
    assert error.param == place
    assert message in str(error)


def test_arguments_for_the_system_need_a_template() -> None:
    assert str(refused(Call(Input((), ADA)))) == (
        "System message has non-string content but there is no template `system` in any variant"
    )


def test_a_template_that_only_other_variants_have_fails_the_variant_alone() -> None:
    spec = FunctionSpec(template_names=frozenset({"note"}))
    checked = check_call(spec, Call(Input((user(Template("note", ADA)),))), SchemaCache())
    with pytest.raises(Unrenderable, match="Template `note` not found"):
        prepare(checked, BARE)
    assert prepare(checked, VariantSpec(TemplateSet({"note": TemplateSource("n.j", "N")})))


# Parameters and JSON modes.


def test_a_variant_fills_in_what_the_caller_left_out() -> None:
    variant = replace(BARE, params=Params(temperature=0.5, seed=1, json_mode="on"))
    asked = prepared(replace(HELLO, params=Params(temperature=0.0)), PLAIN, variant)
    assert asked.stored_params == Params(temperature=0.0, seed=1)
    assert asked.params == Params(temperature=0.0, seed=1, json_mode="on")


def test_a_json_function_sends_its_schema() -> None:
    spec = FunctionSpec("json", output_schema=NAMED)
    asked = prepared(HELLO, spec)
    assert asked.json_mode == "strict"
    assert orjson.loads(asked.response_format or b"")["json_schema"]["schema"] == orjson.loads(
        NAMED.raw
    )
    output = asked.read_json((Thought("hm"), Text('{"name": "Ada", "n": 1.0}')))
    assert output.parsed == b'{"name":"Ada","n":1.0}'


def test_a_callers_schema_replaces_the_functions() -> None:
    spec = FunctionSpec("json", output_schema=NAMED)
    asked = prepared(replace(HELLO, output_schema=b'{"type":"array"}'), spec)
    assert asked.read_json((Text("[1]"),)).parsed == b"[1]"
    assert asked.read_json((Text('{"name": "x"}'),)).parsed is None


def test_a_callers_schema_that_is_none_is_no_error() -> None:
    spec = FunctionSpec("json")
    asked = prepared(replace(HELLO, output_schema=b'{"type":"nope"}'), spec)
    output = asked.read_json((Text("1"),))
    assert (output.raw, output.parsed) == ("1", None)


def test_a_json_function_without_schema_takes_any_json() -> None:
    assert prepared(HELLO, FunctionSpec("json")).read_json((Text("[1]"),)).parsed == b"[1]"


def test_a_json_function_in_mode_tool_is_told_of_one_tool_by_request() -> None:
    spec = FunctionSpec("json", output_schema=NAMED)
    request = prepared(replace(HELLO, params=Params(json_mode="tool")), spec).as_request(
        "m", stream=True
    )
    assert request.model_name == "m"
    assert request.stream
    assert b'"respond"' in (request.tools or b"")
    assert b'"respond"' in (request.tool_choice or b"")
    assert request.response_format is None


def test_a_chat_in_mode_tool_answers_with_texts() -> None:
    call = replace(HELLO, params=Params(json_mode="tool"), output_schema=NAMED.raw)
    asked = prepared(call)
    assert asked.calls_are_texts
    assert asked.read_chat((ToolCall("1", "respond", "{}"),)) == (Text("{}"),)


@pytest.mark.parametrize(
    ("function", "call", "message"),
    [
        (FunctionTools(), HELLO, "JSON mode `tool` requires `output_schema`."),
        (
            FunctionTools(names=("t",)),
            HELLO,
            "JSON mode `tool` is not supported with other tools configured.",
        ),
        (
            FunctionTools(choice=ToolChoice("none")),
            HELLO,
            "JSON mode `tool` is not supported with `tool_choice` configured in the function.",
        ),
        (
            FunctionTools(),
            replace(HELLO, output_schema=b"{}", tools=ToolRequest(choice=AUTO)),
            "Cannot pass `tool_choice` when using JSON mode `tool`.",
        ),
    ],
)
def test_a_chat_in_mode_tool_has_no_other_tools(
    function: FunctionTools, call: Call, message: str
) -> None:
    call = replace(call, params=Params(json_mode="tool"))
    assert str(refused(call, FunctionSpec(tools=function))) == message


def test_a_callers_response_format_is_sent_as_it_is() -> None:
    raw = b'{"type": "json_schema", "json_schema": {"name": "mine", "schema": {"z": 1, "a": 1.0}}}'
    call = replace(
        HELLO, params=Params(json_mode="strict"), response_format=raw, output_schema=b"{}"
    )
    assert prepared(call).response_format == raw
    thinking = prepared(call, FunctionSpec("json"), replace(BARE, thinks=True))
    assert b'"thinking"' in (thinking.response_format or b"")


def test_a_chain_of_thought_asks_for_thinking_and_keeps_the_functions_schema() -> None:
    spec = FunctionSpec("json", output_schema=NAMED)
    asked = prepared(HELLO, spec, replace(BARE, thinks=True))
    assert b'"thinking"' in (asked.response_format or b"")
    assert asked.output_schema is NAMED
    output = asked.read_json((Text('{"thinking": "hm", "response": {"name": "Ada"}}'),))
    assert (output.raw, output.auxiliary) == ('{"name":"Ada"}', (Thought("hm"),))


def test_calls_of_tools_are_read_against_what_was_offered() -> None:
    tools = ToolRequest(additional=decode_tools(TOOL, SchemaCache()), parallel=False)
    asked = prepared(replace(HELLO, tools=tools))
    assert asked.parallel_tool_calls is False
    assert asked.read_chat((Text("a"), ToolCall("1", "t", "{}"), ToolCall("2", "u", "{}"))) == (
        Text("a"),
        ReadToolCall("1", "t", "{}", "t", b"{}"),
        ReadToolCall("2", "u", "{}", None, None),
    )


# Properties.

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
names = st.text(string.ascii_letters + "_ -é", max_size=8)
spelled = st.sampled_from(["0", "1.0", "1.10", "1e2", "1E+2", "-0.0", "1234567890123456789"])


def spelled_json() -> st.SearchStrategy[str]:
    """JSON texts whose key order and numbers a careless reader would change."""
    scalars = spelled | st.sampled_from(["true", "false", "null"]) | texts.map(_quoted)

    def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        lists = st.lists(inner, max_size=3).map(lambda each: "[" + ", ".join(each) + "]")
        return lists | objects(inner)

    return st.recursive(scalars, nested, max_leaves=8)


def objects(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.lists(st.tuples(names, inner), max_size=4, unique_by=lambda pair: pair[0])
    return pairs.map(
        lambda each: "{" + ", ".join(f"{_quoted(key)}: {value}" for key, value in each) + "}"
    )


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()


@given(st.lists(texts, max_size=3), texts | st.none())
def test_texts_reach_the_model_as_they_were_sent(said: list[str], system: str | None) -> None:
    sent = Input(tuple(user(Text(text), RawText(text)) for text in said), system)
    asked = prepared(Call(sent))
    assert asked.input == Input(tuple(user(Text(text), Text(text)) for text in said), system)


@given(texts)
def test_a_text_goes_through_a_template_unharmed(text: str) -> None:
    template = TemplateSource("u.j", "<{{ user_text }}|{{ user_text|tojson }}>", of_role=True)
    asked = prepared(
        Call(Input((user(Text(text)),))), PLAIN, VariantSpec(TemplateSet({"user": template}))
    )
    block = asked.input.messages[0].content[0]
    assert isinstance(block, Text)
    assert block.text.startswith(f"<{text}|")
    assert orjson.loads(block.text[len(text) + 2 : -1]) == text


@given(objects(spelled_json()))
def test_arguments_are_recorded_as_they_were_spelled(arguments: str) -> None:
    spec = FunctionSpec(schemas={"user": Schema(b'{"type": "object"}')})
    said = Input((user(Template("user", arguments.encode())),))
    checked = check_call(spec, Call(said), SchemaCache())
    assert arguments.encode() in input_to_json(checked.call.input)


@given(objects(spelled_json()))
def test_a_template_that_dumps_an_object_keeps_its_values_and_sorts_its_keys(value: str) -> None:
    variant = VariantSpec(TemplateSet({"dump": TemplateSource("d.j", "{{ value|tojson }}")}))
    spec = FunctionSpec(template_names=frozenset({"dump"}))
    arguments = b'{"value": ' + value.encode() + b"}"
    block = (
        prepared(Call(Input((user(Template("dump", arguments)),))), spec, variant)
        .input.messages[0]
        .content[0]
    )
    assert isinstance(block, Text)
    assert _pairs(orjson.loads(block.text)) == _pairs(orjson.loads(value), sort=True)


def _pairs(value: object, *, sort: bool = False) -> object:
    if isinstance(value, dict):
        keys = sorted(value) if sort else list(value)
        return [(key, _pairs(value[key], sort=sort)) for key in keys]
    return [_pairs(each, sort=sort) for each in value] if isinstance(value, list) else value


@given(objects(spelled_json()), st.sampled_from(["on", "strict", "off", "tool"]))
def test_a_json_output_keeps_its_spelling(text: str, mode: str) -> None:
    asked = prepared(replace(HELLO, params=Params(json_mode=mode)), FunctionSpec("json"))
    block = ToolCall("1", "respond", text) if mode == "tool" else Text(text)
    output = asked.read_json((block,))
    assert output.raw == text
    assert output.parsed is not None
    assert _tokens(output.parsed.decode()) == _tokens(text)


def _tokens(text: str) -> str:
    """The text without the blanks that `objects` and `spelled_json` put between tokens."""
    return text.replace(", ", ",").replace(": ", ":")


faulty = st.sampled_from([b"1", b"null", b'["a"]', b"{}", b"true", b"1.5"])


@given(
    st.integers(0, 3),
    st.integers(0, 3),
    faulty,
    st.sampled_from(["user", "assistant"]),
)
def test_a_fault_is_found_where_it_is(message: int, block: int, wrong: bytes, role: str) -> None:
    spec = FunctionSpec(schemas={role: NAMED})
    fine: tuple[Block, ...] = (ToolResult("1", "t", "r"), Template(role, ADA), RawText("x"))
    before = tuple(Message(role, fine) for _ in range(message))
    bad = Template(role, b'{"name": ' + wrong + b"}")
    said = Input((*before, Message(role, (*fine[:block], bad)), user(Text("later"))))
    error = refused(Call(said), spec)
    place = min(block, len(fine))
    assert error.param == f"input.messages[{message}].content[{place}].arguments.name"


@given(st.binary(max_size=12))
def test_arguments_that_are_no_json_are_refused_and_never_crash(raw: bytes) -> None:
    spec = FunctionSpec(schemas={"user": Schema(b"{}")}, template_names=frozenset({"user"}))
    call = Call(Input((user(Template("user", b"{" + raw)),)))
    variant = VariantSpec(TemplateSet({"user": TemplateSource("u.j", "x")}))
    try:
        prepared(call, spec, variant)
    except InvalidRequest as error:
        assert error.param is not None
        assert error.param.startswith("input.messages[0].content[0]")


JSON_FORMAT = b'{"type":"json_object"}'
WEATHER = FunctionTools(("t",), configured={"t": decode_tools(TOOL, SchemaCache())[0]})
VARIANTS = [
    BARE,
    VariantSpec(TemplateSet({}), Params(temperature=0.5)),
    VariantSpec(TemplateSet({}), Params(json_mode="off")),
    VariantSpec(TemplateSet({}), Params(json_mode="on")),
    VariantSpec(TemplateSet({}), thinks=True),
    VariantSpec(TemplateSet({"system": TemplateSource("s.j", "S {{ system_text }}", True)})),
    VariantSpec(TemplateSet({"user": TemplateSource("u.j", "U {{ user_text }}", True)})),
    VariantSpec(TemplateSet({"note": TemplateSource("n.j", "N")})),
]
SPECS = [
    PLAIN,
    FunctionSpec(schemas={"user": Schema(b'{"type":"string"}')}),
    FunctionSpec(schemas={"user": NAMED}),
    FunctionSpec(schemas={"system": NAMED}),
    FunctionSpec(tools=WEATHER),
    FunctionSpec(tools=FunctionTools(choice=ToolChoice("none"))),
    FunctionSpec(tools=FunctionTools(parallel=True)),
    FunctionSpec("json", output_schema=NAMED),
    FunctionSpec("json"),
]
BROUGHT: list[dict[str, Any]] = [
    {},
    {"params": Params(temperature=0.1, json_mode="on")},
    {"params": Params(json_mode="off"), "response_format": b'{"type":"text"}'},
    {"params": Params(json_mode="strict"), "response_format": JSON_FORMAT},
    {"params": Params(json_mode="tool"), "output_schema": NAMED.raw},
    {"output_schema": NAMED.raw},
    {"tools": ToolRequest(additional=decode_tools(TOOL, SchemaCache()))},
    {"tools": ToolRequest(parallel=True)},
    {"tools": ToolRequest(choice=ToolChoice("auto"))},
    {"tools": ToolRequest()},
]


@pytest.mark.parametrize("spec", SPECS)
def test_texts_are_prepared_as_messages_are_that_may_be_more(spec: FunctionSpec) -> None:
    schemas = SchemaCache()

    def outcome(call: Call, variant: VariantSpec) -> object:
        try:
            made = prepare(check_call(spec, call, schemas), variant)
        except (InvalidRequest, Unrenderable) as error:
            return type(error), str(error), error.param
        return [_shown(getattr(made, each.name)) for each in fields(Prepared)]

    texts = Texts([user(Text("hi")), Message("assistant", (Text(""),))])
    for variant, system, brought in product(VARIANTS, [None, "be brief", ADA], BROUGHT):
        call = Call(Input(texts, system), **brought)
        other = replace(call, input=replace(call.input, messages=tuple(texts)))
        assert outcome(call, variant) == outcome(other, variant)


def _shown(value: object) -> object:
    return value.raw if isinstance(value, Schema) else value


def test_a_bare_call_of_a_plain_chat_is_prepared_in_one_step() -> None:
    call = Call(Input(Texts([user(Text("hi"))])), Params(seed=1))
    with patch("proxy.inference.prepare.check_input", side_effect=AssertionError):
        checked = check_call(PLAIN, call, SchemaCache())
    with patch("proxy.inference.prepare.merged_params", side_effect=AssertionError):
        assert prepare(checked, BARE).stored_params is call.params
