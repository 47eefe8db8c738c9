"""All workers take a configuration, or none does, whichever of them dies or dawdles meanwhile."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from tests.unit.app.fleets import ANSWER_SECONDS, crew


async def test_all_take_what_all_could_build(tmp_path: Path) -> None:
    async with crew(tmp_path, 2) as team:
        word = team.word("new")
        assert await team.fleet.prepare(word, ANSWER_SECONDS) == []
        assert await team.variants() == {"old"}
        team.fleet.decide(word, take=True)
        assert await team.all_serve("new")


async def test_none_takes_what_cannot_be_built(tmp_path: Path) -> None:
    async with crew(tmp_path, 2) as team:
        word = team.word("new", good=False)
        problems = await team.fleet.prepare(word, ANSWER_SECONDS)
        assert len(problems) == 1 and "correct the template" in problems[0]
        team.fleet.decide(word, take=False)
        assert await team.variants() == {"old"}


async def test_one_that_dies_after_its_answer_keeps_nobody_from_taking_it(tmp_path: Path) -> None:
    async with crew(tmp_path, 2) as team:
        word = team.word("new")
        assert await team.fleet.prepare(word, ANSWER_SECONDS) == []
        await team.kill(team.workers()[0])
        team.fleet.decide(word, take=True)
        await team.all_back()
        assert await team.all_serve("new")


async def test_one_that_dies_before_its_answer_keeps_nobody_from_taking_it(tmp_path: Path) -> None:
    async with crew(tmp_path, 2) as team:
        victim = team.workers()[0]
        victim.send_signal(signal.SIGSTOP)
        # More than the line to it holds: the rest waits to be sent when it dies.
        word = team.word("new", padding="x" * 2**21)
        preparing = asyncio.create_task(team.fleet.prepare(word, ANSWER_SECONDS))
        await asyncio.sleep(0)
        await team.kill(victim)
        assert await preparing == []
        team.fleet.decide(word, take=True)
        await team.all_back()
        assert await team.all_serve("new")


async def test_a_late_answer_is_not_taken_for_one_to_the_next_question(tmp_path: Path) -> None:
    async with crew(tmp_path, 1) as team:
        (worker,) = team.workers()
        worker.send_signal(signal.SIGSTOP)
        slow = team.word("slow")
        problems = await team.fleet.prepare(slow, 0.2)
        assert problems == ["worker 1 did not answer within 0.2 s"]
        team.fleet.decide(slow, take=False)
        broken = team.word("broken", good=False)
        preparing = asyncio.create_task(team.fleet.prepare(broken, ANSWER_SECONDS))
        await asyncio.sleep(0)
        worker.send_signal(signal.SIGCONT)
        assert "correct the template" in (await preparing)[0]
        team.fleet.decide(broken, take=False)
        assert await team.variants() == {"old"}


async def test_what_nobody_lived_to_build_is_tried_by_those_who_come_after(tmp_path: Path) -> None:
    async with crew(tmp_path, 2) as team:
        victims = team.workers()
        for victim in victims:
            victim.send_signal(signal.SIGSTOP)
        word = team.word("new", good=False)
        preparing = asyncio.create_task(team.fleet.prepare(word, ANSWER_SECONDS))
        await asyncio.sleep(0)
        for victim in victims:
            await team.kill(victim)
        assert "correct the template" in (await preparing)[0]
        team.fleet.decide(word, take=False)
        await team.all_back()
        assert await team.all_serve("old")
