"""Worker and writer meet in files: what one acknowledged, the other finds, once."""

from __future__ import annotations

import asyncio
import fcntl
import multiprocessing
import os
import random
import resource
import signal
import struct
import time
import zlib
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
import pytest

from proxy.errors import JournalFailed, StartupError
from proxy.store.frames import HEADER_BYTES, MAGIC
from proxy.store.journal import SUFFIX, Journal
from proxy.store.journal_reader import WriterLock
from proxy.types.exchange import RecordKind
from tests.unit.store.samples import a_feedback, a_reader, an_exchange, ids_of, read_all

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "journal"
    path.mkdir()
    return path


def append_some(journal: Journal, count: int) -> list[bytes]:
    ids = []
    for _ in range(count):
        exchange = an_exchange()
        journal.append(RecordKind.EXCHANGE, exchange)
        ids.append(exchange.id)
    return ids


def only_file(folder: Path) -> Path:
    (path,) = folder.glob("*.journal")
    return path


async def test_what_was_appended_is_read_in_order(folder: Path) -> None:
    reader, journal = a_reader(folder), Journal(folder)
    ids = append_some(journal, 20)
    assert ids_of(read_all(reader)) == ids
    assert (reader.produced, reader.adopted, reader.journalled) == (20, 0, 20)
    await journal.close()


async def test_a_living_workers_file_stays_and_a_closed_one_goes_when_settled(folder: Path) -> None:
    reader, journal = a_reader(folder), Journal(folder)
    append_some(journal, 3)
    reader.settle(read_all(reader))
    reader.poll()
    assert only_file(folder).exists() and reader.journalled == 0
    await journal.close()
    reader.poll()
    assert list(folder.iterdir()) == [] and reader.produced == 3


async def test_a_writer_that_starts_while_a_file_is_being_made_loses_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers = []
    lock = fcntl.flock

    def locked_while_a_writer_starts(descriptor: int, operation: int) -> None:
        if not readers:
            readers.append(a_reader(folder))
        lock(descriptor, operation)

    monkeypatch.setattr("proxy.store.journal.fcntl.flock", locked_while_a_writer_starts)
    journal = Journal(folder)
    ids = append_some(journal, 2)
    assert ids_of(read_all(readers[0])) == ids
    await journal.close()


async def test_an_unsettled_file_is_never_deleted(folder: Path) -> None:
    reader, journal = a_reader(folder), Journal(folder)
    append_some(journal, 3)
    batch = read_all(reader)
    append_some(journal, 1)
    await journal.close()
    reader.settle(batch)
    reader.poll()
    assert only_file(folder).exists() and reader.journalled == 0
    assert len(ids_of(read_all(reader))) == 1 and reader.journalled == 1


async def test_a_new_file_is_begun_at_the_segments_size(folder: Path) -> None:
    reader, journal = a_reader(folder), Journal(folder, segment_bytes=1000)
    ids = append_some(journal, 12)
    assert len(list(folder.glob("*.journal"))) > 3
    assert sorted(ids_of(read_all(reader))) == sorted(ids)
    await journal.close()


async def test_records_of_several_megabytes_pass(folder: Path) -> None:
    reader, journal = a_reader(folder), Journal(folder)
    big = an_exchange(request_body=os.urandom(9 * 2**20), response_body=[b"x" * 65536] * 40)
    journal.append(RecordKind.EXCHANGE, big)
    ids = append_some(journal, 2)
    assert ids_of(read_all(reader)) == [big.id, *ids]
    await journal.close()


async def test_a_restart_goes_on_where_the_last_writer_settled(folder: Path) -> None:
    first, journal = a_reader(folder), Journal(folder)
    append_some(journal, 5)
    first.settle(read_all(first))
    rest = append_some(journal, 4)
    second = a_reader(folder)
    assert ids_of(read_all(second)) == rest
    assert (second.produced, second.adopted, second.journalled) == (0, 4, 4)
    await journal.close()


@pytest.mark.parametrize("damage", [b"", b"\xabZPD", b"\x00" * 24, bytes(range(100, 124))])
async def test_a_damaged_progress_note_means_reading_again(folder: Path, damage: bytes) -> None:
    first, journal = a_reader(folder), Journal(folder)
    ids = append_some(journal, 5)
    first.settle(read_all(first))
    only_file(folder).with_name(only_file(folder).name + ".done").write_bytes(damage)
    assert ids_of(read_all(a_reader(folder))) == ids
    await journal.close()


async def test_a_tail_torn_at_any_byte_hides_nothing_else(folder: Path, tmp_path: Path) -> None:
    journal = Journal(folder)
    ids = append_some(journal, 2)
    path = only_file(folder)
    whole_before = path.stat().st_size
    journal.append(RecordKind.FEEDBACK, a_feedback())
    await journal.close()
    data = path.read_bytes()
    for end in range(whole_before, len(data)):
        room = tmp_path / f"torn{end}"
        room.mkdir()
        (room / path.name).write_bytes(data[:end])
        reader = a_reader(room)
        batch = read_all(reader)
        assert ids_of(batch) == ids and len(batch.frames) == 2 and batch.damaged == 0
        reader.settle(batch)
        reader.poll()
        assert list(room.iterdir()) == []


