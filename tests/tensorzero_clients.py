"""The real `tensorzero` client, sync and async, behind one awaitable face."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, Protocol

import pytest

KINDS = ("sync", "async")

needs_client = pytest.mark.skipif(
    importlib.util.find_spec("tensorzero") is None,
    reason="the `tensorzero` client is not installed",
)

TEXT = (
    "Megumin gleefully chanted her spell, unleashing a thunderous explosion that lit up the sky "
    "and left a massive crater in its wake."
)
OTHER_TEXT = "Megumin chanted her spell, but instead of an explosion, a gentle rain began to fall."
STREAMED = (
    "Wally, the golden retriever, wagged his tail excitedly as he devoured a slice of cheese pizza."
)
"""What the provider that needs no network says: `good`, `alternate`, and any in a stream."""


class Client(Protocol):
    """What tests use of either client; the arguments are the client's own."""

    async def inference(self, **asked: Any) -> Any: ...

    async def stream(self, **asked: Any) -> list[Any]:
        """All chunks of an inference that is streamed, errors among them as exceptions."""

    async def feedback(self, **given: Any) -> Any: ...


class SyncClient:
    """Works in threads, so that the test's own event loop goes on."""

    def __init__(self, gateway: Any) -> None:
        self._gateway = gateway

    async def inference(self, **asked: Any) -> Any:
        return await asyncio.to_thread(lambda: self._gateway.inference(**asked))

    async def stream(self, **asked: Any) -> list[Any]:
        return await asyncio.to_thread(lambda: self._collect(**asked))

    async def feedback(self, **given: Any) -> Any:
        return await asyncio.to_thread(lambda: self._gateway.feedback(**given))

    def _collect(self, **asked: Any) -> list[Any]:
        chunks = iter(self._gateway.inference(stream=True, **asked))
        found: list[Any] = []
        while True:
            try:
                found.append(next(chunks))
            except StopIteration:
                return found
            except Exception as error:
                found.append(error)


class AsyncClient:
    def __init__(self, gateway: Any) -> None:
        self._gateway = gateway

    async def inference(self, **asked: Any) -> Any:
        return await self._gateway.inference(**asked)

    async def stream(self, **asked: Any) -> list[Any]:
        chunks = aiter(await self._gateway.inference(stream=True, **asked))
        found: list[Any] = []
        while True:
            try:
                found.append(await anext(chunks))
            except StopAsyncIteration:
                return found
            except Exception as error:
                found.append(error)

    async def feedback(self, **given: Any) -> Any:
        return await self._gateway.feedback(**given)


@asynccontextmanager
async def open_client(kind: str, base: str) -> AsyncIterator[Client]:
    """A client of this kind, one of `KINDS`, for the gateway at `base`."""
    import tensorzero

    if kind == "sync":
        with tensorzero.TensorZeroGateway.build_http(gateway_url=base) as gateway:
            yield SyncClient(gateway)
    else:
        building: Any = tensorzero.AsyncTensorZeroGateway.build_http(gateway_url=base)
        async with await building as gateway:
            yield AsyncClient(gateway)


def said(text: str = "Hello", **more: Any) -> dict[str, Any]:
    """The input of one user message."""
    return {"messages": [{"role": "user", "content": text}], **more}


async def refused(work: Awaitable[Any]) -> tuple[int, str]:
    """Status and body of the client's error."""
    from tensorzero import TensorZeroError

    with pytest.raises(TensorZeroError) as caught:
        await work
    return caught.value.status_code, caught.value.text or ""


def texts(answer: Any) -> list[str]:
    """The texts of a chat function's answer; there must be nothing else in it."""
    assert all(block.type == "text" for block in answer.content), answer
    return [block.text for block in answer.content]


def streamed_text(chunks: list[Any]) -> str:
    """The texts of all chunks, joined."""
    blocks = [block for chunk in chunks for block in chunk.content]
    return "".join(block.text for block in blocks if block.type == "text")
