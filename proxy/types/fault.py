"""What a provider's error says, whichever words it chose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FaultKind = Literal[
    "invalid_request",
    "context_length",
    "content_filter",
    "authentication",
    "permission",
    "not_found",
    "too_large",
    "quota",
    "rate_limit",
    "overloaded",
    "timeout",
    "server",
    "unknown",
]
"""`quota` is a limit that waiting does not lift; `overloaded` the provider's own lack of capacity;
`context_length` and `content_filter` are requests that no repetition helps."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One error of a provider, in neutral words."""

    kind: FaultKind
    status: int
    """HTTP status, that of the answer or, in a 200, the one that the error stands for."""
    code: str = ""
    """The provider's own word, such as `rate_limit_error` or `ThrottlingException`."""
    message: str = ""
    """The provider's own sentence."""
    retry_after: float | None = None
    """Seconds after which it says to try again."""
