"""One question to one model, with all its attempts; a call has one leg, or as its strategy asks."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from proxy.errors import UpstreamError
from proxy.models.cost import cost_of, cost_of_stream
from proxy.models.model import Route
from proxy.models.policy import CallLog, Candidate
from proxy.models.rewrite import NO_REWRITES, Rewrites
from proxy.services.answer_head import NO_HEAD, AnswerHead
from proxy.services.recording_tap import RecordingTap
from proxy.services.tasks import AnyAnswer, ModelTask
from proxy.types.content import Text
from proxy.types.ids import Identifier
from proxy.types.response import Answer
from proxy.wire.accumulate import ChunkAccumulator


class Failure(msgspec.Struct, eq=False):
    """One failed attempt, for the sentence that the caller is told."""

    variant_name: str
    provider_name: str
    provider_type: str
    error: UpstreamError


class Leg(msgspec.Struct, eq=False):
    """What is asked, and what is known of the attempt that is under way or was the last."""

    variant_name: str
    candidate: Candidate
    task: ModelTask
    log: CallLog
    rewrites: Rewrites = NO_REWRITES
    takes_extras: bool = True
    """Whether the request's own `extra_body` and `extra_headers` apply."""
    route: Route | None = None
    model_inference_id: Identifier | None = None
    raw_request: bytes = b""
    wire: str = ""
    """Of the raw answer; empty when the provider answered in neutral values."""
    tap: RecordingTap = msgspec.field(default_factory=RecordingTap)
    answer: AnyAnswer | None = None
    """Of one that was not streamed."""
    chunks: ChunkAccumulator | None = None
    """Of one that was, as far as it came."""
    started: bool = False
    """Whether the client has been sent some of this answer."""
    error: UpstreamError | None = None
    """What broke the answer off after that."""
    failures: list[Failure] = msgspec.field(default_factory=list)
    attempt_began: float = 0.0
    first_at: float | None = None
    last_at: float = 0.0
    head: AnswerHead = NO_HEAD
    """Of the provider's answer."""

    @property
    def answered(self) -> bool:
        """Whether there is an answer, or a part of one."""
        return self.answer is not None or self.started

    def result(self) -> AnyAnswer:
        """The answer, or as much of it as came."""
        if self.answer is not None:
            return self.answer
        return self.signed(self.accumulator.answer())

    def signed(self, answer: Answer) -> Answer:
        """The answer with the name of its author on what only that one understands.

        A provider without HTTP signs its blocks itself.
        """
        blocks = answer.blocks
        if len(blocks) == 1 and type(blocks[0]) is Text:
            return answer
        if self.route is None or not self.wire:
            return answer
        return answer.signed_by(
            self.route.provider.type, self.candidate.model.name, self.route.name
        )

    def cost(self) -> Decimal | None:
        """Dollars; None when it is not known."""
        if self.route is None or self.route.prices is None:
            return None
        if self.answer is not None:
            return cost_of(self.route.prices, self.answer.raw_response)
        return cost_of_stream(self.route.prices, self.accumulator.raw_chunks)

    @property
    def accumulator(self) -> ChunkAccumulator:
        """Of `chunks`."""
        if self.chunks is None:
            self.chunks = ChunkAccumulator()
        return self.chunks

    def begin(self, route: Route, identifier: Identifier, record_limit: int, now: float) -> None:
        """Another attempt; the last one is forgotten."""
        if self.route is not None:
            self.chunks = self.answer = None
            self.head, self.raw_request, self.wire = NO_HEAD, b"", ""
        self.route, self.model_inference_id = route, identifier
        self.tap = RecordingTap(record_limit)
        self.attempt_began = self.last_at = now
