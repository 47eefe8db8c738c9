"""Feedback waits for its target in turn, on disk, and not for ever."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proxy.errors import StoreUnavailable
from proxy.store.accounts import WriterCells
from proxy.store.batch_store import Unfit
from proxy.store.feedback_queue import ASKED_AT_ONCE, FeedbackQueue
from proxy.store.items import Item
from proxy.store.journal_file import Frame
from proxy.store.pending import FILE_NAME, PendingFeedback
from proxy.types.exchange import Feedback, RecordKind
from tests.unit.store.samples import a_feedback


class FakeStore:
    """Knows the targets in `known`."""

    def __init__(self) -> None:
        self.known: set[bytes] = set()
        self.asked: list[bytes] = []
        self.rejected: dict[bytes, str] = {}
        self.away = False
        self.unfit: set[bytes] = set()
        self.take_time: Callable[[], None] = lambda: None

    async def resolve(self, feedback: Feedback) -> bool:
        if self.away:
            raise StoreUnavailable("away")
        if feedback.target_id in self.unfit:
            raise Unfit("it does not fit")
        self.take_time()
        self.asked.append(feedback.id)
        return feedback.target_id in self.known

    async def reject(self, feedback: Feedback, reason: str) -> None:
        self.rejected[feedback.id] = reason


class Desk:
    def __init__(self, folder: Path, grace: float = 10.0) -> None:
        self.now = 0.0
        self.store: Any = FakeStore()
        self.cells = WriterCells()
        self.written_until = math.inf
        self.queue = FeedbackQueue(
            PendingFeedback(folder),
            self.store,
            self.cells,
            grace,
            clock=lambda: self.now,
            written_until=lambda: self.written_until,
        )

    async def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.5)):
            self.now += 0.5
            await self.queue.resolve_some()


def items(count: int) -> list[Item]:
    found = []
    for _ in range(count):
        item = Item(Frame(RecordKind.FEEDBACK, b"", 0, "file", 0))
        item.feedback = a_feedback(target_known=False)
        found.append(item)
    return found


async def test_many_are_asked_for_in_turn(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    waiting = items(3 * ASKED_AT_ONCE)
    await desk.queue.take_over(waiting)
    await desk.pass_time(0.5)
    assert len(desk.store.asked) == ASKED_AT_ONCE
    await desk.pass_time(1.0)
    assert {item.feedback.id for item in waiting if item.feedback} == set(desk.store.asked)


async def test_the_grace_counts_only_while_the_store_answers(tmp_path: Path) -> None:
    desk = Desk(tmp_path, grace=5.0)
    await desk.queue.take_over(items(1))
    await desk.pass_time(3.0)
    desk.store.away = True
    await desk.pass_time(60.0)
    desk.store.away = False
    await desk.pass_time(2.0)
    assert not desk.store.rejected
    await desk.pass_time(5.0)
    assert len(desk.store.rejected) == 1 and len(desk.queue) == 0
    assert desk.cells.feedback_rejected.get() == 1


async def test_the_grace_begins_when_the_journals_are_written_as_far_as_the_feedback(
    tmp_path: Path,
) -> None:
    """Its target may stand in another worker's journal, behind much that waits."""
    desk = Desk(tmp_path, grace=5.0)
    desk.written_until = time.time() - 1
    await desk.queue.take_over(items(1))
    await desk.pass_time(60.0)
    assert not desk.store.rejected
    desk.written_until = time.time() + 1
    await desk.pass_time(7.0)
    assert len(desk.store.rejected) == 1


async def test_what_does_not_fit_its_target_is_rejected_at_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    waiting = items(1)
    desk.store.unfit = {item.feedback.target_id for item in waiting if item.feedback}
    await desk.queue.take_over(waiting)
    await desk.pass_time(0.5)
    assert list(desk.store.rejected.values()) == ["it does not fit"]
    assert desk.cells.feedback_rejected.get() == 1


async def test_slow_answers_do_not_hold_up_the_exchanges(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    def take_time() -> None:
        desk.now += 0.5

    desk.store.take_time = take_time
    waiting = items(6)
    await desk.queue.take_over(waiting)
    await desk.queue.resolve_some()
    assert len(desk.store.asked) == 2
    await desk.pass_time(1.0)
    assert {item.feedback.id for item in waiting if item.feedback} == set(desk.store.asked)


async def test_beyond_the_bound_the_oldest_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.store.pending.MOST", 3)
    desk = Desk(tmp_path)
    waiting = items(5)
    await desk.queue.take_over(waiting)
    await desk.pass_time(1.0)
    oldest = [item.feedback.id for item in waiting[:2] if item.feedback]
    assert list(desk.store.rejected) == oldest and len(desk.queue) == 3


async def test_a_restart_and_a_repeat_change_nothing(tmp_path: Path) -> None:
    waiting = items(2)
    await Desk(tmp_path).queue.take_over(waiting)
    desk = Desk(tmp_path)
    await desk.queue.take_over(waiting)
    assert len(desk.queue) == 2
    desk.store.known = {item.feedback.target_id for item in waiting if item.feedback}
    await desk.pass_time(0.5)
    assert desk.cells.feedback_written.get() == 2 and not (tmp_path / FILE_NAME).exists()


async def test_a_damaged_file_is_kept_and_does_not_stop_the_start(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"no messagepack at all")
    assert len(Desk(tmp_path).queue) == 0
    assert (tmp_path / "pending.damaged").exists()


async def test_beyond_the_bound_of_bytes_the_oldest_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.store.pending.MOST_BYTES", 250)
    waiting = items(3)
    for item in waiting:
        item.feedback = a_feedback(target_known=False, text="x" * 100, tags=b"")
    await Desk(tmp_path).queue.take_over(waiting[:1])
    desk = Desk(tmp_path)
    await desk.queue.take_over(waiting)
    await desk.pass_time(1.0)
    assert list(desk.store.rejected) == [waiting[0].feedback.id] and len(desk.queue) == 2
