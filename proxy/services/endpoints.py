"""The endpoints of OpenAI's API that the relay knows by name, as data.

What is not here is passed on all the same, as `OTHER`: its body is neither understood nor judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from proxy.wire.chat_completions import errors as chat_errors
from proxy.wire.responses import errors as response_errors
from proxy.wire.sse import DONE_LINE, FinalLine, final_events

FindError = Callable[[bytes, bytes], int | None]
"""(data of a stream's event or a whole body, name of the event) → the status that the error in it
stands for; None if there is none."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One kind of call."""

    name: str
    """In rows and metrics."""
    path: str = ""
    """Below `/v1/` here, and below the base address at a provider; empty where calls differ."""
    wire: str = ""
    """The protocol of its answers, where the writer can decode it."""
    model_needed: bool = False
    """Whether a call without `model` is refused; otherwise it goes to the default provider."""
    inference: bool = False
    """Whether the operator's own keys serve it without an allow-list."""
    multipart: bool = False
    find_error: FindError | None = None
    """Finds errors inside answers of status 200; None: answers are not judged."""
    final: FinalLine = DONE_LINE
    """How its streams say that they are over."""


def _inference(name: str, path: str, wire: str = "", *, model_needed: bool = False) -> Endpoint:
    find_error = chat_errors.find_error
    return Endpoint(name, path, wire, model_needed, inference=True, find_error=find_error)


def _upload(path: str, name: str) -> Endpoint:
    return Endpoint(name, path, inference=True, multipart=True)


CHAT_COMPLETIONS = _inference(
    "chat_completions", "chat/completions", "chat_completions", model_needed=True
)
EMBEDDINGS = _inference("embeddings", "embeddings", "embeddings", model_needed=True)
RESPONSES = Endpoint(
    "responses",
    "responses",
    "responses",
    inference=True,
    find_error=response_errors.find_error,
    final=final_events(response_errors.FINAL_EVENTS),
)

KNOWN: Mapping[str, Endpoint] = MappingProxyType(
    {
        endpoint.path: endpoint
        for endpoint in (
            CHAT_COMPLETIONS,
            EMBEDDINGS,
            RESPONSES,
            _inference("completions", "completions", "completions", model_needed=True),
            _inference("moderations", "moderations"),
            _inference("images", "images/generations"),
            _upload("images/edits", "images"),
            _upload("images/variations", "images"),
            Endpoint("audio", "audio/speech", inference=True),
            _upload("audio/transcriptions", "audio"),
            _upload("audio/translations", "audio"),
        )
    }
)
"""Inference endpoints, by path."""

FILES = Endpoint("files")
BATCHES = Endpoint("batches")
OTHER = Endpoint("other")

NAMES = tuple(dict.fromkeys(each.name for each in (*KNOWN.values(), FILES, BATCHES, OTHER)))
"""All names that an endpoint can have in rows and metrics."""


def endpoint_of(path: str) -> Endpoint:
    """What a path below `/v1/` is passed on as, when it is not an inference endpoint."""
    return {"files": FILES, "uploads": FILES, "batches": BATCHES}.get(path.partition("/")[0], OTHER)
