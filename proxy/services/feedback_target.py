"""Finding what feedback is about: in the store, or still on its way there.

An answer's record is in a journal before the client has all of the answer, so feedback comes after
it. It may come before the writer has brought it to Postgres. Whether that can be so is known: the
writer says until when all that was journalled is written. Feedback on a target that nobody knows,
which came after that time, is taken; the writer looks again when it inserts it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from proxy.errors import InvalidRequest, StoreUnavailable
from proxy.types.feedback import StoredInference
from proxy.types.ids import WORKFLOW_EVALUATION_S, id_millis
from proxy.types.ports import InferenceStore, WriterLag

PATIENCE_S = 6.0
LEAST_PATIENCE_S = 1.0
"""An unknown target is asked for until it is six seconds old, at least for one second: another
host's writer may be about to write it."""
POLL_S = 0.1
LAGGING_S = 1.0
"""A writer that is so far behind is not waited for."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a call says it is about: one id of ours, or that of a provider's answer."""

    level: str
    """`inference` or `episode`."""
    id: UUID | None
    response_id: str = ""
    wants_inference: bool = False
    """Whether what is stored of the inference is needed, not only that it is."""


@dataclass(frozen=True, slots=True)
class Found:
    """What became of the search."""

    id: UUID | None
    """None for a provider's answer that is not known yet."""
    known: bool
    """False: it may be on its way, and is to be looked for when the feedback is inserted."""
    inference: StoredInference | None = None


class TargetFinder:
    """Asks the store for targets, with patience."""

    def __init__(
        self,
        store: InferenceStore,
        writer_lag: WriterLag,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._writer_lag = writer_lag
        self._sleep = sleep
        self._clock = clock

    async def find(self, target: Target) -> Found:
        """The target, or the leave to go on without it.

        Raises:
            InvalidRequest: there is none, or there cannot be one with such an id.
        """
        patience = _patience(target)
        began = self._clock()
        while True:
            # The lag is read before the question, so that what was written meanwhile is seen.
            waited, lag = self._clock() - began, self._writer_lag()
            try:
                found = await self._ask(target)
            except StoreUnavailable:
                return Found(target.id, known=False)
            if found is not None:
                return found
            if lag >= max(waited, LAGGING_S):
                return Found(target.id, known=False)
            if waited >= patience:
                raise _unknown(target)
            await self._sleep(POLL_S)

    async def _ask(self, target: Target) -> Found | None:
        identifier = target.id
        if identifier is None:
            both = await self._store.fetch_response_target(target.response_id)
            if both is None:
                return None
            identifier = both[0] if target.level == "inference" else both[1]
            if not target.wants_inference:
                return Found(identifier, known=True)
        if target.wants_inference:
            inference = await self._store.fetch_stored_inference(identifier)
            return None if inference is None else Found(identifier, True, inference)
        if target.level == "inference":
            exists = await self._store.inference_exists(identifier)
        else:
            exists = await self._store.episode_exists(identifier)
        return Found(identifier, known=True) if exists else None


def _patience(target: Target) -> float:
    """How long an unknown target may still be on its way: less, the older it is."""
    if target.id is None:
        return PATIENCE_S
    if target.id.version != 7:
        raise InvalidRequest(f"Failed to parse UUID as v7: {target.id}", param=f"{target.level}_id")
    made = id_millis(target.id) / 1000
    if made >= WORKFLOW_EVALUATION_S:
        made -= WORKFLOW_EVALUATION_S
    return max(PATIENCE_S - max(time.time() - made, 0.0), LEAST_PATIENCE_S)


def _unknown(target: Target) -> InvalidRequest:
    if target.id is None:
        return InvalidRequest(f"Response ID: {target.response_id} does not exist")
    level = "Inference" if target.level == "inference" else "Episode"
    return InvalidRequest(f"{level} ID: {target.id} does not exist", param=f"{target.level}_id")
