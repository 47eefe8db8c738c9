"""What a neutral call asks of a provider: a chat, or vectors. How, and how its answer is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Protocol

from proxy.errors import NotSupported, UpstreamUnsupported
from proxy.inference.variant import Variant
from proxy.models.credentials import CallCredentials
from proxy.models.model import Route
from proxy.net.watchdog import Flight
from proxy.providers.base import NeutralProvider, RelayProvider
from proxy.providers.neutral import decode_chat, decode_embeddings, encode_chat, encode_embeddings
from proxy.services.infer_call import AnyAnswer
from proxy.services.infer_sink import ChunkOutlet
from proxy.types.content import RawText, Template, Text
from proxy.types.embeddings import EmbeddingsAnswer, EmbeddingsRequest
from proxy.types.ports import Headers, Limits, OutgoingRequest
from proxy.types.request import NO_PARAMS, Input, Message, ModelRequest, Params
from proxy.types.response import Answer


@dataclass(frozen=True, slots=True)
class Asked:
    """One attempt: who is asked, on whose behalf, within which limits."""

    variant: Variant
    model_name: str
    route: Route
    credentials: CallCredentials
    limits: Limits
    headers: Headers

    def secret(self) -> str | None:
        return self.route.credential(self.credentials, self.route.provider.type)

    @property
    def may_resend(self) -> Callable[[], bool]:
        return self.route.budget.try_retry


class Task(Protocol):
    """Either of the two. Its own values are the request's, before a variant has had its say."""

    @property
    def stream(self) -> bool: ...

    @property
    def wire(self) -> str:
        """The protocol of a provider's raw answer."""

    def params(self, variant: Variant) -> Params:
        """What is in force with this variant."""

    def encode(self, provider: RelayProvider, asked: Asked) -> OutgoingRequest:
        """The HTTP request; raises RequestError or UpstreamError where it cannot be made."""

    def decode(self, body: bytes) -> AnyAnswer:
        """A whole answer of status 200; raises UpstreamError when it is none."""

    async def ask(
        self, provider: NeutralProvider, asked: Asked, chunks: ChunkOutlet, flight: Flight
    ) -> AnyAnswer | None:
        """Ask a provider without HTTP; None when its answer went into `chunks`."""


@dataclass(frozen=True, slots=True)
class ChatTask:
    """A chat. `tools`, `tool_choice` and `response_format` are raw JSON in OpenAI's form."""

    input: Input
    stream: bool
    given: Params
    tools: bytes | None = None
    tool_choice: bytes | None = None
    response_format: bytes | None = None
    parallel_tool_calls: bool | None = None

    wire = "chat_completions"

    def params(self, variant: Variant) -> Params:
        return merged(self.given, variant.params)

    def encode(self, provider: RelayProvider, asked: Asked) -> OutgoingRequest:
        return encode_chat(
            provider,
            self._request(asked),
            asked.secret(),
            asked.limits,
            asked.may_resend,
            asked.headers,
            model_name=asked.model_name,
            provider_name=asked.route.name,
        )

    def decode(self, body: bytes) -> Answer:
        return decode_chat(body)

    async def ask(
        self, provider: NeutralProvider, asked: Asked, chunks: ChunkOutlet, flight: Flight
    ) -> Answer | None:
        request = self._request(asked)
        if not self.stream:
            return await provider.infer(request)
        async for chunk in provider.stream(request):
            flight.progress()
            pause = chunks.take(chunk)
            flight.token()
            if pause is not None:
                flight.pause()
                await pause
                flight.progress()
        return None

    def _request(self, asked: Asked) -> ModelRequest:
        return ModelRequest(
            model_name=asked.route.provider.model_name,
            input=rendered(self.input, asked.variant),
            stream=self.stream,
            params=self.params(asked.variant),
            tools=self.tools,
            tool_choice=self.tool_choice,
            response_format=self.response_format,
            parallel_tool_calls=self.parallel_tool_calls,
            credentials=asked.credentials.dynamic,
        )


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

    def params(self, variant: Variant) -> Params:
        return NO_PARAMS

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
        self, provider: NeutralProvider, asked: Asked, chunks: ChunkOutlet, flight: Flight
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


def merged(given: Params, defaults: Params) -> Params:
    """The request's parameters, and the variant's where it has none."""
    missing = {
        item.name: getattr(defaults, item.name)
        for item in fields(Params)
        if getattr(given, item.name) is None and getattr(defaults, item.name) is not None
    }
    return replace(given, **missing) if missing else given


def rendered(said: Input, variant: Variant) -> Input:
    """The input as a model gets it.

    Raises:
        NotSupported: it names templates, which functions do not have yet.
    """
    system = said.system
    if isinstance(system, bytes):
        raise NotSupported("Arguments for a system template are not served yet", param="messages")
    if variant.system is not None:
        system = variant.system.render(system)
    return Input(tuple(_plain(message) for message in said.messages), system)


def _plain(message: Message) -> Message:
    """Raw text is text by now; templates would have been rendered."""
    if not any(isinstance(block, RawText | Template) for block in message.content):
        return message
    blocks = []
    for block in message.content:
        if isinstance(block, Template):
            raise NotSupported(
                f"Template `{block.name}`: templates in messages are not served yet",
                param="messages",
            )
        blocks.append(Text(block.value) if isinstance(block, RawText) else block)
    return Message(message.role, tuple(blocks))
