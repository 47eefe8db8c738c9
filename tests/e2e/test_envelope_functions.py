"""The real `openai` client on `/openai/v1`, calling functions of every sort."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import openai
import pytest

from tests.harness import Proxy
from tests.stored_inferences import model_calls, stored
from tests.tensorzero_clients import OTHER_TEXT, STREAMED, TEXT

F = "tensorzero::function_name::"
M = "tensorzero::model_name::"
HELLO = [{"role": "user", "content": "Hello"}]
HUMOR = {
    "name": "get_humor",
    "description": "How funny something is",
    "parameters": {"type": "object", "properties": {"text": {"type": "string"}}},
}
ANSWER = {
    "name": "answer",
    "strict": True,
    "schema": {
        "type": "object",
        "properties": {"response": {"type": "string"}},
        "required": ["response"],
        "additionalProperties": False,
    },
}


@pytest.fixture
async def api(functions_proxy: Proxy) -> AsyncIterator[openai.AsyncOpenAI]:
    base = functions_proxy.base + "/openai/v1"
    async with openai.AsyncOpenAI(base_url=base, api_key="none", max_retries=0) as client:
        yield client


def template(name: str, /, **arguments: Any) -> dict[str, Any]:
    return {"type": "tensorzero::template", "name": name, "arguments": arguments}


async def ask(
    api: openai.AsyncOpenAI, model: str, messages: Any = None, **more: Any
) -> tuple[Any, Any]:
    """The completion and its first message."""
    extensions = {key: more.pop(key) for key in list(more) if key.startswith("tensorzero::")}
    made: Any = await api.chat.completions.create(
        model=model, messages=messages or HELLO, extra_body=extensions, **more
    )
    return made, made.choices[0].message


async def stream(api: openai.AsyncOpenAI, model: str, **more: Any) -> list[Any]:
    extensions = {key: more.pop(key) for key in list(more) if key.startswith("tensorzero::")}
    made: Any = await api.chat.completions.create(
        model=model,
        messages=HELLO,
        stream=True,
        stream_options={"include_usage": True},
        extra_body=extensions,
        **more,
    )
    return [chunk async for chunk in made]


def contents(chunks: list[Any]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


async def test_templates_take_their_arguments_from_content_blocks(
    api: openai.AsyncOpenAI, functions_db: asyncpg.Connection
) -> None:
    made, message = await ask(
        api,
        F + "greet",
        [
            {"role": "system", "content": [template("system", name="Bo")]},
            {"role": "user", "content": [template("user", city="Rome", days=[1])]},
            {
                "role": "assistant",
                "content": [{"type": "text", "tensorzero::arguments": {"reply": "Hi"}}],
            },
            {
                "role": "user",
                "content": [
                    template("letter", to="Al"),
                    {"type": "tensorzero::raw_text", "value": "{{ raw }}"},
                ],
            },
        ],
    )
    shown = json.loads(message.content)
    assert shown["system"] == "You are Bo."
    assert [[block["text"] for block in each["content"]] for each in shown["messages"]] == [
        ["Weather in Rome 1?"],
        ["Said: Hi"],
        ["Dear Al, best regards", "{{ raw }}"],
    ]
    assert made.model == F + "greet::variant_name::echo"
    row = await stored(functions_db, "chat", made.id)
    assert row["input"]["system"] == {"name": "Bo"}
    assert row["input"]["messages"][0]["content"][0]["arguments"] == {"city": "Rome", "days": [1]}


async def test_what_does_not_fit_a_schema_is_refused_with_its_place(
    api: openai.AsyncOpenAI,
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await ask(api, F + "greet", [{"role": "user", "content": [template("user", city="x")]}])
    assert "`input.system` is empty" in str(caught.value)
    system = {"role": "system", "content": [template("system", name="Bo")]}
    with pytest.raises(openai.BadRequestError, match="JSON Schema validation failed") as caught:
        await ask(api, F + "greet", [system, {"role": "user", "content": [template("user")]}])
    assert caught.value.param == "input.messages[0].content[0].arguments"


async def test_a_json_function_answers_with_its_raw_output(
    api: openai.AsyncOpenAI, functions_db: asyncpg.Connection
) -> None:
    made, message = await ask(api, F + "answer")
    assert message.content == '{"answer":"Hello"}'
    row = await stored(functions_db, "json", made.id)
    assert row["output"]["parsed"] == {"answer": "Hello"}
    _, message = await ask(api, F + "answer", **{"tensorzero::variant_name": "prose"})
    assert message.content == TEXT
    _, message = await ask(api, F + "answer", **{"tensorzero::variant_name": "silent"})
    assert message.content is None
    chunks = await stream(api, F + "answer")
    assert contents(chunks) == '{"name":"John","age":30}'
    assert chunks[-1].usage.completion_tokens == 5


async def test_a_response_format_brings_mode_and_schema(
    api: openai.AsyncOpenAI, functions_db: asyncpg.Connection
) -> None:
    made, message = await ask(
        api,
        F + "answer",
        response_format={"type": "json_schema", "json_schema": ANSWER},
        **{"tensorzero::variant_name": "otherwise"},
    )
    assert json.loads(message.content) == {"response": "Hello"}
    row = await stored(functions_db, "json", made.id)
    assert row["output"]["parsed"] == {"response": "Hello"}
    assert row["output_schema"] == ANSWER["schema"]
    assert row["inference_params"] == {"chat_completion": {"json_mode": "strict"}}


async def test_tools_of_function_and_request_are_called_and_answered(
    api: openai.AsyncOpenAI, functions_db: asyncpg.Connection
) -> None:
    made, message = await ask(
        api,
        F + "weather",
        tools=[{"type": "function", "function": HUMOR}],
        tool_choice={"type": "function", "function": {"name": "get_temperature"}},
        parallel_tool_calls=False,
    )
    (call,) = message.tool_calls
    assert (call.id, call.function.name) == ("0", "get_temperature")
    assert json.loads(call.function.arguments) == {"location": "Brooklyn", "units": "celsius"}
    assert (message.content, made.choices[0].finish_reason) == (None, "tool_calls")
    row = await stored(functions_db, "chat", made.id)
    assert row["dynamic_tools"] == [{"type": "function", **HUMOR, "strict": False}]
    assert row["tool_choice"] == {"specific": "get_temperature"}
    assert row["parallel_tool_calls"] is False
    _, message = await ask(
        api,
        M + "dummy::echo_request_messages",
        [
            *HELLO,
            message.model_dump(exclude_none=True),
            {"role": "tool", "tool_call_id": "0", "content": "70F"},
        ],
    )
    _, called, answered = json.loads(message.content)["messages"]
    assert called["content"][0]["name"] == "get_temperature"
    assert answered["content"][0]["result"] == '"70F"'
    with pytest.raises(openai.BadRequestError, match="Tool not found: nope"):
        await ask(
            api,
            F + "weather",
            tool_choice={"type": "function", "function": {"name": "nope"}},
        )


async def test_a_streamed_tool_call_has_one_id_one_name_and_its_arguments_in_parts(
    api: openai.AsyncOpenAI,
) -> None:
    chunks = await stream(api, F + "weather")
    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    assert [call.id for call in calls] == ["0", None, None, None, None]
    assert [call.function.name for call in calls] == ["get_temperature", "", "", "", ""]
    assert {call.index for call in calls} == {0}
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


async def test_thoughts_come_back_beside_the_text_and_can_be_sent_again(
    api: openai.AsyncOpenAI,
) -> None:
    _, message = await ask(api, F + "talk", **{"tensorzero::variant_name": "thinks"})
    assert message.content == TEXT
    (thought,) = message.model_extra["tensorzero_extra_content"]
    assert (thought["type"], thought["text"], thought["insert_index"]) == ("thought", "hmmm", 0)
    _, message = await ask(
        api,
        F + "echo",
        [*HELLO, {"role": "assistant", "content": "x", "tensorzero_extra_content": [thought]}],
    )
    back = json.loads(message.content)["messages"][1]["content"]
    assert [block["type"] for block in back] == ["thought", "text"]
    assert back[0]["signature"] == "my_signature"


@pytest.mark.parametrize(
    ("function", "variant", "text", "streamed", "calls"),
    [
        ("best", "second", OTHER_TEXT, OTHER_TEXT, 3),
        ("mix", "fused", TEXT, STREAMED, 3),
        ("answer", "chain", '{"answer":"tokyo!"}', '{"answer":"tokyo!"}', 1),
        ("answer", "best", '{"answer":"Goodbye"}', '{"answer":"Goodbye"}', 4),
        ("recall_json", "near", '{"answer":"Hello"}', '{"name":"John","age":30}', 2),
    ],
)
async def test_strategies_answer_like_any_variant_and_every_call_is_kept(
    api: openai.AsyncOpenAI,
    functions_db: asyncpg.Connection,
    function: str,
    variant: str,
    text: str,
    streamed: str,
    calls: int,
) -> None:
    pinned = {"tensorzero::variant_name": variant, "tensorzero::include_raw_usage": True}
    made, message = await ask(api, F + function, **pinned)
    assert message.content == text and made.usage.prompt_tokens == 10 * calls
    assert made.model == f"{F}{function}::variant_name::{variant}"
    assert len(made.model_extra["tensorzero_raw_usage"]) == calls
    await model_calls(functions_db, made.id, calls)
    chunks = await stream(api, F + function, **pinned)
    assert contents(chunks) == streamed
    assert chunks[-1].usage.prompt_tokens == 10 * calls
    raw = [
        entry
        for chunk in chunks
        for entry in (chunk.model_extra or {}).get("tensorzero_raw_usage") or ()
    ]
    assert len({entry["model_inference_id"] for entry in raw}) == len(raw) == calls


async def test_native_parameters_win_and_reach_what_openai_has_no_word_for(
    api: openai.AsyncOpenAI, functions_db: asyncpg.Connection
) -> None:
    made, _ = await ask(
        api,
        F + "talk",
        temperature=0.25,
        **{"tensorzero::params": {"chat_completion": {"temperature": 0.75, "seed": 3}}},
    )
    row = await stored(functions_db, "chat", made.id)
    assert row["inference_params"] == {"chat_completion": {"temperature": 0.75, "seed": 3}}


async def test_a_namespace_and_a_variant_of_its_own_come_with_the_request(
    api: openai.AsyncOpenAI,
) -> None:
    made, message = await ask(api, F + "regional", **{"tensorzero::namespace": "mobile"})
    assert made.model.endswith("::mobile") and message.content == OTHER_TEXT
    own = {"type": "chat_completion", "model": "dummy::alternate"}
    extensions = {"tensorzero::dryrun": True, "tensorzero::internal_dynamic_variant_config": own}
    made, message = await ask(api, F + "talk", **extensions)
    assert made.model.endswith("tensorzero::dynamic_variant") and message.content == OTHER_TEXT


async def test_raw_answers_of_failed_providers_are_told_with_the_error(
    api: openai.AsyncOpenAI,
) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        await ask(
            api,
            F + "talk",
            **{"tensorzero::variant_name": "down", "tensorzero::include_raw_response": True},
        )
    assert caught.value.status_code == 500
    body = caught.value.response.json()
    (raw,) = body["tensorzero_raw_response"]
    assert raw["data"] == "dummy error raw response"
