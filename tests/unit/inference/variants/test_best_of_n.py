from __future__ import annotations

import asyncio
from dataclasses import replace

import orjson
import pytest

from proxy.errors import VariantFailed
from proxy.inference.prepare import FunctionSpec, VariantSpec
from proxy.inference.templates import TemplateSet, TemplateSource
from proxy.inference.tools import FunctionTools, load_tool
from proxy.inference.variants.base import Final, Told
from proxy.inference.variants.best_of_n import VERDICT, BestOfN, read_choice
from proxy.models.rewrite import HeaderRewrite, Rewrites
from proxy.types.content import Block, Template, Text, Thought, ToolCall
from proxy.types.request import Input, Message, Params
from proxy.types.response import Answer
from tests.unit.inference.variants.fakes import (
    BARE,
    HELLO,
    NUMBER,
    FakeAsker,
    a_model,
    answer,
    checked,
    last_text,
    said,
    settled,
)

THREE = {"a": answer("A"), "b": answer("B"), "c": answer("C")}


def best_of(
    *names: str, spec: VariantSpec = BARE, drawn: int = 0, rewrites: Rewrites | None = None
) -> BestOfN:
    more = {} if rewrites is None else {"rewrites": rewrites}
    return BestOfN(names, a_model("judge"), spec, draw=lambda bound: min(drawn, bound - 1), **more)


def verdict(choice: object) -> Answer:
    return answer(orjson.dumps({"thinking": "hm", "answer_choice": choice}).decode())


async def judged(judge: Answer | None, drawn: int = 0) -> Final:
    asker = FakeAsker(checked(), THREE, judge)
    return await best_of("a", "b", "c", drawn=drawn).run(asker.call, asker)


async def test_the_candidate_that_the_judge_names_is_the_answer() -> None:
    final = await judged(verdict(1))
    assert (said(final), final.question) == ("B", None)
    assert settled(final).original_response == verdict(1).raw_response


async def test_each_candidate_is_asked_with_a_cache_key_of_its_place() -> None:
    asker = FakeAsker(checked(), {"a": [answer("A1"), answer("A2")]}, verdict(1))
    final = await best_of("a", "a").run(asker.call, asker)
    assert asker.asked == [("a", "candidate_0"), ("a", "candidate_1")]
    assert said(final) == "A2"


async def test_candidates_are_asked_at_once() -> None:
    class Meeting(FakeAsker):
        async def variant(self, name: str, cache_key: str) -> Told:
            await asyncio.wait_for(meeting.wait(), 5)
            return await super().variant(name, cache_key)

    meeting = asyncio.Barrier(3)
    asker = Meeting(checked(), THREE, verdict(2))
    assert said(await best_of("a", "b", "c").run(asker.call, asker)) == "C"


async def test_when_all_candidates_fail_each_says_why() -> None:
    asker = FakeAsker(checked())
    with pytest.raises(VariantFailed) as caught:
        await best_of("a", "b").run(asker.call, asker)
    assert str(caught.value) == (
        "All candidates failed with errors: candidates[0] (a): a is away\n"
        "candidates[1] (b): b is away"
    )


async def test_a_candidate_that_is_left_alone_is_the_answer_without_a_judge() -> None:
    asker = FakeAsker(checked(), {"b": answer("B")}, verdict(0))
    final = await best_of("a", "b").run(asker.call, asker)
    assert said(final) == "B"
    assert settled(final).original_response == "body of B"
    assert asker.questions == []


async def test_a_failed_candidate_has_no_index() -> None:
    asker = FakeAsker(checked(), {"b": answer("B"), "c": answer("C")}, verdict(1))
    assert said(await best_of("a", "b", "c").run(asker.call, asker)) == "C"


async def test_json_that_does_not_meet_its_schema_is_not_shown_and_has_no_index() -> None:
    good, other = answer('{"n": 1}'), answer('{"n": 2}')
    asker = FakeAsker(checked(NUMBER), {"a": answer("no"), "b": good, "c": other}, verdict(1))
    final = await best_of("a", "b", "c").run(asker.call, asker)
    assert said(final) == '{"n": 2}'
    shown = last_text(asker.questions[0])
    assert '0:\n{"n": 1}' in shown
    assert "no\n" not in shown
    assert "from 0 to 1" in str(asker.questions[0].prepared.input.system)


async def test_json_that_alone_meets_its_schema_is_the_answer_without_a_judge() -> None:
    asker = FakeAsker(checked(NUMBER), {"a": answer("no"), "b": answer("{}")}, verdict(0))
    final = await best_of("a", "b").run(asker.call, asker)
    assert (said(final), settled(final).original_response) == ("{}", None)
    assert asker.questions == []


