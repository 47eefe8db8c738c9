"""`experimental_best_of_n_sampling`: several variants answer, and a judge picks one answer.

The judge is shown the conversation and the candidates, and answers `{"thinking", "answer_choice"}`.
It never makes a call fail: where it gives no usable index, the draw decides.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from proxy.errors import Unrenderable, VariantFailed
from proxy.inference.prepare import Call, CheckedCall, FunctionSpec, Prepared, VariantSpec, prepare
from proxy.inference.template_values import read_json
from proxy.inference.tools import NO_TOOLS
from proxy.inference.variants.base import Asker, Final, Question, Settled
from proxy.inference.variants.candidates import (
    Shown,
    as_alone,
    ask_candidates,
    problem_stated,
    show,
    with_candidates,
)
from proxy.models.policy import Candidate
from proxy.models.rewrite import NO_REWRITES, Rewrites
from proxy.types.content import Block, Text, ToolCall
from proxy.types.response import Answer

JUDGE = FunctionSpec(kind="json")
VERDICT = (
    b'{"type":"object","properties":{"thinking":{"type":"string"},'
    b'"answer_choice":{"type":"integer"}},"required":["thinking","answer_choice"],'
    b'"additionalProperties":false}'
)
TASK = """\
You judge candidate answers to a problem and choose the best one.
{problem}\
You will see the conversation, and after it one message that lists the candidates. Answer with a \
JSON object of this form:
{{
    "thinking": "your reasoning",
    "answer_choice": an integer from 0 to {last}
}}
In "thinking", first examine each candidate by itself, against the conversation; then weigh which \
of them is best and keeps closest to what was asked for. In "answer_choice", put the index of that \
candidate."""
END = "Judge these candidates and give the index of the best one."

log = logging.getLogger(__name__)


class BestOfN:
    """One of several answers."""

    asks_variants = True

    def __init__(
        self,
        candidates: Sequence[str],
        judge: Candidate,
        judge_spec: VariantSpec,
        rewrites: Rewrites = NO_REWRITES,
        draw: Callable[[int], int] = random.randrange,
    ) -> None:
        """`candidates` names variants of the same function, some perhaps repeatedly; `judge` is the
        model that picks, `judge_spec` and `rewrites` are the evaluator's; `draw(n)` gives a random
        number below n."""
        self._candidates = tuple(candidates)
        self._judge = judge
        self._spec = judge_spec
        self._rewrites = rewrites
        self._draw = draw

    async def run(self, call: CheckedCall, asker: Asker) -> Final:
        """See `base.Strategy`. There is never a question left.

        Raises:
            VariantFailed: no candidate gave an answer.
        """
        candidates = await ask_candidates(asker, self._candidates)
        if len(candidates) == 1:
            return Final(settled=as_alone(candidates[0]))
        shown = show(candidates)
        if len(shown) == 1:
            return Final(settled=Settled(shown[0].told, None))
        verdict = await self._ask_judge(call, shown, asker) if shown else None
        choice = None if verdict is None else read_choice(verdict.blocks)
        if choice is not None and choice < len(shown):
            told = shown[choice].told
        else:
            log.warning("A judge of candidates chose none of them: one is drawn")
            told = candidates[self._draw(len(candidates))]
        return Final(settled=Settled(told, None if verdict is None else verdict.raw_response))

    async def _ask_judge(
        self, call: CheckedCall, shown: Sequence[Shown], asker: Asker
    ) -> Answer | None:
        try:
            prepared = self._prepare(call, shown)
            return await asker.ask(Question(self._judge, prepared, self._rewrites))
        except (VariantFailed, Unrenderable) as error:
            log.warning("A judge of candidates failed: %s", error)
            return None

    def _prepare(self, call: CheckedCall, shown: Sequence[Shown]) -> Prepared:
        """The judge sees the input through its own templates; parameters and tools of the caller
        are not for it."""
        judged = replace(
            call,
            spec=JUDGE,
            call=Call(call.call.input),
            tools=NO_TOOLS,
            output_schema=call.schemas.get(VERDICT),
        )
        prepared = prepare(judged, self._spec)
        task = TASK.format(problem=problem_stated(prepared), last=len(shown) - 1)
        return with_candidates(prepared, task, shown, END)


def read_choice(blocks: Sequence[Block]) -> int | None:
    """The index that a judge names in its first text or tool call; None when it names none."""
    written = (
        block.text if isinstance(block, Text) else block.arguments
        for block in blocks
        if isinstance(block, Text | ToolCall)
    )
    try:
        verdict = read_json(next(written, ""))
    except ValueError:
        return None
    choice = verdict.get("answer_choice") if isinstance(verdict, dict) else None
    if isinstance(choice, bool) or not isinstance(choice, int) or choice < 0:
        return None
    return choice
