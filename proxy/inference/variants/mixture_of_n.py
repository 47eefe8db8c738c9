"""`experimental_mixture_of_n`: several variants answer, and a fuser makes one answer of theirs."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from proxy.errors import Unrenderable
from proxy.inference.prepare import CheckedCall, Prepared, VariantSpec, prepare
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
from proxy.types.request import NO_PARAMS

TASK = """\
Several models have each answered the same problem: the last request of the conversation below.
{problem}\
Your task is to make one answer of theirs that is better than any of them. Be critical: some of \
what they say may be wrong or one-sided. Don't just repeat one of them: take what is best in \
each, put right what is not, and leave out what does not help. The result is to be accurate, \
complete and well ordered, and to do what was asked for. You will see the conversation, and after \
it one message that lists the candidates."""

log = logging.getLogger(__name__)


class MixtureOfN:
    """One answer made of several."""

    asks_variants = True

    def __init__(
        self,
        candidates: Sequence[str],
        fuser: Candidate,
        fuser_spec: VariantSpec,
        rewrites: Rewrites = NO_REWRITES,
        draw: Callable[[int], int] = random.randrange,
    ) -> None:
        """`candidates` names variants of the same function, some perhaps repeatedly; `fuser` is the
        model that makes the answer, `fuser_spec` and `rewrites` are the fuser's; `draw(n)` gives a
        random number below n."""
        self._candidates = tuple(candidates)
        self._fuser = fuser
        self._spec = fuser_spec
        self._rewrites = rewrites
        self._draw = draw

    async def run(self, call: CheckedCall, asker: Asker) -> Final:
        """See `base.Strategy`. The fuser is the question; `settled` is for when it fails.

        Raises:
            VariantFailed: no candidate gave an answer.
        """
        candidates = await ask_candidates(asker, self._candidates)
        if len(candidates) == 1:
            return Final(settled=as_alone(candidates[0]))
        settled = Settled(candidates[self._draw(len(candidates))], None)
        shown = show(candidates)
        if not shown:
            return Final(settled=settled)
        try:
            prepared = self._prepare(call, shown)
        except Unrenderable as error:
            log.warning("A fuser of candidates cannot be asked: %s", error)
            return Final(settled=settled)
        return Final(Question(self._fuser, prepared, self._rewrites), settled)

    def _prepare(self, call: CheckedCall, shown: Sequence[Shown]) -> Prepared:
        """The fuser answers as the function does, with its tools or its output schema, but like the
        candidates without the caller's parameters."""
        without = replace(call.call, params=NO_PARAMS, response_format=None)
        prepared = prepare(replace(call, call=without), self._spec)
        task = TASK.format(problem=problem_stated(prepared))
        return with_candidates(prepared, task, shown, "")
