"""The provider itself: the order of its checks and pauses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from proxy.errors import CredentialMissing, UpstreamClientError
from proxy.providers.base import NO_DEFAULTS, NO_RENAMES
from proxy.providers.dummy.counts import RAW_REQUEST, client_error, usage_of
from proxy.providers.dummy.embeddings import make_embeddings
from proxy.providers.dummy.streams import raw_usage, stream_error, stream_script
from proxy.providers.dummy.whole import check_two_texts, whole_content
from proxy.types.embeddings import EmbeddingsAnswer, EmbeddingsRequest
from proxy.types.ids import id_millis, new_id
from proxy.types.request import ModelRequest
from proxy.types.response import Answer, Chunk

STREAMED_TOOLS = ("tool", "tool_split_name", "good_tool")

Sleep = Callable[[float], Awaitable[None]]


class FlakyCounters:
    """How often each `flaky_…` model was called; one object for all providers of a process."""

    def __init__(self) -> None:
        self._calls: dict[str, int] = {}

    def count(self, model_name: str) -> int:
        """The number of this call, beginning with 1."""
        number = self._calls[model_name] = self._calls.get(model_name, 0) + 1
        return number


class DummyProvider:
    """See `providers.base.NeutralProvider` and `providers.base.EmbeddingProvider`.

    `key_name` is the KEY of an `api_key_location` of `dynamic::KEY`, else None.
    """

    type = "dummy"
    origin = "dummy://dummy"
    takes_secret = False
    renames = NO_RENAMES
    body_defaults = NO_DEFAULTS
    raw_request = RAW_REQUEST.encode()

    def __init__(
        self,
        model_name: str,
        flaky: FlakyCounters,
        key_name: str | None = None,
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.model_name = model_name
        self._flaky = flaky
        self._key_name = key_name
        self._sleep = sleep

    async def infer(self, request: ModelRequest) -> Answer:
        """The whole answer.

        Raises:
            UpstreamClientError: the model is one that fails.
            CredentialMissing: its dynamic key was not sent.
        """
        name = self.model_name
        await self._begin()
        self._check_flaky(rate_limited="rate_limit" in name)
        self._check_error()
        if name == "multiple-text-blocks":
            check_two_texts(request)
        self._check_key(request.credentials)
        blocks, raw = whole_content(name, request)
        identifier = new_id()
        return Answer(
            id=str(identifier),
            blocks=blocks,
            usage=usage_of(name, len(blocks)),
            finish_reason="tool_call" if "tool" in name else "stop",
            raw_response=raw,
            created=id_millis(identifier) // 1000,
        )

    async def stream(self, request: ModelRequest) -> AsyncIterator[Chunk]:
        """The answer in chunks; raises as `infer`, but never looks at credentials."""
        name = self.model_name
        await self._begin()
        self._check_flaky(rate_limited=False)
        self._check_error()
        script = stream_script(name)
        identifier = new_id()
        created = id_millis(identifier) // 1000
        for index, (delta, raw) in enumerate(script):
            if name == "slow_second_chunk" and index == 1:
                await self._sleep(2.0)
            error = stream_error(name, index)
            if error is None:
                yield Chunk((delta,), raw=raw, response_id=str(identifier), created=created)
            else:
                yield Chunk(error=error)
            await self._sleep(0.01)
        usage = usage_of(name, len(script))
        yield Chunk(
            usage=usage,
            finish_reason="tool_call" if name in STREAMED_TOOLS else "stop",
            raw=raw_usage(usage),
            response_id=str(identifier),
            created=created,
        )
        await self._sleep(0.01)

    async def embed(self, request: EmbeddingsRequest) -> EmbeddingsAnswer:
        """One vector for each input; raises as `infer`."""
        return await make_embeddings(
            self.model_name,
            request,
            check_key=lambda: self._check_key(request.credentials),
            sleep=self._sleep,
        )

    async def _begin(self) -> None:
        if self.model_name == "slow":
            await self._sleep(5.0)
        await self._sleep(0.001)

    def _check_flaky(self, *, rate_limited: bool) -> None:
        name = self.model_name
        if not name.startswith("flaky_"):
            return
        number = self._flaky.count(name)
        if number % 2:
            return
        if rate_limited:
            raise UpstreamClientError(
                "Rate limit exceeded: resource token of tag `test` (key `key`): "
                "100 requested, 0 available",
                status=429,
            )
        raws = "raw_response" in name
        raise UpstreamClientError(
            f"Flaky model '{name}' failed on call number {number}",
            raw_request=RAW_REQUEST if raws else None,
            raw_response="dummy flaky error raw response" if raws else None,
        )

    def _check_error(self) -> None:
        if self.model_name == "error_with_raw_response":
            raise UpstreamClientError(
                "Error from Dummy provider with raw response",
                status=500,
                raw_request="dummy error raw request",
                raw_response="dummy error raw response",
            )
        if self.model_name.startswith("error"):
            raise client_error(
                f"Error sending request to Dummy provider for model '{self.model_name}'."
            )

    def _check_key(self, credentials: Mapping[str, str]) -> None:
        if self._key_name is None:
            return
        key = credentials.get(self._key_name)
        if key is None:
            raise CredentialMissing(
                f"API key missing for provider Dummy: Dynamic api key `{self._key_name}` is missing"
            )
        if self.model_name == "test_key" and key != "good_key":
            raise client_error("Invalid API key for Dummy provider")
