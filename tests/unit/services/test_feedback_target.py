"""A target is found, or may be on its way, or does not exist: whoever has to know is told which."""

from __future__ import annotations

import time
from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from proxy.errors import InvalidRequest, StoreUnavailable
from proxy.services.feedback_target import Target, TargetFinder
from proxy.types.examples import Example
from proxy.types.feedback import StoredInference
from proxy.types.ids import new_id


def id_at(seconds: float) -> UUID:
    """A UUIDv7 of that Unix time."""
    return UUID(int=(int(seconds * 1000) << 80) | (new_id().int & ((1 << 80) - 1)))


class FakeStore:
    """Knows its targets from `since` on; `away` from then on."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.since = float("inf")
        self.away = False
        self.asked = 0

    def _known(self) -> bool:
        self.asked += 1
        self.desk.now += self.desk.answer_s
        if self.away:
            raise StoreUnavailable("away")
        return self.desk.now >= self.since

    async def inference_exists(self, inference_id: UUID) -> bool:
        return self._known()

    async def episode_exists(self, episode_id: UUID) -> bool:
        return self._known()

    async def fetch_response_target(self, response_id: str) -> tuple[UUID, UUID] | None:
        return (UUID(int=1), UUID(int=2)) if self._known() else None

    async def fetch_stored_inference(self, inference_id: UUID) -> StoredInference | None:
        if not self._known():
            return None
        return StoredInference(inference_id, "f", "v", UUID(int=2), "chat")

    async def similar_examples(
        self, function_name: str, variant_name: str, embedding: Sequence[float], k: int
    ) -> Sequence[Example]:
        return []


class Desk:
    """A clock that runs while somebody sleeps, and a writer that is behind until a moment."""

    def __init__(self) -> None:
        self.now = 0.0
        self.answer_s = 0.0
        self.stuck_from: float | None = None
        self.stuck_until = float("inf")
        self.store = FakeStore(self)
        self.finder = TargetFinder(self.store, self.lag, sleep=self.sleep, clock=lambda: self.now)

    def lag(self) -> float:
        if self.stuck_from is None or self.now >= self.stuck_until:
            return 0.05
        return self.now - self.stuck_from

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def fresh() -> Target:
    return Target("inference", new_id())


async def test_a_target_that_is_there_is_found_at_once() -> None:
    desk = Desk()
    desk.store.since = 0
    found = await desk.finder.find(fresh())
    assert found.known and desk.now == 0


async def test_a_target_that_comes_while_it_is_waited_for_is_found() -> None:
    desk = Desk()
    desk.store.since = 0.4
    target = fresh()
    found = await desk.finder.find(target)
    assert (found.id, found.known) == (target.id, True) and desk.now < 1


async def test_a_fresh_unknown_target_is_refused_after_six_seconds() -> None:
    desk = Desk()
    target = fresh()
    with pytest.raises(InvalidRequest, match=f"Inference ID: {target.id} does not exist"):
        await desk.finder.find(target)
    assert 5.9 <= desk.now <= 6.3


async def test_an_old_unknown_target_is_refused_after_a_second() -> None:
    desk = Desk()
    target = Target("episode", id_at(time.time() - 100))
    with pytest.raises(InvalidRequest, match=f"Episode ID: {target.id} does not exist"):
        await desk.finder.find(target)
    assert 1 <= desk.now <= 1.3


async def test_an_episode_of_a_workflow_evaluation_is_as_old_as_its_run() -> None:
    desk = Desk()
    with pytest.raises(InvalidRequest, match="does not exist"):
        await desk.finder.find(Target("episode", id_at(time.time() + 10**10 - 100)))
    assert desk.now <= 1.3


async def test_an_id_that_holds_no_time_is_refused_at_once() -> None:
    desk = Desk()
    identifier = uuid4()
    with pytest.raises(InvalidRequest, match=f"Failed to parse UUID as v7: {identifier}"):
        await desk.finder.find(Target("inference", identifier))
    assert desk.store.asked == 0


async def test_when_the_store_cannot_say_the_target_is_left_to_the_writer() -> None:
    desk = Desk()
    desk.store.away = True
    target = fresh()
    found = await desk.finder.find(target)
    assert (found.id, found.known) == (target.id, False) and desk.now == 0


async def test_a_writer_that_is_stuck_is_waited_for_a_second_only() -> None:
    desk = Desk()
    desk.stuck_from = 0.0
    found = await desk.finder.find(fresh())
    assert not found.known and 1 <= desk.now <= 1.3


async def test_a_writer_that_has_been_behind_for_long_is_not_waited_for() -> None:
    desk = Desk()
    desk.stuck_from = -30.0
    assert not (await desk.finder.find(fresh())).known
    assert desk.now == 0


async def test_what_a_writer_that_was_behind_has_passed_since_does_not_exist() -> None:
    """It was stuck when the feedback came, and has caught up meanwhile."""
    desk = Desk()
    desk.stuck_from, desk.stuck_until = 0.0, 0.5
    with pytest.raises(InvalidRequest, match="does not exist"):
        await desk.finder.find(fresh())


async def test_what_is_written_while_the_store_is_asked_is_not_refused() -> None:
    """Questions take two seconds; the writer catches up during the one that is the last."""
    desk = Desk()
    desk.answer_s = 2.0
    desk.stuck_from, desk.stuck_until = 0.9, 1.9
    desk.store.since = 2.05
    target = Target("inference", id_at(time.time() - 100))
    assert (await desk.finder.find(target)).known


async def test_the_id_of_a_providers_answer_leads_to_inference_or_episode() -> None:
    desk = Desk()
    desk.store.since = 0
    for level, identifier in (("inference", UUID(int=1)), ("episode", UUID(int=2))):
        found = await desk.finder.find(Target(level, None, "chatcmpl-1"))
        assert (found.id, found.known) == (identifier, True)


async def test_an_unknown_answer_of_a_provider_is_refused_or_left_to_the_writer() -> None:
    desk = Desk()
    with pytest.raises(InvalidRequest, match="Response ID: chatcmpl-1 does not exist"):
        await desk.finder.find(Target("inference", None, "chatcmpl-1"))
    desk.store.away = True
    found = await desk.finder.find(Target("inference", None, "chatcmpl-1"))
    assert (found.id, found.known) == (None, False)


async def test_for_a_demonstration_the_inference_is_fetched() -> None:
    desk = Desk()
    desk.store.since = 0
    target = Target("inference", new_id(), wants_inference=True)
    found = await desk.finder.find(target)
    assert found.inference is not None and found.inference.id == target.id
    by_answer = await desk.finder.find(Target("inference", None, "chatcmpl-1", True))
    assert by_answer.inference is not None and by_answer.id == UUID(int=1)
