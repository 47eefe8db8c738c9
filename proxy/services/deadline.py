"""The limits in time of a variant that is more than one call."""

from __future__ import annotations

from dataclasses import replace

from proxy.errors import TimeoutScope, UpstreamTimeout
from proxy.inference.variant import Variant
from proxy.models.model import TimeLimits
from proxy.models.policy import Candidate
from proxy.services.failures import as_duration


class Deadline:
    """The limits of a variant that is more than one call, from now on."""

    def __init__(self, variant: Variant, stream: bool, now: float) -> None:
        limits = variant.candidate.limits
        self._began = now
        self._stream = stream
        self._total = limits.total(stream)
        self._first_token = limits.first_token(stream)
        self._name = variant.name

    @property
    def first(self) -> float | None:
        """Seconds until the first chunk or, not in a stream, the whole answer."""
        given = [each for each in (self._total, self._first_token) if each is not None]
        return min(given, default=None)

    @property
    def sentence(self) -> str:
        """TensorZero's, of the limit that comes first."""
        limit = f"`{self._key}` timeout ({as_duration(self.first or 0.0)})"
        return f"Variant `{self._name}` timed out due to configured {limit}"

    @property
    def error(self) -> UpstreamTimeout:
        """The same, as the error that ended what was asked."""
        limit = "first_token" if self._key.endswith("ttft_ms") else "total"
        error = UpstreamTimeout(limit, self.first or 0.0, f"variant `{self._name}`")
        error.scope = TimeoutScope("Variant", self._name, self._key, error.seconds)
        return error

    @property
    def _key(self) -> str:
        if not self._stream:
            return "non_streaming.total_ms"
        first_token = self.first == self._first_token
        return "streaming.ttft_ms" if first_token else "streaming.total_ms"

    def narrowed(self, candidate: Candidate, now: float) -> Candidate:
        """The candidate within what is left."""
        passed = now - self._began
        left = TimeLimits(
            _left(self._total, passed), _left(self._first_token, passed), _left(self._total, passed)
        )
        return replace(candidate, limits=left)


def _left(limit: float | None, passed: float) -> float | None:
    return None if limit is None else max(0.0, limit - passed)
