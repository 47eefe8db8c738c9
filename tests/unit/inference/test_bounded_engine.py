"""Templates that callers bring along: rendered as others are, and no worker dies of them."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

from proxy.errors import ConfigError, Unrenderable
from proxy.inference import bounded_engine
from proxy.inference.templates import TemplateSet, TemplateSource
from proxy.types.content import Template, Text
from proxy.types.request import Input, Message

SECONDS = bounded_engine.SECONDS
DOUBLED = (
    "{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(40) %}{% set ns.x = ns.x ~ ns.x %}"
)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that is busy otherwise, the process alone may take longer to start."""
    monkeypatch.setattr(bounded_engine, "SECONDS", 60.0)


def brought(text: str, **includes: str) -> TemplateSet:
    source = TemplateSource("t", text, of_role=True)
    return TemplateSet({"user": source}, with_schema=["user"], includes=includes, brought=True)


def rendered(templates: TemplateSet, arguments: bytes) -> str:
    asked = Input((Message("user", (Template("user", arguments),)),))
    (block,) = templates.render_input(asked).messages[0].content
    assert isinstance(block, Text)
    return block.text


def children() -> set[str]:
    path = Path(f"/proc/self/task/{os.getpid()}/children")
    return set(path.read_text().split()) if path.exists() else set()


def test_they_are_rendered_as_a_configured_template_is() -> None:
    text = "{% include 'part' %} {{ a }} {{ b[0] }} {{ c.items }}|{{ d }} {{ missing is defined }}"
    arguments = '{"a": {"x": [1, true, null]}, "b": [1.10], "c": {"items": 2}, "d": "é😀\\n"}'
    source = TemplateSource("t", text, of_role=True)
    configured = TemplateSet({"user": source}, with_schema=["user"], includes={"part": "hi"})
    expected = rendered(configured, arguments.encode())
    templates = brought(text, part="hi")
    for _ in range(2):
        assert rendered(templates, arguments.encode()) == expected


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{{ 'x' * 100000000000 }}",
        DOUBLED + "{% endfor %}",
        "{% for a in range(100000) %}{{ 'x' * 100000 }}{% endfor %}",
        "{{ '%1000000000d'|format(1) }}",
    ],
)
def test_one_that_takes_too_much_fails_alone(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = children()
    with (
        monkeypatch.context() as impatient,
        pytest.raises(
            (Unrenderable, ConfigError), match=r"too much time or memory|ran out of fuel"
        ),
    ):
        impatient.setattr(bounded_engine, "SECONDS", SECONDS)
        rendered(brought(text), b"{}")
    assert rendered(brought("{{ a }}"), b'{"a": 1}') == "1"
    assert children() <= before


@pytest.mark.parametrize("text", ["{{ " + "-" * 100_000 + "1 }}", "{{ a", "{{ " + "a()" * 300_000])
def test_one_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="Failed to add template"):
        brought(text)


def test_a_set_that_is_dropped_leaves_no_process() -> None:
    before = children()
    templates = brought("{{ a }}")
    assert len(children() - before) <= 1
    del templates
    gc.collect()
    assert children() <= before


def test_variables_may_have_any_name() -> None:
    arguments = b'{"name": 1, "self": 2, "source": 3, "arguments": 4}'
    text = "{{ name }} {{ self }} {{ source }} {{ arguments }}"
    assert rendered(brought(text), arguments) == "1 2 3 4"


def test_files_cannot_be_included() -> None:
    with pytest.raises(Unrenderable, match="template not found"):
        rendered(brought("{% include '/etc/passwd' %}"), b"{}")
