"""Feedback of all kinds, from the journal into its tables, against a real Postgres."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from proxy.errors import InvalidRequest
from proxy.store.inference_store import PostgresInferenceStore
from proxy.store.journal import Journal
from proxy.types.exchange import Exchange, Feedback, InferenceDetails, RecordKind
from proxy.types.feedback import StoredInference
from proxy.types.ids import new_id
from tests.store.pg_relay import PostgresRelay
from tests.store.test_writer import Scene, append, fetch
from tests.unit.store.samples import a_feedback, an_exchange

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")

TOOLS = b'[{"type":"function","name":"t","description":"","parameters":{},"strict":false}]'
ALLOWED = b'{"tools":["t"],"choice":"explicit"}'


@pytest.fixture
def journals(tmp_path: Path) -> Path:
    path = tmp_path / "journal"
    path.mkdir()
    return path


class Reader:
    """Takes demonstrations that are texts; what it is told of inferences can be looked at."""

    def __init__(self) -> None:
        self.told: list[StoredInference] = []

    def read(self, value: bytes, inference: StoredInference) -> bytes:
        self.told.append(inference)
        if value == b'"break"':
            raise KeyError("a fault of ours")
        if not value.startswith(b'"'):
            raise InvalidRequest("Demonstration must be a string")
        return b'[{"type":"text","text":' + value + b"}]"


def feedback(kind: str, target: bytes, **changes: Any) -> Feedback:
    return a_feedback(metric_name=kind, metric_type=kind, target_id=target, value=0.0, **changes)


def put(journal: Journal, *each: Feedback) -> None:
    for one in each:
        journal.append(RecordKind.FEEDBACK, one)


def a_chat(**changes: Any) -> Exchange:
    details = InferenceDetails(dynamic_tools=TOOLS, allowed_tools=ALLOWED)
    return an_exchange(details=details, **changes)


def a_json(**changes: Any) -> Exchange:
    details = InferenceDetails(
        function_type="json",
        output=b'{"raw":"{\\"b\\":1,\\"a\\":1.50}","parsed":{"b":1,"a":1.50}}',
        output_schema=b'{"type":"object","b":1,"a":2}',
    )
    return an_exchange(function_name="extract", details=details, **changes)


async def rejected(dsn: str) -> list[tuple[str, object, str | None, str]]:
    rows = await fetch(dsn, "SELECT * FROM tensorzero.feedback_rejected ORDER BY id")
    return [(row["metric_type"], row["value"], row["text_value"], row["reason"]) for row in rows]


async def test_comments_and_demonstrations_get_their_rows(database: str, journals: Path) -> None:
    scene, journal = Scene(journals, database), Journal(journals)
    exchange = an_exchange()
    append(journal, exchange)
    ordered = '[{"type":"text","text":"a"},{"z":1,"a":1.50,"z":2}]'
    put(
        journal,
        feedback("comment", exchange.id, text="gut, \0 é", tags=b'{"who":"me"}'),
        feedback("comment", exchange.episode_id, level="episode", text="episode"),
        feedback("demonstration", exchange.id, text=ordered),
    )
    async with scene.running() as writer:
        assert await writer.flush(20)
    comments = await fetch(database, "SELECT * FROM tensorzero.comment_feedback ORDER BY id")
    assert [(row["target_id"].bytes, row["target_type"], row["value"]) for row in comments] == [
        (exchange.id, "inference", "gut, \ufffd é"),
        (exchange.episode_id, "episode", "episode"),
    ]
    assert json.loads(comments[0]["tags"]) == {"who": "me"}
    assert comments[0]["snapshot_hash"] == b"\x01" * 32
    (shown,) = await fetch(database, "SELECT * FROM tensorzero.demonstration_feedback")
    assert (shown["inference_id"].bytes, shown["value"]) == (exchange.id, ordered)
    assert scene.cells.feedback_written.get() == 3
    await journal.close()


async def test_a_demonstration_is_checked_when_its_target_comes(
    database: str, journals: Path
) -> None:
    reader = Reader()
    scene, journal = Scene(journals, database, demonstrations=reader), Journal(journals)
    chat, extract = a_chat(), a_json()
    put(
        journal,
        feedback("demonstration", chat.id, target_known=False, text='"fits"'),
        feedback("demonstration", extract.id, target_known=False, text='"fits, too"'),
        feedback("demonstration", chat.id, target_known=False, text="7"),
        feedback("demonstration", chat.id, target_known=False, text='"break"'),
    )
    append(journal, chat, extract)
    async with scene.running():
        await scene.until(lambda: scene.cells.feedback_written.get() == 2)
        await scene.until(lambda: scene.cells.feedback_rejected.get() == 2)
    rows = await fetch(database, "SELECT * FROM tensorzero.demonstration_feedback ORDER BY id")
    assert [(row["inference_id"].bytes, row["value"]) for row in rows] == [
        (chat.id, '[{"type":"text","text":"fits"}]'),
        (extract.id, '[{"type":"text","text":"fits, too"}]'),
    ]
    assert await rejected(database) == [
        ("demonstration", None, "7", "Demonstration must be a string"),
        ("demonstration", None, '"break"', "it could not be checked: KeyError"),
    ]
    told = {each.function_name: each for each in reader.told}
    assert told["f"] == StoredInference(
        UUID(bytes=chat.id), "f", "v", UUID(bytes=chat.episode_id), "chat", b"", TOOLS, ALLOWED
    )
    assert told["extract"].output_schema == b'{"type":"object","b":1,"a":2}'
    assert told["extract"].function_type == "json"
    await journal.close()


async def test_an_exchange_that_is_no_inference_has_no_demonstrations(
    database: str, journals: Path
) -> None:
    scene = Scene(journals, database, demonstrations=Reader(), feedback_grace=0.6)
    journal = Journal(journals)
    failed = an_exchange(model_calls=[], status=502, end_reason="upstream_error")
    append(journal, failed)
    put(
        journal,
        feedback("demonstration", failed.id, target_known=False, text='"a"'),
        feedback("comment", failed.id, target_known=False, text="it failed"),
    )
    async with scene.running():
        await scene.until(lambda: scene.cells.feedback_written.get() == 1)
        await scene.until(lambda: scene.cells.feedback_rejected.get() == 1)
    ((kind, _, text, reason),) = await rejected(database)
    assert (kind, text) == ("demonstration", '"a"') and "not stored" in reason
    await journal.close()


async def test_a_rejected_comment_keeps_its_text_and_a_rejected_value_its_number(
    database: str, journals: Path
) -> None:
    scene, journal = Scene(journals, database, feedback_grace=0.6), Journal(journals)
    lost = new_id().bytes
    put(
        journal,
        feedback("comment", lost, target_known=False, text="lost \0"),
        a_feedback(target_id=lost, target_known=False, metric_type="float", value=0.5, text="0.50"),
    )
    async with scene.running():
        await scene.until(lambda: scene.cells.feedback_rejected.get() == 2)
    found = [row[:3] for row in await rejected(database)]
    assert found == [("comment", None, "lost \ufffd"), ("float", 0.5, "0.50")]
    await journal.close()


JUDGED = {
    "tensorzero::human_feedback": "true",
    "tensorzero::datapoint_id": str(new_id()),
    "tensorzero::evaluator_inference_id": str(new_id()),
}


@pytest.mark.parametrize("known", [True, False])
async def test_what_people_say_of_an_evaluated_output_is_kept_with_it(
    database: str, journals: Path, known: bool
) -> None:
    scene, journal = Scene(journals, database), Journal(journals)
    chat, extract = an_exchange(), a_json()
    append(journal, chat, extract)
    tags = json.dumps(JUDGED).encode()
    said = {"tags": tags, "target_known": known}
    put(
        journal,
        a_feedback(target_id=chat.id, text="true", **said),
        a_feedback(target_id=extract.id, metric_type="float", value=1.5, text="1.50", **said),
        a_feedback(target_id=chat.id, target_known=known, text="true"),
        a_feedback(target_id=chat.id, text="true", tags=b'{"tensorzero::human_feedback":"a"}'),
        a_feedback(target_id=chat.episode_id, level="episode", text="true", **said),
    )
    async with scene.running():
        await scene.until(lambda: scene.cells.feedback_written.get() == 5)
    rows = await fetch(
        database,
        "SELECT * FROM tensorzero.inference_evaluation_human_feedback ORDER BY feedback_id",
    )
    assert [(row["value"], row["metric_name"]) for row in rows] == [
        ("true", "thumbs_up"),
        ("1.50", "thumbs_up"),
    ]
    assert str(rows[0]["datapoint_id"]) == JUDGED["tensorzero::datapoint_id"]
    assert str(rows[0]["evaluator_inference_id"]) == JUDGED["tensorzero::evaluator_inference_id"]
    assert json.loads(rows[0]["output"])[0]["type"] == "text"
    assert rows[1]["output"] == '{"parsed":{"a":1.5,"b":1},"raw":"{\\"b\\":1,\\"a\\":1.50}"}'
    await journal.close()


async def test_how_far_the_writer_has_come_is_known(database: str, journals: Path) -> None:
    scene, journal = Scene(journals, database), Journal(journals)
    async with scene.running() as writer:
        append(journal, an_exchange())
        after = time.time()
        await scene.until(lambda: scene.cells.written_until.get() > after)
        assert scene.balance().written == 1
        assert await writer.flush(20)
    await journal.close()


async def test_a_writer_without_postgres_has_not_come_further(
    database: str, journals: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "relay"
    folder.mkdir()
    relay = PostgresRelay(database, folder)
    await relay.start()
    scene, journal = Scene(journals, relay.dsn), Journal(journals)
    async with scene.running():
        await scene.until(lambda: scene.cells.written_until.get() > 0)
        await relay.stop()
        append(journal, an_exchange())
        after = time.time()
        await asyncio.sleep(0.5)
        assert scene.cells.written_until.get() < after
        await relay.start()
        await scene.until(lambda: scene.cells.written_until.get() > after)
    await relay.close()
    await journal.close()


async def test_the_store_tells_what_a_demonstration_depends_on(
    database: str, journals: Path
) -> None:
    scene, journal = Scene(journals, database), Journal(journals)
    chat, extract = a_chat(), a_json()
    append(journal, chat, extract)
    async with scene.running() as writer:
        assert await writer.flush(20)
    await journal.close()
    store = PostgresInferenceStore(database)
    told = await store.fetch_stored_inference(UUID(bytes=chat.id))
    assert told is not None
    assert (told.function_type, told.dynamic_tools, told.allowed_tools) == ("chat", TOOLS, ALLOWED)
    told = await store.fetch_stored_inference(UUID(bytes=extract.id))
    assert told is not None
    assert (told.function_name, told.output_schema) == (
        "extract",
        b'{"type":"object","b":1,"a":2}',
    )
    assert await store.inference_exists(UUID(bytes=extract.id))
    assert await store.fetch_stored_inference(new_id()) is None
    await store.close()


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("comment_feedback", "id target_id target_type value tags snapshot_hash created_at"),
        ("demonstration_feedback", "id inference_id value tags snapshot_hash created_at"),
        (
            "inference_evaluation_human_feedback",
            "feedback_id metric_name datapoint_id output value evaluator_inference_id created_at",
        ),
    ],
)
async def test_tables_of_feedback_have_the_columns_of_tensorzero(
    db: asyncpg.Connection, table: str, columns: str
) -> None:
    row = await db.prepare(f"SELECT * FROM tensorzero.{table}")
    assert [attribute.name for attribute in row.get_attributes()] == columns.split()
