"""What a configuration names and nothing is built behind yet.

It loads, and every attempt at it fails with its name: the next provider is asked, and a caller whom
no other can serve is told that this is not built.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from proxy.errors import UpstreamUnserved
from proxy.providers.base import NO_DEFAULTS, NO_RENAMES
from proxy.types.embeddings import EmbeddingsAnswer, EmbeddingsRequest
from proxy.types.request import ModelRequest
from proxy.types.response import Answer, Chunk


class UnbuiltProvider:
    """A provider that serves nothing. `what` names it: "WHAT is not built yet"."""

    origin = "unbuilt://unbuilt"
    takes_secret = False
    renames = NO_RENAMES
    body_defaults = NO_DEFAULTS
    raw_request = b""

    def __init__(self, provider_type: str, model_name: str, what: str) -> None:
        self.type = provider_type
        self.model_name = model_name
        self._what = what

    async def infer(self, request: ModelRequest) -> Answer:
        """Raises UpstreamUnserved."""
        raise self._refusal()

    async def stream(self, request: ModelRequest) -> AsyncIterator[Chunk]:
        """Raises UpstreamUnserved before the first chunk."""
        raise self._refusal()
        yield Chunk()

    async def embed(self, request: EmbeddingsRequest) -> EmbeddingsAnswer:
        """Raises UpstreamUnserved."""
        raise self._refusal()

    def _refusal(self) -> UpstreamUnserved:
        return UpstreamUnserved(f"{self._what} is not built yet")
