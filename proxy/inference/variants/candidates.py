"""Candidates: what several variants answer to one call, and how a model is shown it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from proxy.errors import CandidatesFailed, Unrenderable, VariantFailed
from proxy.inference.prepare import Prepared
from proxy.inference.variants.base import Asker, Settled, Told
from proxy.types.content import Text
from proxy.types.request import Input, Message
from proxy.wire.dumps import dumps

RULE = "------"


@dataclass(frozen=True, slots=True)
class Shown:
    """A candidate's answer, and its text for whoever is to look at it."""

    told: Told
    text: str


async def ask_candidates(asker: Asker, names: Sequence[str]) -> list[Told]:
    """The answers of those variants that gave one, in the order of the names.

    All are asked at once.

    Raises:
        CandidatesFailed: none gave one.
    """
    tasks = [
        asyncio.ensure_future(_ask(asker, name, f"candidate_{index}"))
        for index, name in enumerate(names)
    ]
    try:
        results = await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    answers = [result for result in results if isinstance(result, Told)]
    if not answers:
        raise _all_failed(names, results)
    return answers


def as_alone(told: Told) -> Settled:
    """The answer of the only candidate that gave one: as if its variant had been asked."""
    return Settled(told, told.answer.raw_response)


def show(candidates: Sequence[Told]) -> list[Shown]:
    """The candidates that can be shown: all but JSON outputs that don't meet their schema."""
    texts = ((told, _text(told)) for told in candidates)
    return [Shown(told, text) for told, text in texts if text is not None]


def with_candidates(prepared: Prepared, task: str, shown: Sequence[Shown], end: str) -> Prepared:
    """The same with `task` as system text, and the candidates, then `end`, as the last message."""
    items = (f"{index}:\n{each.text}\n{RULE}\n" for index, each in enumerate(shown))
    listed = (
        f"The candidate answers, each after its index, with {RULE} below:\n{''.join(items)}{end}"
    )
    last = Message("user", (Text(listed),))
    return replace(prepared, input=Input((*prepared.input.messages, last), task))


def problem_stated(prepared: Prepared) -> str:
    """The system text that goes with the conversation, for use within another."""
    system = prepared.input.system
    if not isinstance(system, str):
        return ""
    return f"The problem was put like this:\n{RULE}\n{system}\n{RULE}\n"


async def _ask(asker: Asker, name: str, cache_key: str) -> Told | VariantFailed | Unrenderable:
    try:
        return await asker.variant(name, cache_key)
    except (VariantFailed, Unrenderable) as error:
        return error


def _all_failed(
    names: Sequence[str], results: Sequence[Told | VariantFailed | Unrenderable]
) -> CandidatesFailed:
    each = zip(names, results, strict=True)
    texts = (f"candidates[{index}] ({name}): {error}" for index, (name, error) in enumerate(each))
    failed = CandidatesFailed("All candidates failed with errors: " + "\n".join(texts))
    failed.__cause__ = next(
        (each for each in reversed(results) if isinstance(each, Exception)), None
    )
    return failed


def _text(told: Told) -> str | None:
    if told.prepared.kind == "json":
        output = told.prepared.read_json(told.answer.blocks)
        return None if output.parsed is None else output.raw
    blocks = told.prepared.read_chat(told.answer.blocks)
    return dumps([block.as_json() for block in blocks]).decode()
