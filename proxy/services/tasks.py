"""What a neutral call asks for: a chat, or vectors; and how one model is asked for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, replace
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
from proxy.types.ports import Headers, Limits
from proxy.types.request import NO_EXTRAS, NO_PARAMS, NO_REST, Extras, Params
from proxy.types.response import Answer
from proxy.types.secrets import Secret
from proxy.wire.addressee import Addressee
from proxy.wire.chat_completions.rest import with_rest
from proxy.wire.events import StreamReader

AnyAnswer = Answer | EmbeddingsAnswer


@immutable
class Asked:
    """One attempt: who is asked, on whose behalf, within which limits."""

    model_name: str
    route: Route
    credentials: CallCredentials
    limits: Limits
    headers: Headers
    extras: Extras = NO_EXTRAS
    members: Mapping[str, bytes] = field(default_factory=lambda: NO_REST)
    """Raw members of the caller's body that the task does not say."""

    def attempt(self, secret: Secret) -> Attempt:
        """The same, for the provider."""
        route = self.route
        return Attempt(
            secret,
            self.limits,
            route.budget.try_retry,
            self.headers,
            self.model_name,
            route.name,
        )


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
    def params(self) -> Params:
        """As they are recorded."""

    def encode(self, provider: HttpProvider, asked: Asked, secret: Secret) -> Encoded:
        """The HTTP request; raises RequestError or UpstreamError where it cannot be made."""

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

    @property
    def params(self) -> Params:
        return self.prepared.stored_params

    def encode(self, provider: HttpProvider, asked: Asked, secret: Secret) -> Encoded:
        prepared = self.prepared
        entries = prepared.tool_set.provider_tools
        own = provider_tools_for(entries, asked.model_name, asked.route.name) if entries else ()
        request = prepared.as_request(provider.model_name, self.stream, own)
        request = with_rest(request, asked.members)
        return provider.encode_chat(request, asked.attempt(secret))

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
    params = NO_PARAMS

    @classmethod
    def of_text(cls, text: str) -> EmbeddingsTask:
        """One vector, in numbers."""
        return cls(orjson.dumps(text), 1, encoding_format="float")

    def for_variant(self, variant: Variant) -> EmbeddingsTask:
        return self

    def encode(self, provider: HttpProvider, asked: Asked, secret: Secret) -> Encoded:
        if not relays(provider):
            raise UpstreamUnserved(f"a provider of type `{provider.type}` has no embeddings")
        attempt = asked.attempt(secret)
        return Encoded(encode_embeddings(provider, self._request(asked), attempt))

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
        answer: EmbeddingsAnswer = await embed(self._request(asked))
        return answer

    def _request(self, asked: Asked) -> EmbeddingsRequest:
        return EmbeddingsRequest(
            model_name=asked.route.provider.model_name,
            input=self.input,
            count=self.count,
            dimensions=self.dimensions,
            encoding_format=self.encoding_format,
            credentials=asked.credentials.dynamic,
        )