async def test_when_no_json_meets_its_schema_one_is_drawn() -> None:
    asker = FakeAsker(checked(NUMBER), {"a": answer("no"), "b": answer("nor")}, verdict(0))
    final = await best_of("a", "b", drawn=1).run(asker.call, asker)
    assert (said(final), settled(final).original_response) == ("nor", None)


@pytest.mark.parametrize("choice", [3, 100, -1, "1", 1.0, True, None])
async def test_an_index_that_is_none_lets_the_draw_decide(choice: object) -> None:
    final = await judged(verdict(choice), drawn=2)
    assert said(final) == "C"
    assert settled(final).original_response == verdict(choice).raw_response


async def test_a_judge_that_fails_lets_the_draw_decide() -> None:
    final = await judged(None, drawn=1)
    assert (said(final), settled(final).original_response) == ("B", None)


@pytest.mark.parametrize(
    ("blocks", "choice"),
    [
        ([Thought("hm"), Text('{"answer_choice": 1}')], 1),
        ([ToolCall("id", "respond", '{"answer_choice": 2}')], 2),
        ([Text('{"answer_choice": 0}'), Text('{"answer_choice": 1}')], 0),
        ([Text("the first")], None),
        ([Text("[1]")], None),
        ([Text("{}")], None),
        ([Thought("hm")], None),
        ([], None),
    ],
)
def test_a_choice_stands_in_the_first_text_or_tool_call(
    blocks: list[Block], choice: int | None
) -> None:
    assert read_choice(blocks) == choice


async def test_the_judge_sees_the_problem_the_conversation_and_the_candidates() -> None:
    spec = replace(BARE, params=Params(temperature=0.5))
    rewrites = Rewrites(headers=(HeaderRewrite("x", "y"),))
    asker = FakeAsker(checked(temperature=1.0, max_tokens=7), THREE, verdict(0))
    await best_of("a", "b", "c", spec=spec, rewrites=rewrites).run(asker.call, asker)
    (asked,) = asker.questions
    assert (asked.candidate.model.name, asked.rewrites) == ("judge", rewrites)
    prepared = asked.prepared
    assert "Be kind." in str(prepared.input.system)
    assert "from 0 to 2" in str(prepared.input.system)
    assert prepared.input.messages[0] == HELLO.messages[0]
    assert '1:\n[{"type":"text","text":"B"}]\n------' in last_text(asked)
    assert prepared.params == Params(temperature=0.5, json_mode="strict")


async def test_the_judge_has_its_own_templates() -> None:
    templates = TemplateSet(
        {
            "system": TemplateSource("s.j", "Problem {x} of {{ system_text }}", of_role=True),
            "user": TemplateSource("u.j", "User: {{ user_text }}", of_role=True),
        }
    )
    asker = FakeAsker(checked(), THREE, verdict(0))
    await best_of("a", "b", spec=VariantSpec(templates)).run(asker.call, asker)
    prepared = asker.questions[0].prepared
    assert "Problem {x} of Be kind." in str(prepared.input.system)
    assert prepared.input.messages[0] == Message("user", (Text("User: hi"),))
    assert "User:" not in last_text(asker.questions[0])


async def test_templates_that_cannot_take_the_input_are_a_judge_that_fails() -> None:
    spec = FunctionSpec(template_names=frozenset({"note"}))
    call = checked(spec, Input((Message("user", (Template("note", b"{}"),)),)))
    asker = FakeAsker(checked(), THREE, verdict(0))
    final = await best_of("a", "b", drawn=1).run(call, asker)
    assert (said(final), asker.questions) == ("B", [])


async def test_the_judge_answers_in_its_own_json_mode_without_the_functions_tools() -> None:
    tool = load_tool("t", name=None, description="", label="l", parameters="{}", strict=False)
    spec = FunctionSpec(tools=FunctionTools(("t",), configured={"t": tool}))
    for mode in ("strict", "tool"):
        asker = FakeAsker(checked(spec), THREE, verdict(0))
        judge = replace(BARE, params=Params(json_mode=mode))
        await best_of("a", "b", spec=judge).run(asker.call, asker)
        prepared = asker.questions[0].prepared
        if mode == "strict":
            assert prepared.tools is None
            assert VERDICT in (prepared.response_format or b"")
        else:
            (offered,) = orjson.loads(prepared.tools or b"[]")
            assert offered["function"]["name"] == "respond"
            assert offered["function"]["parameters"] == orjson.loads(VERDICT)


async def test_tool_calls_of_candidates_are_shown_as_they_are_answered() -> None:
    call = ToolCall("id", "t", '{"a":1}')
    asker = FakeAsker(checked(), {"a": answer(call), "b": answer("B")}, verdict(0))
    await best_of("a", "b").run(asker.call, asker)
    shown = last_text(asker.questions[0])
    assert '"raw_name":"t","raw_arguments":"{\\"a\\":1}","name":null' in shown
