"""One neutral inference: what a lane asks for, what it is told, and what is known meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from proxy.errors import UpstreamError
from proxy.inference.variant import Variant
from proxy.models.credentials import CallCredentials
from proxy.models.model import Route
from proxy.models.policy import CallLog, Candidate
from proxy.models.rewrite import HeaderRewrite, Rewrite
from proxy.services.recording_tap import RecordingTap
from proxy.services.targets import Target
from proxy.types.embeddings import EmbeddingsAnswer
from proxy.types.request import NO_PARAMS, Params
from proxy.types.response import Answer, Chunk
from proxy.wire.accumulate import ChunkAccumulator

if TYPE_CHECKING:
    from proxy.services.tasks import Task

AnyAnswer = Answer | EmbeddingsAnswer


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a request's `extra_body` or `extra_headers` entry applies; None is everywhere."""

    variant_name: str | None = None
    model_name: str | None = None
    provider_name: str | None = None

    def holds(self, variant: str, model: str, provider: str) -> bool:
        pairs = (
            (self.variant_name, variant),
            (self.model_name, model),
            (self.provider_name, provider),
        )
        return all(wanted in (None, found) for wanted, found in pairs)


@dataclass(slots=True)
class InferenceCall:
    """A request for an inference, as a lane hands it over."""

    began: float
    """On the monotonic clock."""
    id: UUID
    lane: str
    """`envelope` or `native`."""
    endpoint: str
    path: str
    body: bytes
    """The client's own, for the record."""
    target: Target
    function_name: str | None
    """None when a model was called."""
    task: Task
    episode_id: UUID
    pinned: str | None
    tags: dict[str, str]
    credentials: CallCredentials
    user_agent: str
    api_key_name: str
    extra_body: Sequence[tuple[Scope, Rewrite]] = ()
    extra_headers: Sequence[tuple[Scope, HeaderRewrite]] = ()
    dryrun: bool = False
    bare_errors: bool = False
    """Whether a failure is told without naming variants, as for a pinned one."""


@dataclass(frozen=True, slots=True)
class Served:
    """What answers a call, once that is known."""

    inference_id: UUID
    episode_id: UUID
    function_name: str | None
    """None when a model was called."""
    variant_name: str
    model_name: str
    provider_name: str
    provider_type: str
    model_inference_id: UUID
    failures: Sequence[Failure] = ()
    """Of the attempts so far; it grows with them."""


class Outlet(Protocol):
    """How a lane puts an inference into its own words. The calls come in this order."""

    def begin(self, served: Served) -> None:
        """Before anything else, once for each attempt."""

    def whole(self, answer: AnyAnswer) -> bytes:
        """The body of an answer that was not streamed."""

    def chunk(self, chunk: Chunk) -> bytes:
        """What to send for a chunk; nothing for some."""

    def failure(self, error: UpstreamError) -> bytes:
        """An error in the middle of a stream."""

    def last(self) -> bytes:
        """The end of a stream."""

    def keep_alive(self) -> bytes:
        """What to send while nothing comes."""


@dataclass(slots=True)
class Failure:
    """One failed attempt, for the sentence that the caller is told."""

    variant_name: str
    provider_name: str
    provider_type: str
    error: UpstreamError


@dataclass(slots=True)
class InferProgress:
    """What is known of a call while it is under way; the record is made from it."""

    call: InferenceCall
    log: CallLog
    assigned: str = ""
    variant: Variant | None = None
    candidate: Candidate | None = None
    route: Route | None = None
    model_inference_id: UUID | None = None
    raw_request: bytes = b""
    params: Params = NO_PARAMS
    """The request's, with the variant's where it has none."""
    wire: str = ""
    """Of the raw answer; empty when the provider answered in neutral values."""
    tap: RecordingTap = field(default_factory=lambda: RecordingTap(0))
    answer: AnyAnswer | None = None
    accumulator: ChunkAccumulator = field(default_factory=ChunkAccumulator)
    started: bool = False
    """Whether the client has been sent anything."""
    error: UpstreamError | None = None
    """What broke the answer off after that."""
    failures: list[Failure] = field(default_factory=list)
    attempt_began: float = 0.0
    first_at: float | None = None
    last_at: float = 0.0
    upstream_headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 0
    recorded: bool = False
    waited: float = 0.0

    def result(self) -> AnyAnswer:
        """The answer, or as much of it as came."""
        return self.answer or self.accumulator.answer()
