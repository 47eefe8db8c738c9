"""Inferences of functions in a real Postgres: spelled as they were, once each, and readable."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from proxy.inference.recorded import RecordedOutputReader
from proxy.store.accounts import WriterCells
from proxy.store.journal import Journal
from proxy.store.writer import Writer
from proxy.types.exchange import Exchange, InferenceDetails, RecordKind
from proxy.wire.chat_completions.decode import ChatCompletionsDecoder
from proxy.wire.embeddings.decode import EmbeddingsDecoder
from proxy.wire.native.decode import NativeDecoder
from tests.unit.store.samples import a_model_call, an_exchange

SCHEMA = b'{"type":"object","required":["b"],"properties":{"z":{},"b":{"maximum":1e3}}}'
JSON = InferenceDetails("json", output_schema=SCHEMA, extra_body=b'[{"value":1.00,"pointer":"/a"}]')
VECTORS = b'{"data":[{"embedding":[0.5],"index":0}],"usage":{"prompt_tokens":4,"total_tokens":4}}'
ASKED = (
    b'{"function_name":"f","input":{"system":{"z":1.0,"a":2},"messages":'
    b'[{"role":"user","content":"hello"}]}}'
)


def answer(message: str) -> bytes:
    return (
        b'{"id":"chatcmpl-1","choices":[{"index":0,"message":{"role":"assistant",%s},'
        b'"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}'
        % message.encode()
    )


def of_a_json_function(content: str, **changes: Any) -> Exchange:
    call = a_model_call(raw_response=[answer(f'"content":{msgspec.json.encode(content).decode()}')])
    return an_exchange(**({"details": JSON, "model_calls": [call]} | changes))


class Scene:
    """A journal and its writer."""

    def __init__(self, folder: Path, dsn: str) -> None:
        self.journal = Journal(folder)
        self.cells = WriterCells()
        self.quarantine = folder.parent / "quarantine"
        self.writer = Writer(
            folder,
            dsn,
            {
                "chat_completions": ChatCompletionsDecoder(),
                "embeddings": EmbeddingsDecoder(),
                "native": NativeDecoder(),
            },
            self.cells,
            quarantine=self.quarantine,
            flush_interval=0.01,
            reader=RecordedOutputReader(),
        )

    async def store(self, *exchanges: Exchange) -> None:
        for exchange in exchanges:
            self.journal.append(RecordKind.EXCHANGE, exchange)
        async with self._running():
            assert await self.writer.flush(20)

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.writer.run())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@pytest.fixture
async def scene(tmp_path: Path, database: str) -> AsyncIterator[Scene]:
    folder = tmp_path / "journal"
    folder.mkdir()
    made = Scene(folder, database)
    yield made
    made.writer.close()
    await made.journal.close()


async def only(db: asyncpg.Connection, table: str) -> asyncpg.Record:
    (row,) = await db.fetch(f"SELECT * FROM tensorzero.{table} ORDER BY id")
    return row


async def test_json_of_a_relayed_answer_is_stored_as_it_was_spelled(
    scene: Scene, db: asyncpg.Connection
) -> None:
    exchange = of_a_json_function('{"z": 1.0, "b": 2.50}', lane="native", request_body=ASKED)
    await scene.store(exchange)
    row = await only(db, "json_inference_data")
    assert row["id"].bytes == exchange.id
    assert row["input"] == (
        '{"system":{"z":1.0,"a":2},"messages":'
        '[{"role":"user","content":[{"type":"text","text":"hello"}]}]}'
    )
    assert row["output"] == r'{"raw":"{\"z\": 1.0, \"b\": 2.50}","parsed":{"z":1.0,"b":2.50}}'
    assert row["output_schema"] == SCHEMA.decode()
    assert row["extra_body"] == '[{"value":1.00,"pointer":"/a"}]'
    assert row["auxiliary_content"] == "[]"
    metadata = await only(db, "json_inferences")
    assert (metadata["function_name"], metadata["output_complete"]) == ("f", True)
    assert await db.fetchval("SELECT count(*) FROM tensorzero.chat_inferences") == 0


async def test_a_chat_with_tools_is_stored_with_what_its_calls_mean(
    scene: Scene, db: asyncpg.Connection
) -> None:
    called = (
        '"content":"look","tool_calls":[{"id":"c","type":"function","function":'
        r'{"name":"weather","arguments":"{\"z\": 1.0, \"b\": 2}"}}]'
    )
    details = InferenceDetails(
        "chat",
        tools=b'[{"name":"weather","parameters":' + SCHEMA + b"}]",
        allowed_tools=b'{"tools":["weather"],"choice":"function_default"}',
        tool_choice=b'"auto"',
        parallel_tool_calls=True,
    )
    call = a_model_call(raw_response=[answer(called)])
    await scene.store(an_exchange(details=details, model_calls=[call]))
    row = await only(db, "chat_inference_data")
    assert row["output"] == (
        '[{"type":"text","text":"look"},{"type":"tool_call","id":"c","raw_name":"weather",'
        r'"raw_arguments":"{\"z\": 1.0, \"b\": 2}","name":"weather","arguments":{"z":1.0,"b":2}}]'
    )
    assert row["allowed_tools"] == '{"tools":["weather"],"choice":"function_default"}'
    assert (row["tool_choice"], row["parallel_tool_calls"]) == ('"auto"', True)
    assert (await only(db, "model_inferences"))["finish_reason"] == "stop"


async def test_every_call_of_a_model_is_stored_with_its_cost(
    scene: Scene, db: asyncpg.Connection
) -> None:
    calls = [
        a_model_call(wire="embeddings", model_name="e", raw_response=[VECTORS], cost="0.0000001"),
        a_model_call(raw_response=[answer('"content":"one"')], cost="1.0000000004"),
        a_model_call(
            wire="neutral",
            model_name="judge",
            raw_response=[b"{}"],
            output=b'[{"type":"text","text":"0"}]',
            system="Judge.",
            input_messages=b'[{"role":"user","content":[]}]',
        ),
    ]
    details = InferenceDetails("chat", output=b'[{"type":"text","text":"one"}]')
    await scene.store(an_exchange(details=details, model_calls=calls))
    rows = await db.fetch(
        "SELECT m.id, model_name, input_tokens, cost::text, system, output::text "
        "FROM tensorzero.model_inferences m JOIN tensorzero.model_inference_data USING (id) "
        "ORDER BY m.id"
    )
    assert [row["id"].bytes for row in rows] == [call.id for call in calls]
    assert [tuple(row)[1:] for row in rows] == [
        ("e", 4, "0.000000100", None, "[]"),
        ("m", 3, "1.000000000", None, '[{"type":"text","text":"one"}]'),
        ("judge", None, None, "Judge.", '[{"type":"text","text":"0"}]'),
    ]
    row = await only(db, "chat_inference_data")
    assert row["output"] == '[{"type":"text","text":"one"}]'


async def test_what_postgres_refuses_in_one_function_does_not_cost_the_others(
    scene: Scene, db: asyncpg.Connection
) -> None:
    good = [of_a_json_function('{"b":1}') for _ in range(30)]
    unfit = of_a_json_function("x", details=InferenceDetails("json", output=b'{"raw":'))
    poison = of_a_json_function("x", status=2**40)
    await scene.store(*good[:10], unfit, *good[10:20], poison, *good[20:])
    rows = await db.fetch("SELECT id, output FROM tensorzero.json_inference_data ORDER BY id")
    stored = {row["id"].bytes: row["output"] for row in rows}
    assert set(stored) == {each.id for each in (*good, unfit)}
    assert stored[unfit.id] == '{"raw":null,"parsed":null}'
    (note,) = scene.quarantine.rglob("*.bin")
    assert note.stem == str(UUID(bytes=poison.id))
    assert scene.cells.written.get() == 31 and scene.cells.quarantined.get() == 1


async def test_all_that_functions_say_can_be_read_as_text(
    scene: Scene, db: asyncpg.Connection
) -> None:
    bad = rb'{"raw":"a\u0000\ud800","parsed":null,"text":"\ud83d\ude00"}'
    json = InferenceDetails("json", b"", b"[]", bad, b"[" + bad + b"]")
    given = InferenceDetails("json", bad, b"[" + bad + b"]", bad)
    await scene.store(of_a_json_function("a\x00b", details=json), an_exchange(details=given))
    rows = await db.fetch(
        "SELECT output->>'raw' AS raw, output_schema->>'raw' AS schema, "
        "auxiliary_content->0->>'raw' AS rest, extra_body->0->>'raw' AS extra, "
        "output->>'text' AS text FROM tensorzero.json_inference_data ORDER BY id"
    )
    replaced = "a\ufffd\ufffd"
    # The one that is read by its schema comes first, for its id is older.
    assert [tuple(row) for row in rows] == [
        ("a\ufffdb", replaced, None, replaced, None),
        (replaced, replaced, replaced, None, "😀"),
    ]


async def test_a_repeat_of_a_function_changes_nothing(scene: Scene, db: asyncpg.Connection) -> None:
    first, second = of_a_json_function('{"b":1}'), of_a_json_function('{"b":2}')
    await scene.store(first)
    changed = msgspec.structs.replace(first, details=InferenceDetails("json", output=b"{}"))
    await scene.store(changed, second)
    rows = await db.fetch("SELECT output->>'raw' FROM tensorzero.json_inference_data ORDER BY id")
    assert [row[0] for row in rows] == ['{"b":1}', '{"b":2}']
    for table in ("json_inferences", "model_inferences", "model_inference_data", "exchanges"):
        assert await db.fetchval(f"SELECT count(*) FROM tensorzero.{table}") == 2


async def test_rows_lie_in_partitions_made_for_them(scene: Scene, db: asyncpg.Connection) -> None:
    await scene.store(of_a_json_function('{"b":1}'))
    for table in ("json_inferences", "json_inference_data"):
        assert await db.fetchval(f"SELECT count(*) FROM tensorzero.{table}_default") == 0
