"""A recorder refuses or sheds at the bound, as configured, and says so."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from proxy.errors import JournalFailed, RecordingRefused
from proxy.store.accounts import RecorderCells
from proxy.store.journal import Journal, segment_size
from proxy.store.recorder import FAILURE_PAUSE_S, JournalRecorder, WhenFull
from proxy.types.exchange import ConfigSnapshot
from tests.unit.store.samples import a_feedback, a_reader, an_exchange, ids_of, read_all, settled


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "journal"
    path.mkdir()
    return path


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def a_recorder(
    folder: Path, when_full: WhenFull, max_bytes: int = 10_000, clock: Clock | None = None
) -> tuple[JournalRecorder, RecorderCells, Journal]:
    journal, cells = Journal(folder), RecorderCells()
    recorder = JournalRecorder(
        journal, max_bytes=max_bytes, when_full=when_full, cells=cells, clock=clock or Clock()
    )
    return recorder, cells, journal


async def test_at_the_bound_calls_are_refused_but_those_under_way_are_recorded(
    folder: Path,
) -> None:
    recorder, cells, journal = a_recorder(folder, "refuse")
    reader = a_reader(folder)
    cells.journal_bytes.set(10_000)
    cells.journal_ticks.add(1)
    with pytest.raises(RecordingRefused):
        recorder.admit()
    with pytest.raises(RecordingRefused):
        await recorder.feedback(a_feedback())
    exchange = an_exchange()
    await settled(recorder.exchange(exchange))
    await recorder.config(ConfigSnapshot(b"\x01" * 32, "text", "1", 0))
    assert ids_of(read_all(reader)) == [exchange.id]
    await journal.close()


async def test_what_was_appended_since_the_last_measurement_counts(folder: Path) -> None:
    recorder, cells, journal = a_recorder(folder, "refuse", max_bytes=5_500)
    for _ in range(4):
        recorder.admit()
        await settled(recorder.exchange(an_exchange(request_body=b"x" * 1000)))
    with pytest.raises(RecordingRefused):
        recorder.admit()
    cells.journal_bytes.set(2_000)
    cells.journal_ticks.add(1)
    recorder.admit()
    await journal.close()


async def test_a_full_journal_becomes_free_again_when_all_is_settled(folder: Path) -> None:
    recorder, cells, journal = a_recorder(folder, "refuse", max_bytes=3_000)
    reader = a_reader(folder)
    await settled(recorder.exchange(an_exchange(request_body=b"x" * 4000)))
    with pytest.raises(RecordingRefused):
        recorder.admit()
    reader.settle(read_all(reader))
    reader.poll()
    cells.journal_bytes.set(reader.bytes)
    cells.journal_ticks.add(1)
    recorder.admit()
    await journal.close()


async def test_shedding_counts_what_it_drops_and_admits_all(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recorder, cells, journal = a_recorder(folder, "shed", max_bytes=2_500)
    reader = a_reader(folder)
    for _ in range(10):
        recorder.admit()
        await settled(recorder.exchange(an_exchange()))
    await recorder.feedback(a_feedback())
    kept = len(ids_of(read_all(reader)))
    assert 0 < kept < 10 and cells.shed.get() == 10 - kept and cells.feedback_shed.get() == 1
    assert len([r for r in caplog.records if "not recorded" in r.message]) == 1
    await journal.close()


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, buffers: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "writev", refuse)


@pytest.mark.usefixtures("full_disk")
async def test_a_full_disk_fails_the_record_and_refuses_calls_for_a_moment(folder: Path) -> None:
    clock = Clock()
    recorder, _, journal = a_recorder(folder, "refuse", clock=clock)
    recorder.admit()
    with pytest.raises(JournalFailed, match="No space left"):
        await settled(recorder.exchange(an_exchange()))
    with pytest.raises(RecordingRefused):
        recorder.admit()
    clock.now = FAILURE_PAUSE_S
    recorder.admit()
    await journal.close()


@pytest.mark.usefixtures("full_disk")
async def test_a_full_disk_is_shed_where_that_is_the_choice(folder: Path) -> None:
    recorder, cells, journal = a_recorder(folder, "shed")
    await settled(recorder.exchange(an_exchange()))
    assert cells.shed.get() == 1
    await journal.close()


@pytest.mark.parametrize(
    ("bound", "workers", "expected"),
    [(2**30, 4, 16 * 2**20), (16 * 2**20, 4, 2**20), (1000, 4, 64 * 2**10)],
)
def test_segments_fit_the_bound(bound: int, workers: int, expected: int) -> None:
    assert segment_size(bound, workers) == expected
