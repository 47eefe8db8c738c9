from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import orjson
import pytest

from proxy.errors import StoreUnavailable, Unrenderable, VariantFailed
from proxy.inference.prepare import FunctionSpec
from proxy.inference.variants.base import Question
from proxy.inference.variants.dicl import INSTRUCTIONS, Dicl, Nearest
from proxy.types.content import (
    Base64File,
    Block,
    RawText,
    Template,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
)
from proxy.types.examples import Example
from proxy.types.request import Input, Message, Params
from tests.unit.inference.variants.fakes import (
    CHAT,
    HELLO,
    NUMBER,
    FakeAsker,
    a_model,
    checked,
    last_text,
    question,
)

HELLO_TEXT = (
    '{"system":"Be kind.","messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}'
)
ASKED = '{"messages":[{"role":"user","content":[{"type":"text","text":"2+2"}]}]}'
SAID = '[{"type":"text","text":"4"}]'
NOTED = FunctionSpec(template_names=frozenset({"note", "system"}))


class Examples:
    """A store that has these."""

    def __init__(self, *examples: Example, error: Exception | None = None) -> None:
        self.examples = examples
        self.error = error
        self.asked: list[tuple[str, str, Sequence[float], int]] = []

    async def similar_examples(
        self, function_name: str, variant_name: str, embedding: Sequence[float], k: int
    ) -> Sequence[Example]:
        self.asked.append((function_name, variant_name, embedding, k))
        if self.error is not None:
            raise self.error
        return self.examples

    async def inference_exists(self, inference_id: UUID) -> bool:
        return False

    async def episode_exists(self, episode_id: UUID) -> bool:
        return False

    async def fetch_response_target(self, response_id: str) -> tuple[UUID, UUID] | None:
        return None


def dicl(store: Examples | None, farthest: float | None = None, **more: object) -> Dicl:
    nearest = Nearest("f", "v", 3, farthest)
    return Dicl(nearest, a_model("vectors"), a_model("model"), store, **more)  # type: ignore[arg-type]


async def asked(
    store: Examples,
    spec: FunctionSpec = CHAT,
    said: Input = HELLO,
    farthest: float | None = None,
    **more: object,
) -> Question:
    asker = FakeAsker(checked(spec, said))
    return question(await dicl(store, farthest, **more).run(asker.call, asker))


def user(*blocks: Block) -> Input:
    return Input((Message("user", blocks),))


async def test_examples_come_as_turns_before_the_input() -> None:
    store = Examples(Example(ASKED, SAID, 0.1), Example(ASKED, SAID, 0.2))
    got = await asked(store)
    assert got.candidate.model.name == "model"
    assert got.prepared.input == Input(
        (
            Message("user", (Text(ASKED),)),
            Message("assistant", (Text("4"),)),
            Message("user", (Text(ASKED),)),
            Message("assistant", (Text("4"),)),
            Message("user", (Text(HELLO_TEXT),)),
        ),
        INSTRUCTIONS,
    )


async def test_the_stored_input_is_what_examples_are_looked_for_with() -> None:
    store = Examples()
    asker = FakeAsker(checked(), vector=(0.5, -1.0))
    await dicl(store).run(asker.call, asker)
    assert asker.embedded == [HELLO_TEXT]
    assert store.asked == [("f", "v", (0.5, -1.0), 3)]


async def test_arguments_of_templates_are_embedded_as_their_json_text() -> None:
    said = Input(
        (Message("user", (Template("note", b'{ "b": 1.50, "a": "\\u00e9" }'), RawText("r"))),),
        b'{ "x": 1 }',
    )
    asker = FakeAsker(checked(NOTED, said))
    await dicl(Examples()).run(asker.call, asker)
    (embedded,) = asker.embedded
    inner = '{"type":"template","name":"note","arguments":{"b":1.5,"a":"é"}}'
    text = orjson.dumps(inner).decode()
    assert embedded == (
        '{"system":{"x":1},"messages":[{"role":"user","content":[{"type":"text","text":'
        f'{text}}},{{"type":"raw_text","value":"r"}}]}}]}}'
    )


