"""The writer against a real Postgres: nothing lost, nothing doubled, and the books balance."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from proxy.errors import JournalFailed, RecordingRefused, StartupError
from proxy.store.accounts import Balance, RecorderCells, WriterCells, balance_of
from proxy.store.journal import Journal
from proxy.store.recorder import JournalRecorder, WhenFull
from proxy.store.writer import ENOUGH_BYTES, Writer
from proxy.types.content import Text, blocks_to_json
from proxy.types.decoded import Decoded, DecodedInput
from proxy.types.exchange import ConfigSnapshot, Exchange, ModelCall, RecordKind
from proxy.types.ids import new_id
from tests.store.pg_relay import PostgresRelay
from tests.unit.store.samples import ANSWER, a_feedback, a_model_call, an_exchange, settled

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


class SimpleDecoder:
    """Takes the whole body for the text."""

    def decode_call(self, call: ModelCall) -> Decoded:
        text = b"".join(call.raw_response).decode(errors="replace")
        return Decoded(blocks_to_json([Text(text)]), response_id=f"chatcmpl-{UUID(bytes=call.id)}")

    def decode_input(self, endpoint: str, request_body: bytes) -> DecodedInput:
        return DecodedInput(b'{"messages":[]}', None, b"[]")


class Scene:
    """Journals, a writer and its database."""

    def __init__(self, folder: Path, dsn: str, **options: Any) -> None:
        self.folder = folder
        self.dsn = dsn
        self.cells = WriterCells()
        self.quarantine = folder.parent / "quarantine"
        self.writer = Writer(
            folder,
            dsn,
            {"chat_completions": SimpleDecoder(), "unfit": UnfitDecoder()},
            self.cells,
            quarantine=self.quarantine,
            **{"flush_interval": 0.01, "statement_seconds": 5.0} | options,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Writer]:
        task = asyncio.create_task(self.writer.run())
        try:
            yield self.writer
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            self.writer.close()

    def balance(self) -> Balance:
        return balance_of(self.cells, 0)

    async def until(self, condition: Callable[[], bool], seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not come to pass"
            await asyncio.sleep(0.01)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "journal"
    path.mkdir()
    return path


async def fetch(dsn: str, statement: str, *values: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        return list(await connection.fetch(statement, *values))
    finally:
        await connection.close()


async def stored_ids(dsn: str, table: str = "exchanges") -> list[bytes]:
    return [row["id"].bytes for row in await fetch(dsn, f"SELECT id FROM tensorzero.{table}")]


def append(journal: Journal, *exchanges: Exchange) -> list[bytes]:
    for exchange in exchanges:
        journal.append(RecordKind.EXCHANGE, exchange)
    return [exchange.id for exchange in exchanges]


def some(count: int, **changes: Any) -> list[Exchange]:
    return [an_exchange(model_calls=[a_model_call()], **changes) for _ in range(count)]


async def test_every_exchange_gets_its_row_in_every_table(database: str, folder: Path) -> None:
    scene, journal = Scene(folder, database), Journal(folder)
    ids = append(journal, *some(1200))
    async with scene.running() as writer:
        assert await writer.flush(20)
        for table in ("exchanges", "chat_inferences", "chat_inference_data"):
            assert sorted(await stored_ids(database, table)) == sorted(ids)
        for table in ("model_inferences", "model_inference_data"):
            assert len(await stored_ids(database, table)) == 1200
        await journal.close()
        await scene.until(lambda: not list(folder.glob("*.journal")))
    assert scene.balance() == Balance(1200, 0, 1200, 0, 0, 0, 0)
    assert scene.cells.journal_bytes.get() == 0


async def test_a_batch_waits_for_more_but_not_after_a_pause(database: str, folder: Path) -> None:
    began: list[float] = []
    scene = Scene(folder, database, flush_interval=3.0, on_batch=lambda _: began.append(now()))
    now, journal = time.monotonic, Journal(folder)
    async with scene.running():
        await asyncio.sleep(3.1)
        append(journal, *some(1))
        first = now()
        await scene.until(lambda: len(began) == 1)
        assert began[0] - first < 2.8
        while len(began) < 3:
            append(journal, *some(1))
            await asyncio.sleep(0.05)
        assert began[2] - began[1] > 2.5
    await journal.close()


async def test_a_batch_does_not_wait_once_much_is_there(database: str, folder: Path) -> None:
    scene, journal = Scene(folder, database, flush_interval=60.0), Journal(folder)
    async with scene.running():
        append(journal, *some(1))
        await scene.until(lambda: scene.cells.written.get() == 1)
        append(journal, *some(1, request_body=b" " * ENOUGH_BYTES))
        await scene.until(lambda: scene.cells.written.get() == 2)
    await journal.close()


async def test_a_writer_without_work_says_how_far_it_has_come(database: str, folder: Path) -> None:
    scene = Scene(folder, database, flush_interval=60.0)
    async with scene.running():
        for _ in range(2):
            asked = time.time()
            await scene.until(lambda asked=asked: scene.cells.written_until.get() > asked, 5.0)


async def test_what_a_dead_program_left_is_adopted(database: str, folder: Path) -> None:
    journal = Journal(folder)
    ids = append(journal, *some(30))
    await journal.close()
    scene, second = Scene(folder, database), Journal(folder)
    ids += append(second, *some(5))
    async with scene.running() as writer:
        assert await writer.flush(20)
    assert sorted(await stored_ids(database)) == sorted(ids)
    assert scene.balance() == Balance(5, 30, 35, 0, 0, 0, 0)
    await second.close()


async def test_writing_again_after_a_crash_doubles_nothing(database: str, folder: Path) -> None:
    journal = Journal(folder)
    ids = append(journal, *some(40))
    for _ in range(3):
        scene = Scene(folder, database)
        async with scene.running() as writer:
            assert await writer.flush(20)
        for note in folder.glob("*.done"):
            note.unlink()
        assert scene.balance().adopted == 40 and scene.balance().difference == 0
    assert sorted(await stored_ids(database)) == sorted(ids)
    await journal.close()


async def test_a_poison_record_goes_to_quarantine_and_the_others_are_written(
    database: str, folder: Path
) -> None:
    scene, journal = Scene(folder, database), Journal(folder)
    exchanges = some(200)
    # No status fits an integer column that is larger than one.
    exchanges[117] = msgspec.structs.replace(exchanges[117], status=2**40)
    exchanges[30] = msgspec.structs.replace(exchanges[30], episode_id=b"short")
    ids = append(journal, *exchanges)
    journal.append(RecordKind.EXCHANGE, ConfigSnapshot(b"", "no exchange at all", "", 0))
    async with scene.running() as writer:
        assert await writer.flush(20)
    good = [identifier for place, identifier in enumerate(ids) if place not in (30, 117)]
    assert sorted(await stored_ids(database)) == sorted(good)
    assert scene.balance() == Balance(201, 0, 198, 0, 0, 3, 0)
    notes = [path.read_text() for path in scene.quarantine.rglob("*.json")]
    assert len(notes) == 3 and not any("hello" in note for note in notes)
    (raw,) = scene.quarantine.rglob(f"{UUID(bytes=ids[117])}.bin")
    assert msgspec.msgpack.decode(raw.read_bytes(), type=Exchange) == exchanges[117]
    await journal.close()


async def test_bodies_of_any_bytes_are_stored_to_the_byte(database: str, folder: Path) -> None:
    scene, journal = Scene(folder, database), Journal(folder)
    odd = [b"\x00", b"\xff\xfe", b'{"a":"\xc3"}', b'{"model":"\\u0000"}', os.urandom(5000)]
    for body in odd:
        call = a_model_call(raw_response=[body])
        append(journal, an_exchange(request_body=body, model_calls=[call], user_agent="a\x00b"))
    big = b"x" * 30 * 2**20
    append(journal, an_exchange(request_body=big))
    async with scene.running() as writer:
        assert await writer.flush(60)
    rows = await fetch(
        database,
        "SELECT request_body, response_body, convert_to(raw_request, 'UTF8') AS raw_request, "
        "convert_to(raw_response, 'UTF8') AS raw_response FROM tensorzero.exchanges e "
        "JOIN tensorzero.model_inferences m ON m.inference_id = e.id "
        "JOIN tensorzero.model_inference_data d ON d.id = m.id ORDER BY e.id",
    )
    assert [row["request_body"] or row["raw_request"] for row in rows] == [*odd, big]
    assert [row["response_body"] or row["raw_response"] for row in rows][:-1] == odd
    assert scene.balance() == Balance(6, 0, 6, 0, 0, 0, 0)
    await journal.close()


class UnfitDecoder(SimpleDecoder):
    """What it makes of an answer is no JSON."""

    def decode_call(self, call: ModelCall) -> Decoded:
        return Decoded(b'[{"type":')


async def test_what_was_decoded_is_left_out_where_postgres_refuses_it(
    database: str, folder: Path
) -> None:
    scene, journal = Scene(folder, database), Journal(folder)
    bad = an_exchange(model_calls=[a_model_call(wire="unfit")])
    ids = append(journal, *some(20), bad, *some(20))
    async with scene.running() as writer:
        assert await writer.flush(20)
    assert sorted(await stored_ids(database)) == sorted(ids)
    (row,) = await fetch(
        database,
        "SELECT raw_response, d.output FROM tensorzero.model_inference_data d "
        "JOIN tensorzero.model_inferences m ON m.id = d.id WHERE m.inference_id = $1",
        UUID(bytes=bad.id),
    )
    assert row["raw_response"] == ANSWER.decode() and row["output"] == "[]"
    assert scene.balance() == Balance(41, 0, 41, 0, 0, 0, 0)
    assert scene.cells.decode_failures.get() == 1
    await journal.close()


async def test_records_beyond_the_retention_are_counted_and_not_written(
    database: str, folder: Path
) -> None:
    scene, journal = Scene(folder, database, retention_days=30), Journal(folder)
    old = UUID(int=((int(time.time() * 1000) - 40 * 86_400_000) << 80) | 7 << 76 | 2 << 62)
    append(journal, an_exchange(id=old.bytes))
    (kept,) = append(journal, an_exchange())
    async with scene.running() as writer:
        assert await writer.flush(20)
    assert await stored_ids(database) == [kept]
    assert scene.balance() == Balance(2, 0, 1, 0, 0, 0, 1)
    await journal.close()


async def test_damaged_bytes_are_kept_and_counted(database: str, folder: Path) -> None:
    journal = Journal(folder)
    ids = append(journal, *some(9))
    await journal.close()
    (path,) = folder.glob("*.journal")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    scene = Scene(folder, database)
    async with scene.running() as writer:
        assert await writer.flush(20)
    assert sorted(await stored_ids(database)) == sorted(ids[:4] + ids[5:])
    assert scene.balance() == Balance(0, 9, 8, 0, 0, 1, 0)


async def test_killed_connections_lose_and_double_nothing(database: str, folder: Path) -> None:
    scene, journal = Scene(folder, database, batch_rows=40), Journal(folder)
    ids: list[bytes] = []
    kill = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    async with scene.running() as writer:
        for _ in range(15):
            ids += append(journal, *some(60))
            await asyncio.sleep(random.uniform(0, 0.05))
            await fetch(database, kill)
        assert await writer.flush(60)
    assert sorted(await stored_ids(database)) == sorted(ids)
    assert scene.balance() == Balance(900, 0, 900, 0, 0, 0, 0)
    assert scene.cells.failures_unavailable.get() > 0
    await journal.close()


@pytest.fixture
async def relay(database: str, tmp_path: Path) -> AsyncIterator[PostgresRelay]:
    relay = PostgresRelay(database, tmp_path)
    await relay.start()
    yield relay
    await relay.close()


async def test_while_postgres_is_away_the_journal_grows_and_is_written_later(
    database: str, folder: Path, relay: PostgresRelay
) -> None:
    scene = Scene(folder, relay.dsn, batch_rows=50)
    journal = Journal(folder, segment_bytes=50_000)
    ids = append(journal, *some(50))
    async with scene.running() as writer:
        assert await writer.flush(20) and scene.cells.postgres_up.get() == 1
        await relay.stop()
        ids += append(journal, *some(400))
        await scene.until(lambda: scene.balance().journalled == 400)
        assert not await writer.flush(0.3)
        assert scene.balance() == Balance(450, 0, 50, 400, 0, 0, 0)
        assert scene.cells.postgres_up.get() == 0
        assert scene.cells.oldest_seconds.get() > 0
        assert scene.cells.journal_bytes.get() > 200_000
        assert len(writer._in_hand) <= 50
        await relay.start()
        assert await writer.flush(30)
    assert sorted(await stored_ids(database)) == sorted(ids)
    assert scene.balance() == Balance(450, 0, 450, 0, 0, 0, 0)
    await journal.close()


async def test_a_postgres_that_hangs_is_waited_for(
    database: str, folder: Path, relay: PostgresRelay
) -> None:
    scene, journal = Scene(folder, relay.dsn, statement_seconds=0.5), Journal(folder)
    ids = append(journal, *some(20))
    async with scene.running() as writer:
        assert await writer.flush(20)
        relay.set("hang")
        ids += append(journal, *some(20))
        await scene.until(lambda: scene.cells.failures_unavailable.get() >= 2)
        relay.set("flow")
        assert await writer.flush(30)
    assert sorted(await stored_ids(database)) == sorted(ids)
    assert scene.balance() == Balance(40, 0, 40, 0, 0, 0, 0)
    await journal.close()


async def test_connections_cut_at_any_moment_double_nothing(
    database: str, folder: Path, relay: PostgresRelay
) -> None:
    scene, journal = Scene(folder, relay.dsn, batch_rows=30), Journal(folder)
    ids: list[bytes] = []
    async with scene.running() as writer:
        for _ in range(20):
            ids += append(journal, *some(30))
            await asyncio.sleep(random.uniform(0, 0.04))
            relay.cut()
        assert await writer.flush(60)
    assert sorted(await stored_ids(database)) == sorted(ids)
    assert scene.balance() == Balance(600, 0, 600, 0, 0, 0, 0)
    await journal.close()


def a_recorder(
    scene: Scene, journal: Journal, when_full: WhenFull, max_bytes: int
) -> tuple[JournalRecorder, RecorderCells]:
    """A worker's recorder that reads the writer's gauge."""
    gauges = scene.cells
    cells = RecorderCells(journal_bytes=gauges.journal_bytes, journal_ticks=gauges.journal_ticks)
    recorder = JournalRecorder(journal, max_bytes=max_bytes, when_full=when_full, cells=cells)
    return recorder, cells


async def test_shedding_at_the_bound_is_in_the_books(
    database: str, folder: Path, relay: PostgresRelay
) -> None:
    shed: list[Callable[[], float]] = []
    scene = Scene(folder, relay.dsn, shed=lambda: sum(count() for count in shed))
    journal = Journal(folder, segment_bytes=20_000)
    recorder, cells = a_recorder(scene, journal, "shed", max_bytes=100_000)
    shed.append(cells.shed.get)
    await relay.stop()
    async with scene.running() as writer:
        for number in range(1000):
            recorder.admit()
            await settled(recorder.exchange(an_exchange()))
            if number % 20 == 0:
                await asyncio.sleep(0.005)
        assert scene.cells.journal_bytes.get() < 110_000
        await relay.start()
        assert await writer.flush(30)
        writer._publish()
        stored, dropped = len(await stored_ids(database)), cells.shed.get()
        assert stored > 100 and dropped > 100
        assert balance_of(scene.cells, dropped) == Balance(1000, 0, stored, 0, int(dropped), 0, 0)
        await settled(recorder.exchange(an_exchange()))
        assert cells.shed.get() == dropped
    await journal.close()


async def test_refusing_at_the_bound_ends_when_postgres_is_back(
    database: str, folder: Path, relay: PostgresRelay
) -> None:
    scene = Scene(folder, relay.dsn)
    journal = Journal(folder, segment_bytes=20_000)
    recorder, _ = a_recorder(scene, journal, "refuse", max_bytes=100_000)

    def admitted() -> bool:
        try:
            recorder.admit()
        except RecordingRefused:
            return False
        return True

    await relay.stop()
    async with scene.running() as writer:
        accepted = 0
        while admitted():
            await settled(recorder.exchange(an_exchange()))
            accepted += 1
            await asyncio.sleep(0)
        assert 90_000 < sum(path.stat().st_size for path in folder.glob("*.journal")) < 110_000
        await relay.start()
        assert await writer.flush(30)
        await scene.until(admitted)
        assert scene.balance() == Balance(accepted, 0, accepted, 0, 0, 0, 0)
    await journal.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    mount = shutil.which("mount")
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a file system of its own cannot be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def test_a_disk_that_is_really_full_is_emptied_into_postgres(
    database: str, small_disk: Path
) -> None:
    folder = small_disk / "journal"
    scene, journal = Scene(folder, database), Journal(folder, segment_bytes=100_000)
    accepted: list[bytes] = []
    with pytest.raises(JournalFailed, match="No space left"):
        while True:
            exchange = an_exchange(request_body=b"x" * 3000)
            journal.append(RecordKind.EXCHANGE, exchange)
            accepted.append(exchange.id)
    async with scene.running() as writer:
        assert await writer.flush(30)
        accepted += append(journal, *some(100))
        assert await writer.flush(30)
    assert sorted(await stored_ids(database)) == sorted(accepted)
    assert scene.balance() == Balance(len(accepted), 0, len(accepted), 0, 0, 0, 0)
    await journal.close()


def _work_until_killed(folder: Path, pipe: Connection) -> None:
    journal = Journal(folder, segment_bytes=200_000)
    while True:
        exchange = an_exchange(request_body=b"x" * random.choice((10, 5000)))
        journal.append(RecordKind.EXCHANGE, exchange)
        pipe.send_bytes(exchange.id)


async def test_the_books_balance_though_workers_are_killed_at_any_moment(
    database: str, folder: Path
) -> None:
    scene = Scene(folder, database)
    acknowledged: set[bytes] = set()
    context = multiprocessing.get_context("fork")
    async with scene.running() as writer:
        for _ in range(12):
            ours, theirs = multiprocessing.Pipe(duplex=False)
            child = context.Process(target=_work_until_killed, args=(folder, theirs))
            child.start()
            theirs.close()
            end = time.monotonic() + random.uniform(0.02, 0.08)
            while time.monotonic() < end:
                while ours.poll():
                    acknowledged.add(ours.recv_bytes())
                await asyncio.sleep(0.001)
            os.kill(child.pid or 0, signal.SIGKILL)
            child.join()
            with contextlib.suppress(EOFError):
                while ours.poll():
                    acknowledged.add(ours.recv_bytes())
        assert await writer.flush(60)
    stored = await stored_ids(database)
    assert acknowledged <= set(stored) and len(stored) == len(set(stored))
    balance = scene.balance()
    assert balance.difference == 0 and balance.journalled == 0
    assert balance.produced == balance.written == len(stored)


def _write_until_killed(folder: Path, dsn: str) -> None:
    async def main() -> None:
        async with Scene(folder, dsn, batch_rows=25).running():
            await asyncio.sleep(60)

    asyncio.run(main())


async def test_writers_killed_at_any_moment_lose_and_double_nothing(
    database: str, folder: Path
) -> None:
    context = multiprocessing.get_context("fork")
    journal = Journal(folder, segment_bytes=20_000)
    ids: list[bytes] = []
    for _ in range(12):
        writer = context.Process(target=_write_until_killed, args=(folder, database))
        writer.start()
        end = time.monotonic() + random.uniform(0.05, 0.3)
        while time.monotonic() < end:
            ids += append(journal, *some(3))
            await asyncio.sleep(0.002)
        os.kill(writer.pid or 0, signal.SIGKILL)
        writer.join()
    await journal.close()
    scene = Scene(folder, database)
    async with scene.running() as last:
        assert await last.flush(60)
    assert sorted(await stored_ids(database)) == sorted(ids)
    assert scene.balance().difference == 0 and scene.balance().journalled == 0


async def test_a_second_writer_of_the_same_journals_is_refused(database: str, folder: Path) -> None:
    first = Scene(folder, database)
    with pytest.raises(StartupError, match="another process"):
        Scene(folder, database)
    first.writer.close()
    Scene(folder, database).writer.close()


async def test_configurations_are_stored_once_and_their_use_is_noted(
    database: str, folder: Path
) -> None:
    scene, journal = Scene(folder, database), Journal(folder)
    async with scene.running() as writer:
        journal.append(
            RecordKind.CONFIG, ConfigSnapshot(b"\x01" * 32, "a: 1", "0.1", 1_700_000_000_000)
        )
        assert await writer.flush(20)
        journal.append(RecordKind.CONFIG, ConfigSnapshot(b"\x01" * 32, "a: 1", "0.1", 0))
        assert await writer.flush(20)
    (row,) = await fetch(database, "SELECT * FROM tensorzero.config_snapshots")
    assert row["config"] == "a: 1" and row["created_at"].year == 2023
    assert row["last_used"] > row["created_at"] and scene.balance().difference == 0
    await journal.close()


async def test_a_program_killed_with_records_of_a_killed_one_keeps_its_books(
    database: str, folder: Path
) -> None:
    journal = Journal(folder)
    ids = append(journal, *some(10))
    scene = Scene(folder, "postgresql:///nowhere?host=/nonexistent")
    async with scene.running():
        await scene.until(lambda: scene.balance().journalled == 10)
        assert scene.balance() == Balance(0, 10, 0, 10, 0, 0, 0)
    await journal.close()
    scene = Scene(folder, database)
    async with scene.running() as writer:
        assert await writer.flush(20)
    assert sorted(await stored_ids(database)) == sorted(ids)
    assert scene.balance() == Balance(0, 10, 10, 0, 0, 0, 0)


# Feedback.


async def metric_rows(dsn: str, kind: str) -> list[tuple[bytes, object]]:
    rows = await fetch(dsn, f"SELECT target_id, value FROM tensorzero.{kind}_metric_feedback")
    return [(row["target_id"].bytes, row["value"]) for row in rows]


async def test_feedback_finds_its_target_by_any_id(database: str, folder: Path) -> None:
    scene, journal = Scene(folder, database), Journal(folder)
    call = a_model_call()
    exchange = an_exchange(model_calls=[call])
    append(journal, exchange)
    response_id = f"chatcmpl-{UUID(bytes=call.id)}"
    unseen = {"target_known": False}
    known = new_id().bytes
    for feedback in (
        a_feedback(target_id=known),
        a_feedback(target_id=exchange.id, **unseen),
        a_feedback(target_id=exchange.episode_id, level="episode", value=0.0, **unseen),
        a_feedback(target_id=b"", response_id=response_id, **unseen),
        a_feedback(target_id=b"", response_id=response_id, level="episode", **unseen),
        a_feedback(metric_type="float", value=0.25, target_id=exchange.id, tags=b'{"a":"b"}'),
    ):
        journal.append(RecordKind.FEEDBACK, feedback)
    async with scene.running() as writer:
        assert await writer.flush(20)
        await scene.until(lambda: scene.cells.feedback_written.get() == 6)
    expected = [
        (known, True),
        (exchange.id, True),
        (exchange.episode_id, False),
        (exchange.id, True),
        (exchange.episode_id, True),
    ]
    assert sorted(await metric_rows(database, "boolean")) == sorted(expected)
    assert await metric_rows(database, "float") == [(exchange.id, 0.25)]
    assert scene.balance() == Balance(1, 0, 1, 0, 0, 0, 0)
    await journal.close()


async def test_feedback_waits_for_its_target_through_a_restart(database: str, folder: Path) -> None:
    scene, journal = Scene(folder, database), Journal(folder)
    exchange = an_exchange()
    journal.append(RecordKind.FEEDBACK, a_feedback(target_id=exchange.id, target_known=False))
    async with scene.running() as writer:
        assert await writer.flush(20)
        assert await metric_rows(database, "boolean") == []
    await journal.close()
    scene, journal = Scene(folder, database), Journal(folder)
    assert scene.cells.feedback_pending.get() == 1
    append(journal, exchange)
    async with scene.running() as writer:
        await scene.until(lambda: scene.cells.feedback_written.get() == 1)
        await scene.until(lambda: scene.cells.feedback_pending.get() == 0)
    assert await metric_rows(database, "boolean") == [(exchange.id, True)]
    assert not (folder / "pending.feedback").exists()
    await journal.close()


async def test_feedback_without_a_target_is_rejected_with_the_reason(
    database: str, folder: Path
) -> None:
    scene, journal = Scene(folder, database, feedback_grace=0.6), Journal(folder)
    lost = a_feedback(target_id=b"", response_id="chatcmpl-none", target_known=False)
    journal.append(RecordKind.FEEDBACK, lost)
    async with scene.running():
        await scene.until(lambda: scene.cells.feedback_rejected.get() == 1)
    (row,) = await fetch(database, "SELECT * FROM tensorzero.feedback_rejected")
    assert row["response_id"] == "chatcmpl-none" and "not stored" in row["reason"]
    await journal.close()


async def test_the_grace_of_feedback_stands_still_while_postgres_is_away(
    database: str, folder: Path, relay: PostgresRelay
) -> None:
    scene, journal = Scene(folder, relay.dsn, feedback_grace=4.0), Journal(folder)
    exchange = an_exchange()
    journal.append(RecordKind.FEEDBACK, a_feedback(target_id=exchange.id, target_known=False))
    async with scene.running() as writer:
        assert await writer.flush(20)
        await relay.stop()
        await asyncio.sleep(5.0)
        assert scene.cells.feedback_rejected.get() == 0
        append(journal, exchange)
        await relay.start()
        await scene.until(lambda: scene.cells.feedback_written.get() == 1)
    assert await metric_rows(database, "boolean") == [(exchange.id, True)]
    await journal.close()
