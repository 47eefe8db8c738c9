"""The real `tensorzero` client: streams of chat and JSON functions, chunk by chunk."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
import pytest

from tests.stored_inferences import model_calls, stored
from tests.tensorzero_clients import (
    STREAMED,
    Client,
    needs_client,
    refused,
    said,
    streamed_text,
)

pytestmark = needs_client

PIECES = 16
"""Of a streamed text."""


def check_end(chunks: list[Any], output_tokens: int, finish_reason: str = "stop") -> None:
    """Usage and finish reason stand in the last chunk, and only there; its content is empty."""
    *others, last = chunks
    assert all(each.usage is None and each.finish_reason is None for each in others)
    assert (last.usage.input_tokens, last.usage.output_tokens) == (10, output_tokens)
    assert last.finish_reason == finish_reason
    assert not getattr(last, "content", None) and not getattr(last, "raw", None)


async def test_text_comes_in_chunks_and_is_kept_whole(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    chunks = await client.stream(function_name="talk", input=said(), tags={"a": "b"})
    assert len(chunks) == PIECES + 1
    assert streamed_text(chunks) == STREAMED
    assert all(block.id == "0" for chunk in chunks for block in chunk.content)
    check_end(chunks, PIECES)
    ids = {(each.inference_id, each.episode_id, each.variant_name) for each in chunks}
    ((inference_id, episode_id, variant_name),) = ids
    assert variant_name == "good"
    row = await stored(functions_db, "chat", inference_id)
    assert str(row["episode_id"]) == str(episode_id)
    assert row["output"] == [{"type": "text", "text": STREAMED}]
    assert row["tags"] == {"a": "b"} and row["ttft_ms"] is not None
    (call,) = await model_calls(functions_db, inference_id, 1)
    assert (call["input_tokens"], call["output_tokens"]) == (10, PIECES)
    assert call["ttft_ms"] is not None and call["finish_reason"] == "stop"


async def test_thoughts_come_before_the_text(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    chunks = await client.stream(function_name="talk", variant_name="streams_thought", input=said())
    kinds = [block.type for chunk in chunks for block in chunk.content]
    assert kinds == ["thought"] * 2 + ["text"] * PIECES
    assert streamed_text(chunks) == STREAMED
    check_end(chunks, PIECES + 2)
    row = await stored(functions_db, "chat", chunks[0].inference_id)
    thought, text = row["output"]
    assert (thought["type"], thought["text"]) == ("thought", "hmmmhmmm")
    assert text == {"type": "text", "text": STREAMED}


async def test_a_tool_call_is_named_once_and_its_arguments_come_in_parts(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    chunks = await client.stream(function_name="weather", input=said())
    blocks = [block for chunk in chunks for block in chunk.content]
    assert [block.raw_name for block in blocks] == ["get_temperature", "", "", "", ""]
    assert {(block.type, block.id) for block in blocks} == {("tool_call", "0")}
    arguments = "".join(block.raw_arguments for block in blocks)
    assert arguments == '{"location":"Brooklyn"","units":"celsius"}'
    check_end(chunks, 5, "tool_call")
    row = await stored(functions_db, "chat", chunks[0].inference_id)
    assert row["output"] == [
        {
            "type": "tool_call",
            "id": "0",
            "name": "get_temperature",
            "raw_name": "get_temperature",
            "arguments": None,
            "raw_arguments": arguments,
        }
    ]


async def test_a_json_function_streams_what_the_model_writes(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    for variant, tokens in (("on", 5), ("off", 5), ("strict", 5), ("thinks", 7)):
        chunks = await client.stream(function_name="answer", variant_name=variant, input=said())
        assert [chunk.raw for chunk in chunks] == ['{"name"', ':"John"', ',"age"', ":30", "}", ""]
        check_end(chunks, tokens)
        row = await stored(functions_db, "json", chunks[0].inference_id)
        assert row["output"] == {"raw": '{"name":"John","age":30}', "parsed": None}


async def test_the_arguments_of_a_tool_that_stands_for_the_answer_are_streamed_as_json(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    chunks = await client.stream(function_name="mood", input=said())
    raw = "".join(chunk.raw for chunk in chunks)
    assert json.loads(raw) == {"sentiment": "positive", "confidence": 0.95}
    check_end(chunks, 5, "tool_call")
    row = await stored(functions_db, "json", chunks[0].inference_id)
    assert row["output"] == {"raw": raw, "parsed": json.loads(raw)}


async def test_a_chat_with_json_mode_tool_streams_text(client: Client) -> None:
    chunks = await client.stream(
        model_name="dummy::good_tool",
        input=said(),
        params={"chat_completion": {"json_mode": "tool"}},
        output_schema={"type": "object"},
    )
    kinds = {block.type for chunk in chunks for block in chunk.content}
    assert kinds == {"text"}
    assert streamed_text(chunks) == '{"sentiment":"positive","confidence":0.95}'


async def test_raw_chunks_and_raw_usage_are_told_on_request(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    chunks = await client.stream(
        function_name="talk", input=said(), include_raw_response=True, include_raw_usage=True
    )
    assert streamed_text(chunks) == STREAMED
    assert "".join(chunk.raw_chunk or "" for chunk in chunks).startswith(STREAMED)
    (usage,) = [entry for chunk in chunks for entry in chunk.raw_usage or ()]
    assert (usage.provider_type, usage.api_type) == ("dummy", "chat_completions")
    (call,) = await model_calls(functions_db, chunks[0].inference_id, 1)
    assert str(usage.model_inference_id) == str(call["id"])
    assert chunks[-1].usage.output_tokens == PIECES
    original = await client.stream(
        function_name="talk", input=said(), include_original_response=True
    )
    assert original[0].original_chunk == "Wally,"


async def test_the_whole_answer_stands_in_the_last_chunk_on_request(client: Client) -> None:
    chunks = await client.stream(
        function_name="talk", input=said(), include_aggregated_response=True
    )
    assert streamed_text(chunks) == STREAMED
    check_end(chunks, PIECES)


async def test_the_next_provider_streams_for_one_that_fails(client: Client) -> None:
    chunks = await client.stream(model_name="first_down", input=said(), include_raw_response=True)
    assert streamed_text(chunks) == STREAMED
    raw = [entry.data for chunk in chunks for entry in chunk.raw_response or ()]
    assert raw == ["dummy error raw response"]
    fallback = await client.stream(function_name="stumbles", input=said())
    assert streamed_text(fallback) == STREAMED
    assert {chunk.variant_name for chunk in fallback} == {"spare"}


async def test_what_fails_before_the_first_chunk_is_an_error_of_the_call(client: Client) -> None:
    status, text = await refused(_raised(client, model_name="dummy::error", input=said()))
    assert status == 502 and "All variants failed with errors: dummy::error:" in text


async def _raised(client: Client, **asked: Any) -> None:
    for chunk in await client.stream(**asked):
        if isinstance(chunk, Exception):
            raise chunk


async def test_an_error_in_the_middle_is_told_and_the_stream_goes_on(client: Client) -> None:
    from tensorzero import TensorZeroError

    chunks = await client.stream(model_name="dummy::err_in_stream", input=said())
    (error,) = [chunk for chunk in chunks if isinstance(chunk, Exception)]
    assert isinstance(error, TensorZeroError) and "Dummy error in stream" in str(error)
    rest = [chunk for chunk in chunks if chunk is not error]
    assert streamed_text(rest) == STREAMED.replace(" retriever,", "")
    assert rest[-1].usage.output_tokens == PIECES


async def test_a_dry_stream_leaves_nothing(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    dry = await client.stream(function_name="talk", input=said(), dryrun=True)
    wet = await client.stream(function_name="talk", input=said())
    await stored(functions_db, "chat", wet[0].inference_id)
    query = "SELECT count(*) FROM tensorzero.exchanges WHERE id = $1::text::uuid"
    assert await functions_db.fetchval(query, str(dry[0].inference_id)) == 0


@pytest.mark.parametrize("function_name", ["talk", "answer", "best", "mix", "recall"])
async def test_every_chunk_of_a_stream_names_the_same_episode(
    client: Client, function_name: str
) -> None:
    first = await client.stream(function_name=function_name, input=said())
    more = await client.stream(
        function_name=function_name, input=said(), episode_id=first[0].episode_id
    )
    assert {chunk.episode_id for chunk in (*first, *more)} == {first[0].episode_id}
    assert {chunk.variant_name for chunk in more} == {first[0].variant_name}
