"""Vectors: zeros, or one of the errors that the model's name stands for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from proxy.errors import UpstreamClientError
from proxy.providers.dummy.counts import client_error
from proxy.types.embeddings import EmbeddingsAnswer, EmbeddingsRequest
from proxy.types.ids import new_id
from proxy.types.usage import Usage

DIMENSIONS = 1536
VECTOR = b"[" + b",".join([b"0.0"] * DIMENSIONS) + b"]"
RAW_RESPONSE = '{"usage": {"prompt_tokens": 10, "total_tokens": 10}}'
SLOW_SECONDS = 30.0


async def make_embeddings(
    name: str,
    request: EmbeddingsRequest,
    *,
    check_key: Callable[[], None],
    sleep: Callable[[float], Awaitable[None]],
) -> EmbeddingsAnswer:
    """One vector for each input, whatever dimensions and format were asked for.

    `check_key` is called after the pause of a slow model; it raises when the key is not right.

    Raises:
        UpstreamClientError: the model is one that fails.
    """
    _check_error(name)
    if "slow" in name:
        await sleep(SLOW_SECONDS)
    check_key()
    return EmbeddingsAnswer(
        embeddings=(VECTOR,) * request.count,
        usage=Usage(10, 0),
        raw_response=RAW_RESPONSE,
        id=str(new_id()),
    )


def _check_error(name: str) -> None:
    if name == "error_with_raw_response":
        raise UpstreamClientError(
            "Error from Dummy embedding provider with raw response",
            status=500,
            raw_request="dummy error raw request",
            raw_response="dummy error raw response",
        )
    if name.startswith("error"):
        raise client_error(f"Error sending request to Dummy provider for model '{name}'.")
