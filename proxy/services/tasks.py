"""What a neutral call asks for: a chat, or vectors; and how one model is asked for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import orjson

from proxy.errors import UpstreamUnsupported
from proxy.inference.prepare import CheckedCall, Prepared, prepare
from proxy.inference.tools import provider_tools_for, with_tools
from proxy.inference.variant import Variant
from proxy.models.credentials import CallCredentials
from proxy.models.model import Route
from proxy.net.watchdog import Flight
from proxy.providers.base import NeutralProvider, RelayProvider, title_of
from proxy.providers.neutral import decode_chat, decode_embeddings, encode_chat, encode_embeddings
from proxy.services.infer_sink import ChunkOutlet
from proxy.types.embeddings import EmbeddingsAnswer, EmbeddingsRequest
from proxy.types.ports import Headers, Limits, OutgoingRequest
from proxy.types.request import NO_EXTRAS, NO_PARAMS, Extras, Params
from proxy.types.response import Answer
from proxy.wire.chat_completions.encode import Addressee

AnyAnswer = Answer | EmbeddingsAnswer


@dataclass(frozen=True, slots=True)
class Asked:
    """One attempt: who is asked, on whose behalf, within which limits."""

    model_name: str
    route: Route
    credentials: CallCredentials
    limits: Limits
    headers: Headers
    extras: Extras = NO_EXTRAS

    def secret(self) -> str | None:
        return self.route.credential(self.credentials, title_of(self.route.provider))

    @property
    def may_resend(self) -> Callable[[], bool]:
        return self.route.budget.try_retry


class ModelTask(Protocol):
    """What one model is asked, by whatever provider."""

    @property
    def stream(self) -> bool: ...

    @property
    def wire(self) -> str:
        """The protocol of a provider's raw answer."""

    @property
    def params(self) -> Params:
        """As they are recorded."""

    def encode(self, provider: RelayProvider, asked: Asked) -> OutgoingRequest:
        """The HTTP request; raises RequestError or UpstreamError where it cannot be made."""

    def decode(self, body: bytes) -> AnyAnswer:
        """A whole answer of status 200; raises UpstreamError when it is none."""

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


@dataclass(frozen=True, slots=True)
class ChatTask:
    """A chat, or the answer of a JSON function."""

    checked: CheckedCall
    stream: bool

    def for_variant(self, variant: Variant) -> ChatModelTask:
        """A thinking variant is asked for a whole answer: what it thinks is taken out of it."""
        prepared = prepare(self.checked, variant.spec)
        return ChatModelTask(prepared, self.stream and not prepared.thinks)


@dataclass(frozen=True, slots=True)
class ChatModelTask:
    """One chat with one model."""

    prepared: Prepared
    stream: bool

    wire = "chat_completions"

    @property
    def params(self) -> Params:
        return self.prepared.stored_params

    def encode(self, provider: RelayProvider, asked: Asked) -> OutgoingRequest:
        route = asked.route
        request = self.prepared.as_request(route.provider.model_name, stream=self.stream)
        entries = self.prepared.tool_set.provider_tools
        extra = provider_tools_for(entries, asked.model_name, route.name)
        return encode_chat(
            provider,
            replace(request, tools=with_tools(request.tools, extra)),
            asked.secret(),
            asked.limits,
            asked.may_resend,
            asked.headers,
            model_name=asked.model_name,
            provider_name=route.name,
        )

    def decode(self, body: bytes) -> Answer:
        return decode_chat(body)

    async def ask(
        self,
        provider: NeutralProvider,
        asked: Asked,
        chunks: ChunkOutlet | None,
        flight: Flight,
    ) -> Answer | None:
        request = self.prepared.as_request(
            provider.model_name,
            stream=self.stream,
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


@dataclass(frozen=True, slots=True)
class EmbeddingsTask:
    """Vectors for some inputs."""

    input: bytes
    """Raw JSON: a text, a list of texts, a list of token ids, or a list of such lists."""
    count: int
    dimensions: int | None = None
    encoding_format: str | None = None

    wire = "embeddings"
    stream = False
    params = NO_PARAMS

    @classmethod
    def of_text(cls, text: str) -> EmbeddingsTask:
        """One vector, in numbers."""
        return cls(orjson.dumps(text), 1, encoding_format="float")

    def for_variant(self, variant: Variant) -> EmbeddingsTask:
        return self

    def encode(self, provider: RelayProvider, asked: Asked) -> OutgoingRequest:
        return encode_embeddings(
            provider,
            self._request(asked),
            asked.secret(),
            asked.limits,
            asked.may_resend,
            asked.headers,
        )

    def decode(self, body: bytes) -> EmbeddingsAnswer:
        return decode_embeddings(body)

    async def ask(
        self,
        provider: NeutralProvider,
        asked: Asked,
        chunks: ChunkOutlet | None,
        flight: Flight,
    ) -> EmbeddingsAnswer:
        embed = getattr(provider, "embed", None)
        if embed is None:
            raise UpstreamUnsupported(f"a provider of type `{provider.type}` has no embeddings")
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
