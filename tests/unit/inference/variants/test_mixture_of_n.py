from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.errors import VariantFailed
from proxy.inference.prepare import FunctionSpec, VariantSpec
from proxy.inference.tools import FunctionTools, load_tool
from proxy.inference.variants.mixture_of_n import MixtureOfN
from proxy.models.rewrite import HeaderRewrite, Rewrites
from proxy.types.content import Template
from proxy.types.request import Input, Message, Params
from tests.unit.inference.variants.fakes import (
    BARE,
    HELLO,
    NUMBER,
    FakeAsker,
    a_model,
    answer,
    checked,
    last_text,
    question,
    said,
    settled,
)

TWO = {"a": answer("A"), "b": answer("B")}
REWRITES = Rewrites(headers=(HeaderRewrite("x", "y"),))


def mixture(*names: str, spec: VariantSpec = BARE, drawn: int = 0) -> MixtureOfN:
    return MixtureOfN(names, a_model("fuser"), spec, REWRITES, draw=lambda bound: drawn)


async def test_the_fuser_is_asked_last_with_the_conversation_and_the_candidates() -> None:
    asker = FakeAsker(checked(), TWO)
    asked = question(await mixture("a", "b").run(asker.call, asker))
    assert (asked.candidate.model.name, asked.rewrites) == ("fuser", REWRITES)
    assert "Be kind." in str(asked.prepared.input.system)
    assert asked.prepared.input.messages[0] == HELLO.messages[0]
    assert '0:\n[{"type":"text","text":"A"}]\n------' in last_text(asked)
    assert asker.asked == [("a", "candidate_0"), ("b", "candidate_1")]


async def test_a_random_candidate_stands_by_for_a_fuser_that_fails() -> None:
    asker = FakeAsker(checked(), TWO)
    final = await mixture("a", "b", drawn=1).run(asker.call, asker)
    assert (said(final), settled(final).original_response) == ("B", None)


async def test_a_candidate_that_is_left_alone_is_the_answer_without_a_fuser() -> None:
    asker = FakeAsker(checked(), {"b": answer("B")})
    final = await mixture("a", "b").run(asker.call, asker)
    assert (said(final), final.question) == ("B", None)
    assert settled(final).original_response == "body of B"


async def test_without_any_candidate_there_is_no_answer() -> None:
    asker = FakeAsker(checked())
    with pytest.raises(VariantFailed, match=r"candidates\[1\] \(b\): b is away"):
        await mixture("a", "b").run(asker.call, asker)


async def test_json_that_does_not_meet_its_schema_is_not_shown() -> None:
    asker = FakeAsker(checked(NUMBER), {"a": answer("no"), "b": answer('{"n":1}')})
    asked = question(await mixture("a", "b").run(asker.call, asker))
    assert '0:\n{"n":1}\n' in last_text(asked)
    assert "1:\n" not in last_text(asked)


async def test_when_no_json_meets_its_schema_one_is_drawn() -> None:
    asker = FakeAsker(checked(NUMBER), {"a": answer("no"), "b": answer("nor")})
    final = await mixture("a", "b", drawn=1).run(asker.call, asker)
    assert (said(final), final.question) == ("nor", None)


async def test_a_fuser_whose_templates_cannot_take_the_input_leaves_a_candidate() -> None:
    spec = FunctionSpec(template_names=frozenset({"note"}))
    call = checked(spec, Input((Message("user", (Template("note", b"{}"),)),)))
    asker = FakeAsker(checked(), TWO)
    final = await mixture("a", "b").run(call, asker)
    assert (said(final), final.question) == ("A", None)


async def test_the_fuser_has_the_functions_tools_and_its_own_parameters() -> None:
    tool = load_tool("t", name=None, description="", label="l", parameters="{}", strict=False)
    spec = FunctionSpec(tools=FunctionTools(("t",), configured={"t": tool}))
    asker = FakeAsker(checked(spec, temperature=1.0), TWO)
    fuser = replace(BARE, params=Params(max_tokens=9))
    prepared = question(await mixture("a", "b", spec=fuser).run(asker.call, asker)).prepared
    assert prepared.tools == b"[" + tool.definition + b"]"
    assert prepared.params == Params(max_tokens=9, json_mode="off")


async def test_the_fuser_of_a_json_function_answers_in_its_output_schema() -> None:
    asker = FakeAsker(checked(NUMBER), {"a": answer('{"n":1}'), "b": answer('{"n":2}')})
    prepared = question(await mixture("a", "b").run(asker.call, asker)).prepared
    assert NUMBER.output_schema is not None
    assert NUMBER.output_schema.raw in (prepared.response_format or b"")
    assert prepared.read_json(answer('{"n": 3}').blocks).parsed == b'{"n":3}'
