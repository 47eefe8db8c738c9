"""One relayed call: what `http/` hands over, and what is known of it while it is under way."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from proxy.inference.prepare import Prepared
from proxy.inference.variant import Variant
from proxy.models.credentials import CallCredentials
from proxy.models.model import Route
from proxy.models.policy import CallLog, Candidate
from proxy.services.endpoints import Endpoint
from proxy.services.function_call import FunctionCall
from proxy.services.infer_call import InferProgress, VariantFailure
from proxy.services.neutral_attempt import NeutralOutcome
from proxy.services.relay_sink import RelaySink
from proxy.services.targets import Target
from proxy.services.translation import Translation
from proxy.types.edits import Edit
from proxy.types.ids import Identifier
from proxy.types.ports import Body, Headers
from proxy.wire.splice import BodyPeek


class Upload(Body, Protocol):
    """A body that is not held in memory whole. Its bytes go on as they come, but for the value of
    `model`, and for our own fields, which are left out."""

    @property
    def received(self) -> int:
        """Bytes of the client's body that have arrived."""

    def with_model(self, name: str) -> Body:
        """The body with another model's name, where it names one at all."""

    @property
    def sha256(self) -> bytes:
        """Of what has been received."""

    def parts(self) -> Sequence[object]:
        """What is recorded of it: fields with their texts, files with name, type and length."""

    def close(self) -> None:
        """Let go of what is kept."""


class RelayCall(msgspec.Struct):
    """One call, as `http/` hands it over."""

    began: float
    """On the monotonic clock."""
    method: str
    path: str
    """As the client called it, without its query."""
    upstream_path: str
    """Below the provider's base address."""
    query: str
    endpoint: Endpoint
    body: bytes | Upload
    peek: BodyPeek
    headers: Headers
    """The client's, without those that concern only this hop, and without credentials."""
    credentials: CallCredentials
    episode_id: Identifier
    pinned: str | None
    tags: bytes
    user_agent: str
    api_key_name: str
    id: Identifier


@dataclass(slots=True)
class FunctionProgress:
    """What is known besides when a function is called that is more than a plain chat."""

    asked: FunctionCall
    prepared: Prepared | None = None
    """What the variant under way asks its model, when its answer is passed on."""
    changed: Mapping[str, bytes] | None = None
    """The same, as the members that it changes in the client's body."""
    inferring: InferProgress | None = None
    """The variants whose answers are translated, once there was one."""
    translating: bool = False
    """Whether the variant under way is one of them."""
    failed: list[VariantFailure] = field(default_factory=list)
    """Variants that gave no answer, but for those that were passed on to a provider."""


class Progress(msgspec.Struct):
    """What is known of a call while it is under way; the record is made from it."""

    call: RelayCall
    target: Target
    log: CallLog
    assigned: str = ""
    variant: Variant | None = None
    """The one that is being tried."""
    sink: RelaySink | None = None
    candidate: Candidate | None = None
    route: Route | None = None
    raw_request: bytes = b""
    """What was sent to the provider, where that is known."""
    edits: Sequence[Edit] = ()
    """What was changed for it in the client's body, if that is all."""
    raw: bool = True
    attempt_began: float = 0.0
    neutral: NeutralOutcome | None = None
    translation: Translation | None = None
    """Of a provider that speaks another protocol than the client's."""
    status: int = 0
    recorded: bool = False
    waited: float = 0.0
    """Seconds in which the provider (or a pause before it) was waited for."""
    function: FunctionProgress | None = None
    """Of a function that is more than a plain chat."""


def monotonic() -> float:
    """The clock of `RelayCall.began`."""
    return time.monotonic()
