"""What a neutral call asks for: a chat, or vectors; and how one model is asked for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

import orjson

from proxy.errors import UpstreamUnserved
from proxy.inference.prepare import CheckedCall, Prepared, prepare
from proxy.inference.tools import provider_tools_for
from proxy.inference.variant import Variant
from proxy.models.credentials import CallCredentials
from proxy.models.model import Route
from proxy.net.watchdog import Flight
from proxy.providers.base import Attempt, Encoded, HttpProvider, NeutralProvider, relays
from proxy.providers.neutral import decode_embeddings, encode_embeddings
from proxy.services.infer_sink import ChunkOutlet
from proxy.types.embeddings import EmbeddingsAnswer, EmbeddingsRequest
from proxy.types.immutable import immutable
from proxy.types.request import NO_EXTRAS, Extras
from proxy.types.response import Answer
from proxy.wire.addressee import Addressee
from proxy.wire.chat_completions.rest import with_rest
from proxy.wire.events import StreamReader

AnyAnswer = Answer | EmbeddingsAnswer


@immutable
class Asked:
    """One attempt at a provider without HTTP: on whose behalf, within which limits."""

    model_name: str
    route: Route
    credentials: CallCredentials
    extras: Extras = NO_EXTRAS


@immutable
class Reader:
    """How the bytes of an answer are read."""

    wire: str
    """The protocol that they are in, or `HttpProvider.reading`."""
    decode: Callable[[bytes], AnyAnswer]
    """A whole answer of status 200; raises UpstreamError when it is none."""
    stream: StreamReader | None = None
    """Of a streamed one; None when no stream was asked for."""


class ModelTask(Protocol):
    """What one model is asked, by whatever provider."""

    @property
    def stream(self) -> bool: ...

    @property
    def prepared(self) -> Prepared | None:
        """How a chat's answer is to be read; None of vectors."""

    def encode(
        self,
        provider: HttpProvider,
        attempt: Attempt,
        credentials: CallCredentials,
        members: Mapping[str, bytes],
    ) -> Encoded:
        """The HTTP request; `members` are raw ones of the caller's body that the task does not say.

        Raises:
            RequestError, UpstreamError: it cannot be made.
        """

    def reader(self, provider: HttpProvider) -> Reader:
        """Who reads the provider's answer."""

    async def ask(
        self,
        provider: NeutralProvider,
        asked: Asked,
        chunks: ChunkOutlet | None,
        flight: Flight,
    ) -> AnyAnswer | None:
        """Ask a provider without HTTP; None when its answer went into `chunks`."""


class Task(Protocol):
    """What a call asks for, before a variant has had its say."""

    @property
    def stream(self) -> bool: ...

    def for_variant(self, variant: Variant) -> ModelTask:
        """What the variant's model is asked; raises Unrenderable."""


@immutable
class ChatTask:
    """A chat, or the answer of a JSON function."""

    checked: CheckedCall
    stream: bool

    def for_variant(self, variant: Variant) -> ChatModelTask:
        """A thinking variant is asked for a whole answer: what it thinks is taken out of it."""
        prepared = prepare(self.checked, variant.spec)
        return ChatModelTask(prepared, self.stream and not prepared.thinks)


@immutable
class ChatModelTask:
    """One chat with one model."""

    prepared: Prepared
    stream: bool

    def encode(
        self,
        provider: HttpProvider,
        attempt: Attempt,
        credentials: CallCredentials,
        members: Mapping[str, bytes],
    ) -> Encoded:
        prepared = self.prepared
        entries = prepared.tool_set.provider_tools
        own = (
            provider_tools_for(entries, attempt.model_name or "", attempt.provider_name or "")
            if entries
            else ()
        )
        request = prepared.as_request(provider.model_name, self.stream, own)
        if members:
            request = with_rest(request, members)
        return provider.encode_chat(request, attempt)

    def reader(self, provider: HttpProvider) -> Reader:
        stream = provider.open_chat_stream() if self.stream else None
        return Reader(provider.reading, provider.decode_chat, stream)

    async def ask(
        self,
        provider: NeutralProvider,
        asked: Asked,
        chunks: ChunkOutlet | None,
        flight: Flight,
    ) -> Answer | None:
        request = self.prepared.as_request(
            provider.model_name,
            self.stream,
            credentials=asked.credentials.dynamic,
            extras=asked.extras,
        )
        addressee = Addressee(asked.model_name, asked.route.name, provider.type)
        request = replace(request, input=addressee.part_of(request.input))
        if not self.stream:
            return await provider.infer(request)
        assert chunks is not None
        async for chunk in provider.stream(request):
            flight.progress()
            pause = chunks.take(chunk)
            flight.token()
            if pause is not None:
                flight.pause()
                await pause
                flight.progress()
        return None


@immutable
class EmbeddingsTask:
    """Vectors for some inputs."""

    input: bytes
    """Raw JSON: a text, a list of texts, a list of token ids, or a list of such lists."""
    count: int
    dimensions: int | None = None
    encoding_format: str | None = None

    stream = False
    prepared = None

    @classmethod
    def of_text(cls, text: str) -> EmbeddingsTask:
        """One vector, in numbers."""
        return cls(orjson.dumps(text), 1, encoding_format="float")

    def for_variant(self, variant: Variant) -> EmbeddingsTask:
        return self

    def encode(
        self,
        provider: HttpProvider,
        attempt: Attempt,
        credentials: CallCredentials,
        members: Mapping[str, bytes],
    ) -> Encoded:
        if not relays(provider):
            raise UpstreamUnserved(f"a provider of type `{provider.type}` has no embeddings")
        request = self._request(provider.model_name, credentials)
        return Encoded(encode_embeddings(provider, request, attempt))

    def reader(self, provider: HttpProvider) -> Reader:
        return Reader("embeddings", decode_embeddings)

    async def ask(
        self,
        provider: NeutralProvider,
        asked: Asked,
        chunks: ChunkOutlet | None,
        flight: Flight,
    ) -> EmbeddingsAnswer:
        embed = getattr(provider, "embed", None)
        if embed is None:
            raise UpstreamUnserved(f"a provider of type `{provider.type}` has no embeddings")
        request = self._request(provider.model_name, asked.credentials)
        answer: EmbeddingsAnswer = await embed(request)
        return answer

    def _request(self, model_name: str, credentials: CallCredentials) -> EmbeddingsRequest:
        return EmbeddingsRequest(
            model_name=model_name,
            input=self.input,
            count=self.count,
            dimensions=self.dimensions,
            encoding_format=self.encoding_format,
            credentials=credentials.dynamic,
        )
