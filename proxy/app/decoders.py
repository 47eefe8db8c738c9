"""What the writer decodes answers with: one decoder for each wire that calls are made in.

Each is loaded when the first record needs it, because few hosts speak all protocols.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from proxy.types.decoded import Decoder


class Decoders(Mapping[str, Decoder]):
    """By wire, as `ModelCall.wire` names them; an endpoint's or a lane's by its name."""

    def __init__(self) -> None:
        self._made: dict[str, Decoder] = {}

    def __getitem__(self, wire: str) -> Decoder:
        made = self._made.get(wire)
        if made is None:
            made = self._made[wire] = _MAKERS[wire]()
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(_MAKERS)

    def __len__(self) -> int:
        return len(_MAKERS)


def _chat_completions() -> Decoder:
    from proxy.wire.chat_completions.decode import ChatCompletionsDecoder

    return ChatCompletionsDecoder()


def _think_tags() -> Decoder:
    from proxy.wire.chat_completions.decode import ChatCompletionsDecoder

    return ChatCompletionsDecoder(think_tags=True)


def _completions() -> Decoder:
    from proxy.wire.completions.decode import CompletionsDecoder

    return CompletionsDecoder()


def _embeddings() -> Decoder:
    from proxy.wire.embeddings.decode import EmbeddingsDecoder

    return EmbeddingsDecoder()


def _responses() -> Decoder:
    from proxy.wire.responses.decode import ResponsesDecoder

    return ResponsesDecoder()


def _messages() -> Decoder:
    from proxy.wire.messages.decode import MessagesDecoder

    return MessagesDecoder()


def _gemini() -> Decoder:
    from proxy.wire.gemini.decode import GenerateContentDecoder

    return GenerateContentDecoder()


def _converse() -> Decoder:
    from proxy.wire.converse.decode import ConverseDecoder

    return ConverseDecoder()


def _payload_parts() -> Decoder:
    from proxy.wire.payload_parts.decode import PayloadPartsDecoder

    return PayloadPartsDecoder()


def _envelope() -> Decoder:
    from proxy.wire.envelope.decode import EnvelopeDecoder

    return EnvelopeDecoder()


def _native() -> Decoder:
    from proxy.wire.native.decode import NativeDecoder

    return NativeDecoder()


_MAKERS: Mapping[str, Callable[[], Decoder]] = MappingProxyType(
    {
        "chat_completions": _chat_completions,
        "chat_completions/think_tags": _think_tags,
        "completions": _completions,
        "embeddings": _embeddings,
        "responses": _responses,
        "messages": _messages,
        "gemini": _gemini,
        "converse": _converse,
        "payload_parts": _payload_parts,
        "envelope": _envelope,
        "native": _native,
    }
)
