"""The real `tensorzero` client: variants that are more than one call, each call on record."""

from __future__ import annotations

import json
import uuid
from typing import Any

import asyncpg
import pytest

from tests.harness import Proxy
from tests.stored_inferences import model_calls, stored
from tests.tensorzero_clients import (
    KINDS,
    OTHER_TEXT,
    STREAMED,
    TEXT,
    Client,
    needs_client,
    open_client,
    refused,
    said,
    streamed_text,
    texts,
)

pytestmark = needs_client

GOOD, OTHER = "dummy::good", "dummy::alternate"


def models(calls: list[dict[str, Any]]) -> list[str]:
    return [call["model_name"] for call in calls]


# Best of n.


async def test_the_judge_chooses_the_answer(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    answer = await client.inference(
        function_name="best",
        input=said("Which?"),
        include_original_response=True,
        include_raw_response=True,
        include_raw_usage=True,
    )
    assert (answer.variant_name, texts(answer)) == ("second", [OTHER_TEXT])
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (30, 3)
    assert answer.original_response == '{"thinking": "hmmm", "answer_choice": 1}'
    row = await stored(functions_db, "chat", answer.inference_id)
    assert (row["function_name"], row["variant_name"]) == ("best", "second")
    assert row["output"] == [{"type": "text", "text": OTHER_TEXT}]
    calls = await model_calls(functions_db, answer.inference_id, 3)
    assert sorted(models(calls)[:2]) == [OTHER, "priced"]
    judge = calls[2]
    assert judge["model_name"] == "dummy::best_of_n_1"
    question, listing = judge["input_messages"]
    assert question["content"] == [{"type": "text", "text": "Which?"}]
    shown = listing["content"][0]["text"]
    assert shown.index(f"0:\n{_blocks(TEXT)}") < shown.index(f"1:\n{_blocks(OTHER_TEXT)}")
    assert "answer_choice" in judge["system"] and "1" in judge["system"]
    ids = {str(call["id"]) for call in calls}
    assert {str(each.model_inference_id) for each in answer.raw_response} == ids
    assert {str(each.model_inference_id) for each in answer.raw_usage} == ids


def _blocks(text: str) -> str:
    return json.dumps([{"type": "text", "text": text}], separators=(",", ":"))


async def test_a_chosen_answer_is_streamed_in_one_chunk(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    chunks = await client.stream(
        function_name="best", input=said(), include_raw_usage=True, include_raw_response=True
    )
    with_text = [chunk for chunk in chunks if chunk.content]
    assert len(with_text) == 1 and streamed_text(chunks) == OTHER_TEXT
    assert (chunks[-1].usage.input_tokens, chunks[-1].usage.output_tokens) == (30, 3)
    assert chunks[-1].finish_reason == "stop"
    calls = await model_calls(functions_db, chunks[0].inference_id, 3)
    ids = sorted(str(call["id"]) for call in calls)
    for kind in ("raw_usage", "raw_response"):
        entries = [entry for chunk in chunks for entry in getattr(chunk, kind) or ()]
        assert sorted(str(entry.model_inference_id) for entry in entries) == ids


@pytest.mark.parametrize(
    ("variant", "called"),
    [
        ("third_of_two", [OTHER, OTHER, "dummy::best_of_n_big"]),
        ("no_judge", [OTHER, OTHER]),
        ("one_left", [OTHER]),
    ],
)
async def test_without_a_usable_choice_any_answer_is_taken(
    client: Client, functions_db: asyncpg.Connection, variant: str, called: list[str]
) -> None:
    answer = await client.inference(function_name="best", variant_name=variant, input=said())
    assert texts(answer) == [OTHER_TEXT]
    assert answer.usage.input_tokens == 10 * len(called)
    assert models(await model_calls(functions_db, answer.inference_id, len(called))) == called
    streamed = await client.stream(function_name="best", variant_name=variant, input=said())
    assert streamed_text(streamed) == OTHER_TEXT


async def test_all_candidates_failing_is_told_by_candidate(client: Client) -> None:
    status, text = await refused(
        client.inference(function_name="best", variant_name="none_left", input=said())
    )
    assert status == 502
    sentence = json.loads(text)["error"]
    assert sentence.startswith("All candidates failed with errors: candidates[0] (broken): All")
    assert "\ncandidates[1] (broken): All model providers failed" in sentence


async def test_candidates_whose_json_does_not_fit_are_not_shown(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    answer = await client.inference(function_name="answer", variant_name="best", input=said())
    assert answer.output.parsed == {"answer": "Goodbye"}
    assert answer.usage.input_tokens == 40
    *_, judge = await model_calls(functions_db, answer.inference_id, 4)
    listing = judge["input_messages"][-1]["content"][0]["text"]
    assert '"Hello"' in listing and '"Goodbye"' in listing and '"response"' not in listing
    row = await stored(functions_db, "json", answer.inference_id)
    assert row["output"] == {"raw": '{"answer":"Goodbye"}', "parsed": {"answer": "Goodbye"}}


# Mixture of n.


async def test_the_fuser_sees_all_answers_and_has_the_last_word(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    answer = await client.inference(
        function_name="mix", variant_name="shown", input=said("Mix!", system="Be.")
    )
    shown = json.loads(texts(answer)[0])
    question, listing = shown["messages"]
    assert question["content"][0]["text"] == "Mix!"
    assert f"0:\n{_blocks(TEXT)}" in listing["content"][0]["text"]
    assert f"1:\n{_blocks(OTHER_TEXT)}" in listing["content"][0]["text"]
    calls = await model_calls(functions_db, answer.inference_id, 3)
    assert calls[2]["model_name"] == "dummy::echo_request_messages"
    assert calls[2]["system"] == shown["system"]
    assert answer.usage.input_tokens == 30


async def test_a_fused_answer_is_streamed_as_it_comes(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    chunks = await client.stream(function_name="mix", input=said())
    assert len(chunks) == 17 and streamed_text(chunks) == STREAMED
    assert {chunk.variant_name for chunk in chunks} == {"fused"}
    assert (chunks[-1].usage.input_tokens, chunks[-1].usage.output_tokens) == (30, 18)
    calls = await model_calls(functions_db, chunks[0].inference_id, 3)
    assert sorted(models(calls)[:2]) == [OTHER, GOOD] and models(calls)[2] == "priced"
    row = await stored(functions_db, "chat", chunks[0].inference_id)
    assert row["output"] == [{"type": "text", "text": STREAMED}]


async def test_without_a_fuser_one_of_the_answers_is_taken(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    asked = {"function_name": "mix", "variant_name": "no_fuser", "input": said()}
    answer = await client.inference(**asked)
    assert texts(answer) == [OTHER_TEXT] and answer.usage.input_tokens == 20
    assert models(await model_calls(functions_db, answer.inference_id, 2)) == [OTHER, OTHER]
    chunks = await client.stream(**asked)
    assert streamed_text(chunks) == OTHER_TEXT
    assert models(await model_calls(functions_db, chunks[0].inference_id, 2)) == [OTHER, OTHER]


async def test_json_answers_are_fused_into_json(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    answer = await client.inference(function_name="answer", variant_name="mixed", input=said())
    assert answer.output.parsed == {"answer": "Goodbye"} and answer.variant_name == "mixed"
    await model_calls(functions_db, answer.inference_id, 3)


# Chain of thought.


async def test_a_chain_of_thought_is_kept_and_its_answer_told(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    asked = {"function_name": "answer", "variant_name": "chain", "input": said()}
    answer = await client.inference(**asked)
    assert answer.output.parsed == {"answer": "tokyo!"}
    assert answer.output.raw == '{"answer":"tokyo!"}'
    row = await stored(functions_db, "json", answer.inference_id)
    assert row["output"] == {"raw": '{"answer":"tokyo!"}', "parsed": {"answer": "tokyo!"}}
    (thought,) = row["auxiliary_content"]
    assert (thought["type"], thought["text"]) == ("thought", "hmmm")
    assert set(row["output_schema"]["properties"]) == {"answer"}
    chunks = await client.stream(**asked)
    assert [chunk.raw for chunk in chunks if chunk.raw] == ['{"answer":"tokyo!"}']
    assert chunks[-1].finish_reason == "stop"


# Examples.


@pytest.fixture
async def examples(functions_db: asyncpg.Connection) -> None:
    """Two examples of the variants named `near`; the model of vectors knows only zeros."""
    for number in (1, 2):
        for function, output in (
            ("recall", [{"type": "text", "text": f"Out {number}"}]),
            ("recall_json", {"raw": '{"answer":"old"}', "parsed": {"answer": "old"}}),
        ):
            await functions_db.execute(
                """
                INSERT INTO tensorzero.dicl_examples
                    (id, function_name, variant_name, input, output, embedding)
                VALUES ($1, $2, 'near', $3, $4, $5::text::vector)
                ON CONFLICT (id) DO NOTHING
                """,
                uuid.uuid5(uuid.NAMESPACE_OID, f"{function} {number}"),
                function,
                json.dumps(said(f"In {number}")),
                json.dumps(output),
                "[" + ",".join(["0.5"] * 1536) + "]",
            )


@pytest.mark.usefixtures("examples")
async def test_examples_come_before_the_question(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    answer = await client.inference(function_name="recall", input=said("In 3", system="S"))
    shown = json.loads(texts(answer)[0])
    assert shown["system"].strip() == "Answer as in the examples."
    assert [message["role"] for message in shown["messages"]] == ["user", "assistant"] * 2 + [
        "user"
    ]
    told = [message["content"][0]["text"] for message in shown["messages"]]
    assert "In 1" in told[0] + told[2] and "In 2" in told[0] + told[2]
    assert "Out 1" in told[1] + told[3] and "Out 2" in told[1] + told[3]
    asked = json.loads(told[4])
    assert asked["system"] == "S" and asked["messages"][0]["content"][0]["text"] == "In 3"
    embedding, call = await model_calls(functions_db, answer.inference_id, 2)
    assert embedding["model_name"] == "zeros" and embedding["output_tokens"] in (0, None)
    assert call["model_name"] == "dummy::echo_request_messages"
    assert answer.usage.input_tokens == 20
    row = await stored(functions_db, "chat", answer.inference_id)
    assert row["input"]["messages"][0]["content"] == [{"type": "text", "text": "In 3"}]


@pytest.mark.usefixtures("examples")
async def test_json_functions_have_examples_too(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    answer = await client.inference(function_name="recall_json", input=said())
    assert answer.output.parsed == {"answer": "Hello"}
    _, call = await model_calls(functions_db, answer.inference_id, 2)
    shown = [message["content"][0]["text"] for message in call["input_messages"]]
    assert len(shown) == 3 and shown[1] == '{"answer":"old"}'


async def test_without_examples_the_question_is_asked_as_it_is(client: Client) -> None:
    answer = await client.inference(
        function_name="recall", variant_name="unknown", input=said("Alone")
    )
    shown = json.loads(texts(answer)[0])
    assert [message["content"][0]["text"] for message in shown["messages"]] == ["Alone"]


async def test_examples_can_be_used_in_a_stream(client: Client) -> None:
    chunks = await client.stream(function_name="recall", input=said())
    assert streamed_text(chunks) == STREAMED and chunks[-1].usage.input_tokens == 20


# All of them.


@pytest.mark.parametrize("name", ["recall", "best", "mix"])
async def test_a_request_cannot_change_what_a_strategy_itself_asks(
    client: Client, name: str
) -> None:
    variant = {"recall": "near", "best": "second", "mix": "fused"}[name]
    rule = {"variant_name": variant, "pointer": "/a", "value": 1}
    status, _ = await refused(client.inference(function_name=name, input=said(), extra_body=[rule]))
    assert status == 400


@pytest.mark.parametrize("kind", KINDS)
async def test_a_dry_run_of_a_strategy_leaves_nothing(
    kind: str, functions_proxy: Proxy, functions_db: asyncpg.Connection
) -> None:
    async with open_client(kind, functions_proxy.base) as client:
        dry = await client.inference(function_name="best", input=said(), dryrun=True)
        wet = await client.inference(function_name="best", input=said())
    await model_calls(functions_db, wet.inference_id, 3)
    query = "SELECT count(*) FROM tensorzero.model_inferences WHERE inference_id = $1::text::uuid"
    assert await functions_db.fetchval(query, str(dry.inference_id)) == 0
