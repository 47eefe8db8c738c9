from __future__ import annotations

import pytest

from proxy.errors import ConfigError, Unrenderable
from proxy.inference.templates import SystemTemplate, TemplateSet, TemplateSource
from proxy.types.content import RawText, Template, Text, ToolResult
from proxy.types.request import Input, Message


def rendered(text: str, arguments: bytes, **includes: str) -> str:
    templates = TemplateSet({"greet": TemplateSource("g.minijinja", text)}, includes=includes)
    said = templates.render_message(Message("user", (Template("greet", arguments),)), "here")
    assert isinstance(said.content[0], Text)
    return said.content[0].text


def role_template(role: str, text: str, *, schema: bool = False) -> TemplateSet:
    source = TemplateSource(f"{role}.minijinja", text, of_role=True)
    return TemplateSet({role: source}, with_schema=[role] if schema else [])


# The engine's settings. The expected texts are what the released TensorZero engine sent.


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ yes }} {{ no }} {{ list }}", 'true none [1, true, none, {"x": 1}]'),
        ("{{ map }}", '{"a": none, "b": 1, "items": 2}'),
        ("{{ map.items }}", "2"),
        ("{{ map.keys is defined }}", "false"),
        ("{{ map|tojson }} {{ list|tojson }}", '{"a":null,"b":1,"items":2} [1,true,null,{"x":1}]'),
        ("{{ list|join(',') }}", '1,true,none,{"x": 1}'),
        ("{{ 'a' ~ list }}", 'a[1, true, none, {"x": 1}]'),
        ("{{ [map] }}", '[{"a": none, "b": 1, "items": 2}]'),
        ("{{ [odd] }}", '["é\\u{2028}😀\\n\\""]'),
        (
            "{{ big }} {{ [big] }} {{ plain }} {{ zero }}",
            "10000000000000000000000.0 [1e22] 1.1 -0.0",
        ),
        ("{{ '<a>' }} {{ angle }}", "<a> <b>"),
        ("{% for k, v in map|items %}{{ k }}={{ v }};{% endfor %}", "a=none;b=1;items=2;"),
        ("line\n", "line"),
        ("line\n\n", "line\n"),
    ],
)
def test_values_are_printed_as_the_engine_prints_its_own(template: str, text: str) -> None:
    arguments = (
        '{"yes": true, "no": null, "list": [1, true, null, {"x": 1}], '
        '"map": {"b": 1, "a": null, "items": 2}, "odd": "é\\u2028😀\\n\\"", '
        '"big": 1e22, "plain": 1.10, "zero": -0.0, "angle": "<b>"}'
    )
    assert rendered(template, arguments.encode()) == text


@pytest.mark.parametrize(
    "template", ["{{ x }}", "{{ map.x }}", "{{ map.items }}", "{{ map.keys }}"]
)
def test_what_is_undefined_is_an_error_that_names_template_and_place(template: str) -> None:
    with pytest.raises(Unrenderable) as caught:
        rendered(template, b'{"map": {}}')
    assert str(caught.value).startswith(
        "Error rendering template g.minijinja: Could not render template: undefined value"
    )
    assert caught.value.param == "here.content[0]"


@pytest.mark.parametrize("call", ["map.get('x')", "list.append(1)", "text.upper()"])
def test_templates_cannot_call_methods_of_python(call: str) -> None:
    with pytest.raises(Unrenderable, match=r"unknown method: .* has no method named"):
        rendered("{{ " + call + " }}", b'{"map": {"x": 1}, "list": [], "text": "a"}')


def test_variables_may_have_any_name() -> None:
    arguments = b'{"self": 1, "template_name": 2, "name": 3}'
    assert rendered("{{ self }}{{ template_name }}{{ name }}", arguments) == "123"


def test_templates_include_what_was_handed_in_and_nothing_else() -> None:
    assert rendered("{% include 'part' %}!", b'{"x": 1}', part="<{{ x }}>") == "<1>!"
    with pytest.raises(Unrenderable, match="etc/passwd"):
        rendered("{% include '/etc/passwd' %}", b"{}")


def test_all_broken_templates_are_reported_at_once() -> None:
    broken = {"a": TemplateSource("a.j", "{% if"), "user": TemplateSource("u.j", "{{", True)}
    with pytest.raises(ConfigError) as caught:
        TemplateSet(broken)
    assert [problem.key for problem in caught.value.problems] == ["templates.a", "user_template"]
    assert "Error rendering template a.j: Failed to add template: syntax error" in str(caught.value)


def test_undeclared_variables_are_found_without_rendering() -> None:
    text = "{{ a.b }}{% set c = 1 %}{{ c }}{% for i in range(3) %}{{ i }}{{ d }}{% endfor %}"
    templates = TemplateSet({"x": TemplateSource("x.j", text)})
    assert templates.undeclared("x") == {"a", "d"}


# Blocks.


def test_a_text_goes_through_the_template_of_its_role() -> None:
    templates = role_template("user", "U: {{ user_text }}")
    said = Message("user", (Text("hi"), RawText("{{ raw }}"), ToolResult("1", "t", "r")))
    assert templates.render_message(said, "m") == Message(
        "user", (Text("U: hi"), Text("{{ raw }}"), ToolResult("1", "t", "r"))
    )


def test_a_text_of_another_role_stays() -> None:
    said = Message("assistant", (Text("hi"),))
    assert role_template("user", "U").render_message(said, "m") is said


def test_a_named_template_of_a_roles_name_leaves_texts_alone() -> None:
    templates = TemplateSet({"user": TemplateSource("u.j", "U: {{ name }}")})
    said = Message("user", (Text("hi"), Template("user", b'{"name": "Ada"}')))
    assert templates.render_message(said, "m").content == (Text("hi"), Text("U: Ada"))


def test_a_template_that_this_variant_lacks_fails_the_variant() -> None:
    with pytest.raises(Unrenderable, match="Template `other` not found") as caught:
        role_template("user", "U").render_input(
            Input((Message("user", (Text("a"), Template("other", b"{}"))),))
        )
    assert caught.value.param == "input.messages[0].content[1]"


def test_a_template_that_takes_one_text_takes_no_arguments() -> None:
    templates = role_template("user", "U: {{ user_text }}")
    assert templates.explicit == frozenset()
    with pytest.raises(Unrenderable, match=r"is not a string but `input_wrappers.user` is set"):
        templates.render_message(Message("user", (Template("user", b'{"a": 1}'),)), "m")


def test_a_template_with_a_schema_takes_arguments() -> None:
    templates = role_template("system", "S: {{ name }}", schema=True)
    assert templates.explicit == {"system"}
    assert templates.render_system(b'{"name": "Ada"}') == "S: Ada"


def test_a_system_template_is_rendered_even_when_no_system_text_is_sent() -> None:
    templates = role_template("system", "S: {{ system_text }}")
    assert templates.render_system(None) == "S: none"
    assert templates.render_system("x") == "S: x"
    assert SystemTemplate("s.j", "S: {{ system_text }}").render("x") == "S: x"
    included = SystemTemplate("s.j", "{% include 'part' %}!", {"part": "P {{ system_text }}"})
    assert included.render("x") == "P x!"


def test_without_a_system_template_a_text_passes_and_arguments_do_not() -> None:
    templates = TemplateSet({})
    assert templates.render_system("x") == "x"
    assert templates.render_system(None) is None
    with pytest.raises(Unrenderable, match="there is no variant template"):
        templates.render_system(b"{}")