async def test_calls_of_tools_and_their_results_are_embedded_as_stored() -> None:
    said = user(ToolCall("1", "t", "{}"), ToolResult("1", "t", "ok"))
    asker = FakeAsker(checked(said=said))
    await dicl(Examples()).run(asker.call, asker)
    assert orjson.loads(asker.embedded[0])["messages"][0]["content"] == [
        {"type": "tool_call", "id": "1", "name": "t", "arguments": "{}"},
        {"type": "tool_result", "name": "t", "result": "ok", "id": "1"},
    ]


async def test_without_examples_the_messages_are_sent_as_they_are() -> None:
    said = user(Template("note", b'{"a": 1}'), RawText("{{ x }}"), Text("hi"))
    got = await asked(Examples(), NOTED, said)
    texts = ['{"type":"template","name":"note","arguments":{"a":1}}', "{{ x }}", "hi"]
    assert got.prepared.input == Input(user(*map(Text, texts)).messages, INSTRUCTIONS)


async def test_examples_that_are_too_far_are_left_out() -> None:
    store = Examples(Example(ASKED, SAID, 0.3), Example("{}", SAID, 0.31))
    got = await asked(store, farthest=0.3)
    assert len(got.prepared.input.messages) == 3


async def test_instructions_and_parameters_are_the_variants() -> None:
    params = Params(temperature=0.5, json_mode="on")
    asker = FakeAsker(checked(NUMBER, temperature=1.0))
    strategy = dicl(Examples(), system_instructions="Learn.", params=params)
    got = question(await strategy.run(asker.call, asker))
    assert got.prepared.input.system == "Learn."
    assert got.prepared.params == Params(temperature=1.0, json_mode="on")


async def test_a_json_function_shows_the_raw_outputs() -> None:
    store = Examples(Example(ASKED, '{"raw":"{\\"n\\": 1}","parsed":{"n":1}}', 0.0))
    got = await asked(store, NUMBER)
    assert got.prepared.input.messages[1] == Message("assistant", (Text('{"n": 1}'),))
    assert NUMBER.output_schema is not None
    assert NUMBER.output_schema.raw in (got.prepared.response_format or b"")


async def test_tool_calls_in_examples_are_the_models_own_words() -> None:
    call = {"type": "tool_call", "id": "1", "raw_name": "t", "raw_arguments": '{"a": 1}'}
    output = orjson.dumps([{**call, "name": "t", "arguments": {"a": 1}}]).decode()
    got = await asked(Examples(Example(ASKED, output, 0.0)))
    assert got.prepared.input.messages[1].content == (ToolCall("1", "t", '{"a": 1}'),)


async def test_inputs_of_examples_are_shown_in_their_stored_form() -> None:
    spaced = '{ "messages": [ {"role": "user", "content": "2+2"} ], "system": "s" }'
    got = await asked(Examples(Example(spaced, SAID, 0.0)))
    assert got.prepared.input.messages[0].content == (
        Text('{"system":"s",' + ASKED.removeprefix("{")),
    )
    assert last_text(got) == HELLO_TEXT


@pytest.mark.parametrize(
    ("example", "why"),
    [
        (Example("nothing", SAID, 0.0), "cannot be read"),
        (Example(ASKED, "nothing", 0.0), "cannot be read"),
        (Example(ASKED, "", 0.0), "has no output"),
        (Example(ASKED, '[{"type":"tool_call","id":"1"}]', 0.0), "missing field `raw_name`"),
        (
            Example(
                '{"messages":[{"role":"user","content":[{"type":"file","url":"http://x/y.png"}]}]}',
                SAID,
                0.0,
            ),
            "has a file",
        ),
    ],
)
async def test_an_example_that_is_of_no_use_is_told(example: Example, why: str) -> None:
    with pytest.raises(VariantFailed, match=why):
        await asked(Examples(example))


@pytest.mark.parametrize(
    ("block", "kind"), [(Base64File("", "image/png"), "file"), (Unknown(b"{}"), "unknown")]
)
async def test_what_cannot_be_told_in_text_is_refused(block: Block, kind: str) -> None:
    with pytest.raises(Unrenderable, match=f"`{kind}`") as caught:
        await asked(Examples(), said=user(Text("x"), block))
    assert caught.value.param == "input.messages[0].content[1]"


async def test_without_a_store_the_variant_fails() -> None:
    asker = FakeAsker(checked())
    with pytest.raises(VariantFailed, match="pgvector"):
        await asked(Examples(error=StoreUnavailable("no pgvector")))
    with pytest.raises(VariantFailed, match="needs a database"):
        await dicl(None).run(asker.call, asker)
