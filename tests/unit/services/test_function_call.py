"""A chat completion understood as the call of a function, and what the function changes in it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
import pytest

from proxy.errors import InvalidRequest
from proxy.inference.function import Function
from proxy.inference.prepare import FunctionSpec, VariantSpec, prepare
from proxy.inference.sampling import Pool
from proxy.inference.schemas import Schema
from proxy.inference.templates import TemplateSet, TemplateSource
from proxy.inference.tools import FunctionTools, load_tool
from proxy.inference.variant import Variant
from proxy.models.model import NO_LIMITS, Model
from proxy.models.policy import Candidate, Schedule
from proxy.services.function_call import FunctionCall, read_function_call
from proxy.services.targets import Targets
from proxy.services.translating import check_translatable
from proxy.types.request import Params
from proxy.wire.envelope.tools import ToolChoice

HELLO = [{"role": "user", "content": "hi"}]
SCHEMA = b'{"type":"object"}'
CANDIDATE = Candidate("v", Model("m", ()), Schedule(0, 0.0), NO_LIMITS)
CLOCK = load_tool(
    "clock", name="time", description="d", label="t.json", parameters="{}", strict=False
)


def variant(templates: dict[str, str] | None = None, **params: Any) -> Variant:
    sources = {
        name: TemplateSource(f"{name}.j", text, of_role=True)
        for name, text in (templates or {}).items()
    }
    return Variant("v", CANDIDATE, VariantSpec(TemplateSet(sources), Params(**params)))


def read(spec: FunctionSpec, **body: Any) -> FunctionCall:
    function = Function("f", {"v": variant()}, Pool(["v"]), spec)
    targets = Targets({"f": function}, {}, {}, None, lambda model: variant())
    said = {"messages": HELLO, **body}
    return read_function_call(orjson.dumps(said), targets.function_target("f"), targets)


def changed(spec: FunctionSpec, of: Variant | None = None, **body: Any) -> dict[str, Any]:
    asked = read(spec, **body)
    members = asked.changed_members(prepare(asked.checked, (of or variant()).spec))
    return {key: orjson.loads(raw) for key, raw in members.items()}


JSON = FunctionSpec("json", output_schema=Schema(SCHEMA))
TOOLS = FunctionSpec(tools=FunctionTools(("clock",), configured={"clock": CLOCK}))


def test_a_chat_with_nothing_of_its_own_changes_nothing() -> None:
    assert changed(FunctionSpec(), tools=[{"type": "x"}], response_format={"type": "text"}) == {}


def test_a_template_changes_the_messages_only() -> None:
    told = changed(FunctionSpec(), variant({"user": "<{{ user_text }}>"}))
    assert told == {"messages": [{"role": "user", "content": "<hi>"}]}


@pytest.mark.parametrize("given", [{"type": "json_object"}, {"type": "grammar", "root": "x"}])
def test_a_clients_form_of_the_answer_stays(given: dict[str, Any]) -> None:
    assert changed(JSON, variant(json_mode="strict"), response_format=given) == {}


def test_null_is_as_good_as_nothing() -> None:
    made = changed(JSON, variant(json_mode="off"), response_format=None, tools=None)
    assert made == {}
    made = changed(JSON, variant(json_mode="strict"), response_format=None)
    assert made["response_format"]["json_schema"]["schema"] == {"type": "object"}


def test_json_is_spoken_of_once() -> None:
    made = changed(JSON, variant(json_mode="on"))
    assert made["messages"][0] == {"role": "system", "content": "Respond using JSON."}
    said = [{"role": "system", "content": "as JSON"}, *HELLO]
    assert "messages" not in changed(JSON, variant(json_mode="on"), messages=said)
    plain = [{"role": "system", "content": "Be brief."}, *HELLO]
    made = changed(JSON, variant(json_mode="on"), messages=plain)
    assert made["messages"][0]["content"] == "Respond using JSON.\n\nBe brief."


def test_allowed_tools_are_told_by_the_names_that_models_know() -> None:
    choice = {
        "type": "allowed_tools",
        "allowed_tools": {
            "mode": "auto",
            "tools": [{"type": "function", "function": {"name": "clock"}}],
        },
    }
    made = changed(TOOLS, tool_choice=choice)
    assert made["tools"][0]["function"]["name"] == "time"
    named = made["tool_choice"]["allowed_tools"]["tools"]
    assert named == [{"type": "function", "function": {"name": "time"}}]


def test_a_configured_choice_holds_for_the_clients_tools_too() -> None:
    spec = FunctionSpec(tools=FunctionTools(choice=ToolChoice("required"), parallel=True))
    assert changed(spec) == {}
    own = {"type": "function", "function": {"name": "own", "parameters": None}}
    assert changed(spec, tools=[own]) == {
        "tool_choice": "required",
        "parallel_tool_calls": True,
    }


@pytest.mark.parametrize(
    ("spec", "body", "param"),
    [
        (JSON, {"tools": [{"type": "custom", "custom": {"name": "c"}}]}, "tools"),
        (JSON, {"tool_choice": "none"}, "tool_choice"),
        (TOOLS, {"tools": {}}, "tools"),
        (TOOLS, {"tool_choice": "some"}, "tool_choice"),
        (TOOLS, {"messages": "x"}, "messages"),
        (FunctionSpec(schemas={"user": Schema(SCHEMA)}), {}, "input.messages[0].content[0].text"),
    ],
)
def test_what_the_function_does_not_accept_is_refused(
    spec: FunctionSpec, body: dict[str, Any], param: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read(spec, **body)
    assert refused.value.param == param


@pytest.mark.parametrize(
    "body",
    [
        {"tools": [{"type": "web_search"}]},
        {"response_format": {"type": "grammar"}},
        {"seed": "x"},
        {"stop": 7},
        {"max_completion_tokens": "many"},
    ],
)
def test_what_is_not_understood_is_not_lost_silently(body: dict[str, Any]) -> None:
    asked = read(FunctionSpec(), **body)
    with pytest.raises(InvalidRequest) as refused:
        check_translatable(asked, variant())
    assert refused.value.param == next(iter(body))
    check_translatable(read(FunctionSpec(), stop="x", seed=None, max_tokens=3), variant())


@pytest.mark.parametrize(
    ("own", "given", "translated"),
    [
        ("tool", None, True),
        ("tool", {"type": "json_object"}, False),
        ("strict", None, False),
        (None, None, False),
    ],
)
def test_json_by_a_tool_is_translated_unless_the_client_wants_it_otherwise(
    own: str | None, given: Any, translated: bool
) -> None:
    assert read(JSON, response_format=given).is_translated(variant(json_mode=own)) is translated


def test_only_what_is_said_by_a_system_text_and_parameters_is_plain() -> None:
    def plain(each: Variant, spec: FunctionSpec | None = None) -> bool:
        return Function("f", {"v": each}, Pool(["v"]), spec or FunctionSpec()).plain

    assert plain(variant({"system": "{{ system_text }}"}, temperature=0.5, json_mode="off"))
    assert not plain(variant({"user": "x"}))
    assert not plain(variant(json_mode="on"))
    for spec in (JSON, TOOLS, FunctionSpec(schemas={"system": Schema(SCHEMA)})):
        assert not plain(variant(), spec)
    named = TemplateSet({"system": TemplateSource("s.j", "x")})
    assert not plain(Variant("v", CANDIDATE, VariantSpec(named)))


def test_a_function_that_is_plain_is_a_plain_target() -> None:
    functions = {
        "plain": Function("plain", {"v": variant()}, Pool(["v"])),
        "json": Function("json", {"v": variant()}, Pool(["v"]), JSON),
    }
    targets = Targets(functions, {"m": CANDIDATE.model}, {}, None, lambda model: variant())
    assert targets.function_target("plain").plain and targets.model_target("m").plain
    assert not targets.function_target("json").plain
    [drawn] = targets.function_target("json").choose(UUID(int=0), None)
    assert drawn.name == "v"