async def test_a_living_owners_torn_tail_is_waited_for(folder: Path) -> None:
    reader, journal = a_reader(folder), Journal(folder)
    ids = append_some(journal, 2)
    path = only_file(folder)
    data = path.read_bytes()
    for end in range(len(data) // 2 + 1, len(data), 7):
        os.truncate(path, end)
        assert len(ids_of(read_all(reader))) <= 1
        path.write_bytes(data)
        reader = a_reader(folder)
    assert ids_of(read_all(reader)) == ids
    await journal.close()


@pytest.mark.parametrize("place", ["magic", "length", "payload", "check"])
async def test_damage_in_the_middle_costs_only_what_it_hit(folder: Path, place: str) -> None:
    journal = Journal(folder)
    ids = append_some(journal, 5)
    await journal.close()
    path = only_file(folder)
    data = bytearray(path.read_bytes())
    size = len(data) // 5
    at = 2 * size + {"magic": 0, "length": 8, "payload": HEADER_BYTES + 50, "check": 33}[place]
    data[at] ^= 0xFF
    path.write_bytes(data)
    reader = a_reader(folder)
    batch = read_all(reader)
    assert ids_of(batch) == ids[:2] + ids[3:]
    assert batch.damaged == 1 and reader.adopted == 5
    kept = list((folder.parent / "quarantine").rglob("*.bin"))
    assert [file.read_bytes() for file in kept] == [bytes(data[2 * size : 3 * size])]


async def test_damage_over_several_records_is_counted_exactly(folder: Path) -> None:
    reader, journal = a_reader(folder), Journal(folder)
    ids = append_some(journal, 10)
    await journal.close()
    path = only_file(folder)
    data = bytearray(path.read_bytes())
    size = len(data) // 10
    data[3 * size : 6 * size + 10] = os.urandom(3 * size + 10)
    path.write_bytes(data)
    batch = read_all(reader)
    assert ids_of(batch) == ids[:3] + ids[7:] and batch.damaged == 4 and reader.produced == 10


async def test_a_living_owners_damage_is_looked_at_again_before_it_counts(folder: Path) -> None:
    now = 0.0
    reader, journal = a_reader(folder, clock=lambda: now), Journal(folder)
    ids = append_some(journal, 3)
    path = only_file(folder)
    whole = path.read_bytes()
    path.write_bytes(bytes(len(whole) // 3) + whole[len(whole) // 3 :])
    assert ids_of(read_all(reader)) == []
    path.write_bytes(whole)
    assert ids_of(read_all(reader)) == ids
    path.write_bytes(whole + bytes(100))
    assert ids_of(read_all(reader)) == []
    more = append_some(journal, 2)
    now = 5.0
    batch = read_all(reader)
    now = 10.0
    later = read_all(reader)
    assert ids_of(batch) + ids_of(later) == more and batch.damaged + later.damaged == 0
    await journal.close()


async def test_a_body_that_looks_like_frames_is_no_frame(folder: Path) -> None:
    journal = Journal(folder)
    append_some(journal, 1)
    await journal.close()
    stolen = only_file(folder).read_bytes()
    only_file(folder).unlink()
    journal = Journal(folder)
    disguised = an_exchange(request_body=stolen * 3 + MAGIC * 10)
    journal.append(RecordKind.EXCHANGE, disguised)
    ids = append_some(journal, 1)
    await journal.close()
    path = only_file(folder)
    data = bytearray(path.read_bytes())
    data[0] ^= 0xFF
    path.write_bytes(data)
    batch = read_all(a_reader(folder))
    assert ids_of(batch) == ids and batch.damaged == 1


async def test_text_that_is_no_unicode_is_journalled_all_the_same(folder: Path) -> None:
    reader, journal = a_reader(folder), Journal(folder)
    odd = an_exchange(user_agent="caf\udce9", upstream_request_id="\ud83d")
    journal.append(RecordKind.EXCHANGE, odd)
    assert ids_of(read_all(reader)) == [odd.id]
    await journal.close()


async def test_disk_durability_shares_syncs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = []
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda fd: (syncs.append(fd), real(fd)))
    reader, journal = a_reader(folder), Journal(folder, segment_bytes=20_000, durability="disk")

    async def record() -> bytes:
        exchange = an_exchange()
        journal.append(RecordKind.EXCHANGE, exchange)
        await journal.safe()
        return exchange.id

    ids = await asyncio.gather(*(record() for _ in range(100)))
    assert 1 <= len(syncs) < 60
    assert sorted(ids_of(read_all(reader))) == sorted(ids)
    await journal.close()
    reader.settle(read_all(reader))


async def test_a_failed_sync_fails_those_who_waited_for_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(folder, durability="disk")
    append_some(journal, 1)

    def refuse(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", refuse)
        with pytest.raises(JournalFailed):
            await journal.safe()
    append_some(journal, 1)
    await journal.safe()
    await journal.close()


def test_a_second_writer_is_told_who_is_the_first(folder: Path) -> None:
    lock = WriterLock(folder)
    with pytest.raises(StartupError, match=str(os.getpid())):
        WriterLock(folder)
    lock.release()
    WriterLock(folder).release()


def _fill_a_full_disk(folder: Path, pipe: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, 12_000))
    journal = Journal(folder)
    accepted: list[bytes] = []
    failed = 0
    for size in (100, 100, 20_000, 100, 6_000, 5_000, 100, 100):
        exchange = an_exchange(request_body=b"x" * size)
        try:
            journal.append(RecordKind.EXCHANGE, exchange)
            accepted.append(exchange.id)
        except JournalFailed:
            failed += 1
    pipe.send((accepted, failed))


async def test_a_record_that_does_not_fit_is_taken_back_and_the_next_one_passes(
    folder: Path,
) -> None:
    reader = a_reader(folder)
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(
        target=_fill_a_full_disk, args=(folder, theirs)
    )
    child.start()
    theirs.close()  # So that a child that dies is the end of what is read.
    accepted, failed = ours.recv()
    child.join()
    assert failed == 2
    assert ids_of(read_all(reader)) == accepted
    assert reader.produced == len(accepted) == 6


def _append_until_killed(folder: Path, pipe: Connection, seed: int) -> None:
    journal = Journal(folder, segment_bytes=100_000)
    draw = random.Random(seed)
    while True:
        size = draw.choice((10, 1000, 50_000, 300_000))
        exchange = an_exchange(request_body=draw.randbytes(size))
        journal.append(RecordKind.EXCHANGE, exchange)
        pipe.send_bytes(exchange.id)


def test_every_acknowledged_record_of_a_killed_owner_is_read_exactly_once(folder: Path) -> None:
    reader = a_reader(folder)
    draw = random.Random(7)
    acknowledged: set[bytes] = set()
    found: list[bytes] = []
    for round_number in range(30):
        ours, theirs = multiprocessing.Pipe(duplex=False)
        child = multiprocessing.get_context("fork").Process(
            target=_append_until_killed, args=(folder, theirs, round_number)
        )
        child.start()
        theirs.close()
        deadline = time.monotonic() + draw.uniform(0.01, 0.06)
        while time.monotonic() < deadline:
            if ours.poll(0.001):
                acknowledged.add(ours.recv_bytes())
            if draw.random() < 0.05:
                batch = read_all(reader)
                found += ids_of(batch)
                reader.settle(batch)
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join()
        try:
            while ours.poll():
                acknowledged.add(ours.recv_bytes())
        except EOFError:
            pass
    batch = read_all(reader)
    found += ids_of(batch)
    reader.settle(batch)
    reader.poll()
    assert len(found) == len(set(found)) == reader.produced
    assert acknowledged <= set(found) and acknowledged
    assert reader.journalled == 0
    a_reader(folder)
    assert list(folder.iterdir()) == []


def test_a_journal_of_an_older_program_is_read(tmp_path: Path) -> None:
    payload = msgspec.msgpack.encode(an_exchange())
    name = "0190e3a0-0000-7000-8000-000000000000.journal"
    body = struct.pack(
        "<4sBBHIIIQI", MAGIC, 1, RecordKind.EXCHANGE, 0, len(payload), 1, 1, 0, zlib.crc32(payload)
    )
    check = struct.pack("<I", zlib.crc32(body, zlib.crc32(name.encode())))
    (tmp_path / name).write_bytes(body + check + payload)
    assert [frame.payload for frame in read_all(a_reader(tmp_path)).frames] == [payload]


async def test_a_file_that_somebody_else_deleted_is_let_go(folder: Path) -> None:
    reader, journal = a_reader(folder), Journal(folder)
    journal.append(RecordKind.EXCHANGE, an_exchange())
    reader.settle(read_all(reader))
    assert reader.bytes
    for path in folder.glob(f"*{SUFFIX}"):
        path.unlink()
    reader.poll()
    assert (reader.bytes, reader.produced) == (0, 1)
    await journal.close()


async def test_a_file_that_is_made_at_any_moment_is_found(folder: Path) -> None:
    """The folder's time may not tell it from one that was made just before."""
    old, made = 1_000_000_000, time.time()
    reader, journal = a_reader(folder), Journal(folder, segment_bytes=1)
    for count in range(1, 6):
        journal.append(RecordKind.EXCHANGE, an_exchange())
        stamp = made if count < 4 else old + count
        os.utime(folder, (stamp, stamp))
        reader.poll()
        assert len(reader.tails()) == count
    reader.close()
