"""One neutral inference: what a lane asks for, what it is told, and what is known meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

import msgspec

from proxy.errors import Unrenderable, UpstreamError, VariantFailed
from proxy.inference.json_mode import JsonOutput
from proxy.inference.prepare import OutputBlock
from proxy.inference.variant import Variant
from proxy.inference.variants.base import Settled
from proxy.models.credentials import CallCredentials
from proxy.models.policy import CallLog
from proxy.models.rewrite import HeaderRewrite, Rewrite
from proxy.services.leg import Failure, Leg
from proxy.services.targets import Target
from proxy.services.tasks import Task
from proxy.types.embeddings import EmbeddingsAnswer
from proxy.types.ids import Identifier
from proxy.types.immutable import immutable
from proxy.types.response import Answer, Chunk


@immutable
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


class InferenceCall(msgspec.Struct, eq=False):
    """A request for an inference, as a lane hands it over."""

    began: float
    """On the monotonic clock."""
    id: Identifier
    lane: str
    """`envelope`, `native`, or `relay` where that translates."""
    endpoint: str
    path: str
    body: bytes
    """The client's own, for the record."""
    target: Target
    function_name: str | None
    """None when a model was called."""
    task: Task
    episode_id: Identifier
    pinned: str | None
    tags: Mapping[str, str]
    credentials: CallCredentials
    user_agent: str
    api_key_name: str
    namespace: str | None = None
    extra_body: Sequence[tuple[Scope, Rewrite]] = ()
    extra_headers: Sequence[tuple[Scope, HeaderRewrite]] = ()
    extra_body_json: bytes = b"[]"
    """The entries as they were sent."""
    members: Mapping[str, bytes] = msgspec.field(default_factory=dict)
    """Raw members of the client's body that are not understood here, for the models' requests."""
    dryrun: bool = False
    bare_errors: bool = False
    """Whether a failure is told without naming variants, as for a pinned one."""
    relay: str = ""
    """`translated` on the relay, elsewhere empty."""


@immutable
class MadeCall:
    """A call of a model that was answered, for those who want to see its raw data."""

    provider_type: str
    model_inference_id: Identifier
    api_type: str
    """`chat_completions`, `embeddings` or `other`."""
    raw_response: str
    over_http: bool


@immutable
class Served:
    """What answers a call, once that is known."""

    inference_id: Identifier
    episode_id: Identifier
    function_name: str | None
    """None when a model was called."""
    kind: str
    """`chat` or `json`: the function's."""
    variant_name: str
    model_name: str
    provider_name: str
    provider_type: str
    model_inference_id: Identifier
    over_http: bool = True
    """Whether the provider answers in bytes of its own."""
    api_type: str = "chat_completions"
    """As of `MadeCall`."""
    tool_as_text: bool = False
    """Whether calls of tools stand for texts."""
    earlier: Sequence[MadeCall] = ()
    """The calls of a strategy that went before."""
    failures: Sequence[Failure] = ()
    """Of the attempts so far; it grows with them."""
    relay: str = ""
    """As of the call."""


@immutable
class Result:
    """A whole answer as its function understands it."""

    answer: Answer
    """Its usage is that of all calls together."""
    content: tuple[OutputBlock, ...]
    output: JsonOutput | None
    """Of a JSON function."""
    original_response: str | None
    calls: Callable[[], Sequence[MadeCall]]
    """All that were answered, for those who want to see their raw data."""
    cost: Decimal | None = None
    """Dollars, of all calls together; None when it is not known."""


AnyResult = Result | EmbeddingsAnswer


class Outlet(Protocol):
    """How a lane puts an inference into its own words. The calls come in this order."""

    def begin(self, served: Served) -> None:
        """Before anything else, once for each attempt."""

    def whole(self, result: AnyResult) -> bytes:
        """The body of an answer that was not streamed."""

    def chunk(self, chunk: Chunk) -> bytes:
        """What to send for a chunk; nothing for some."""

    def text_frame(self, identifier: str) -> bytes | None:
        """What to send for a chunk that says more of this text and nothing else: a format with a
        `%b` for the text as JSON. None where that takes a closer look, or is not yet settled."""

    def failure(self, error: UpstreamError) -> bytes:
        """An error in the middle of a stream."""

    def last(self, result: Result) -> bytes:
        """The end of a stream, which has made up this."""

    def keep_alive(self) -> bytes:
        """What to send while nothing comes."""


class VariantFailure(msgspec.Struct, eq=False):
    """Why a variant gave no answer."""

    variant_name: str
    text: str
    error: VariantFailed | Unrenderable | None = None


class InferProgress(msgspec.Struct, eq=False):
    """What is known of a call while it is under way; the record is made from it."""

    call: InferenceCall
    log: CallLog
    """Of all attempts of the call."""
    assigned: str = ""
    variant: Variant | None = None
    """Which is tried, or has answered."""
    legs: list[Leg] = msgspec.field(default_factory=list)
    """All questions to models, in the order in which they were begun."""
    leg: Leg | None = None
    """That whose answer the client gets, if it is settled that there is one."""
    settled: Settled | None = None
    """An answer that a strategy has chosen, in its place."""
    failures: list[Failure] = msgspec.field(default_factory=list)
    """Failed attempts of all legs."""
    failed: list[VariantFailure] = msgspec.field(default_factory=list)
    started: bool = False
    """Whether the client has been sent anything."""
    status: int = 0
    first_at: float | None = None
    recorded: bool = False
    waited: float = 0.0
    waiting: int = 0
    """How many attempts are under way at once."""
    waiting_since: float = 0.0

    @property
    def last_leg(self) -> Leg | None:
        """That of the client's answer or, without one, the last that was begun."""
        return self.leg or (self.legs[-1] if self.legs else None)

    @property
    def error(self) -> UpstreamError | None:
        """What broke the answer off."""
        return None if self.leg is None else self.leg.error
