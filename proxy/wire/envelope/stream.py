"""Streamed answers: neutral chunks as server-sent events."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from types import MappingProxyType

import orjson

from proxy.types.content import Json
from proxy.types.ids import Identifier
from proxy.types.immutable import immutable
from proxy.types.response import (
    Chunk,
    Delta,
    FinishReason,
    TextDelta,
    ThoughtDelta,
    ToolCallDelta,
    UnknownDelta,
)
from proxy.types.usage import NO_USAGE, Usage
from proxy.wire.dumps import dumps
from proxy.wire.envelope.response import (
    RawSource,
    encode_finish_reason,
    encode_usage,
)

KEEP_ALIVE = b":\n\n"
DONE = b"data: [DONE]\n\n"


@immutable
class StreamOptions:
    """What the caller asked for beside the content."""

    include_usage: bool = False
    include_raw_usage: bool = False
    """Implies `include_usage`."""
    include_raw_response: bool = False
    include_original_response: bool = False

    @property
    def include_raw_data(self) -> bool:
        """Whether each chunk goes out with what the provider sent."""
        return self.include_raw_response or self.include_original_response


PLAIN = StreamOptions()

MARK = "\0"
"""The text in the event of which `as_format` makes a format."""

NOTHING: Json = MappingProxyType({})


class EnvelopeStream:
    """Turns the chunks of one answer into events, from the first to `[DONE]`.

    Finish reason and usage are held back: they stand in one last chunk, whose delta is empty.
    """

    def __init__(
        self,
        *,
        inference_id: Identifier | str,
        episode_id: Identifier | str,
        model: str,
        created: int,
        json_function: bool = False,
        options: StreamOptions = PLAIN,
        source: RawSource | None = None,
        model_name: str | None = None,
        provider_name: str | None = None,
        provider_type: str | None = None,
    ) -> None:
        """`model` is what `served_model` says, `created` Unix time in seconds, `source` whose
        usage the chunks report; needed for raw usage only. The last three name who sent thoughts,
        and blocks that nobody here knows."""
        self._id = str(inference_id)
        self._episode_id = str(episode_id)
        self._model = model
        self._created = created
        self._json_function = json_function
        self._options = options
        self._source = source
        self._blocks = _Blocks(model_name, provider_name, provider_type)
        self._began = False
        self._usage = NO_USAGE
        self._finish_reason: FinishReason | None = None
        self._frame: bytes | None = None
        """See `text_frame`."""

    def encode_earlier(
        self, *, raw_usage: Sequence[bytes] = (), raw_response: Sequence[bytes] = ()
    ) -> bytes:
        """The chunks, before all others, with raw entries of earlier or failed model calls."""
        events = b""
        if raw_usage and self._options.include_raw_usage:
            events += self._event({}, raw={"tensorzero_raw_usage": list(raw_usage)})
        if raw_response and self._options.include_raw_response:
            events += self._event({}, raw={"tensorzero_raw_response": list(raw_response)})
        return events

    def encode(self, chunk: Chunk) -> bytes:
        """The event for this chunk; empty bytes when it has nothing that is sent now."""
        if self._frame is not None and (event := self._common(chunk, self._frame)) is not None:
            return event
        self._finish_reason = chunk.finish_reason or self._finish_reason
        if chunk.usage is not None:
            self._usage = self._usage.updated(chunk.usage)
        if chunk.error is not None:
            return self.encode_error(str(chunk.error), raw_chunk=chunk.raw)
        raw = self._raw_members(chunk)
        if self._json_function:
            text = _json_part(chunk.deltas)
            delta: Json = {"content": text} if text or raw else {}
        else:
            delta = self._delta(chunk.deltas)
        event = self._event(delta, raw=raw) if delta or raw else b""
        if self._began and not self._options.include_raw_data:
            self._frame = self._framed()
        return event

    def text_frame(self, identifier: str) -> bytes | None:
        """The event of a chunk that says more of this text and nothing else: a format with a `%b`
        for the text as JSON. None as long as that is not settled."""
        return self._frame if self._blocks.begun(identifier) else None

    def _framed(self) -> bytes:
        return as_format(self._event({"content": MARK}))

    def _common(self, chunk: Chunk, frame: bytes) -> bytes | None:
        """The event of a chunk that is a text and no more, as most are; None for all others."""
        text = only_text(chunk)
        if text is None:
            return None
        try:
            raw = orjson.dumps(text.text)
        except orjson.JSONEncodeError:
            return None
        self._blocks.text(text.id)
        return frame % raw

    def encode_error(self, message: str, *, raw_chunk: str | None = None) -> bytes:
        """The event of an error in mid-stream."""
        body: dict[str, object] = {"error": {"message": message}}
        if raw_chunk is not None and self._options.include_raw_response:
            body["tensorzero_raw_chunk"] = raw_chunk
        return _sse(body)

    def close(self, usage: Usage | None = None, cost: Decimal | None = None) -> bytes:
        """The last chunk and `[DONE]`. `usage` is that of all model inferences together, by
        default what this stream's chunks reported; so is `cost`, in dollars."""
        shown = None
        if self._options.include_usage or self._options.include_raw_usage:
            shown = encode_usage(self._usage if usage is None else usage, cost)
        reason = encode_finish_reason(self._finish_reason)
        delta: Json = {"content": ""} if self._json_function else {}
        return self._event(delta, reason, shown) + DONE

    def _raw_members(self, chunk: Chunk) -> Json:
        """The provider's own data in a chunk, as far as it was asked for."""
        members: dict[str, object] = {}
        if chunk.usage is not None and self._options.include_raw_usage and self._source:
            members["tensorzero_raw_usage"] = [self._source.usage_entry(chunk.raw)]
        if chunk.raw is not None and self._options.include_original_response:
            members["tensorzero_original_chunk"] = chunk.raw
        if chunk.raw is not None and self._options.include_raw_response:
            members["tensorzero_raw_chunk"] = chunk.raw
        return members

    def _delta(self, deltas: Sequence[Delta]) -> Json:
        texts: list[str] = []
        calls: list[Json] = []
        extras: list[Json] = []
        for delta in deltas:
            match delta:
                case TextDelta(identifier, text):
                    self._blocks.text(identifier)
                    texts.append(text)
                case ToolCallDelta():
                    calls.append(self._blocks.call(delta))
                case ThoughtDelta() | UnknownDelta():
                    extras.append(self._blocks.extra(delta))
        encoded: dict[str, object] = {}
        if texts:
            encoded["content"] = "".join(texts)
        if calls:
            encoded["tool_calls"] = calls
        if extras:
            encoded["tensorzero_extra_content"] = extras
        return encoded

    def _event(
        self,
        delta: Json,
        reason: str | None = None,
        usage: Json | None = None,
        raw: Json = NOTHING,
    ) -> bytes:
        role = {} if self._began else {"role": "assistant"}
        self._began = True
        choice = {
            "index": 0,
            "finish_reason": reason,
            "logprobs": None,
            "delta": {**role, **delta},
        }
        return _sse(
            {
                "id": self._id,
                "episode_id": self._episode_id,
                "choices": [choice],
                "created": self._created,
                "model": self._model,
                "system_fingerprint": "",
                "service_tier": None,
                "object": "chat.completion.chunk",
                "usage": usage,
                **raw,
            }
        )


def as_format(event: bytes) -> bytes:
    """The same event with a `%b` for its text as JSON."""
    return event.replace(b"%", b"%%").replace(orjson.dumps(MARK), b"%b", 1)


def only_text(chunk: Chunk) -> TextDelta | None:
    """The one text that a chunk says, if it says nothing else."""
    deltas = chunk.deltas
    if len(deltas) != 1 or chunk.finish_reason is not None or chunk.usage is not None:
        return None
    delta = deltas[0]
    if isinstance(delta, TextDelta) and delta.text and chunk.error is None:
        return delta
    return None


class _Blocks:
    """Which blocks have begun, and where in the list of all of them."""

    def __init__(
        self, model_name: str | None, provider_name: str | None, provider_type: str | None
    ) -> None:
        self._names = {"model_name": model_name, "provider_name": provider_name}
        self._provider_type = provider_type
        self._count = 0
        self._texts: set[str] = set()
        self._calls: dict[str, int] = {}
        self._extras: dict[str, int] = {}

    def begun(self, identifier: str) -> bool:
        """Whether this text is one of them."""
        return identifier in self._texts

    def text(self, identifier: str) -> None:
        if identifier not in self._texts:
            self._texts.add(identifier)
            self._count += 1

    def call(self, delta: ToolCallDelta) -> Json:
        """The id stands in the first part of a call only."""
        known = delta.id in self._calls
        if not known:
            self._calls[delta.id] = len(self._calls)
            self._count += 1
        return {
            "id": None if known else delta.id,
            "index": self._calls[delta.id],
            "type": "function",
            "function": {"name": delta.name or "", "arguments": delta.arguments},
        }

    def extra(self, delta: ThoughtDelta | UnknownDelta) -> Json:
        """A thought's or an unknown block's part, with the place where the block began."""
        index = self._extras.get(delta.id)
        if index is None:
            index = self._extras[delta.id] = self._count
            self._count += 1
        if isinstance(delta, UnknownDelta):
            named = {key: name for key, name in self._names.items() if name is not None}
            shown: Json = {"data": delta.data, **named}
            kind = "unknown"
        else:
            shown = thought_members(delta, self._provider_type)
            kind = "thought"
        return {"type": kind, "insert_index": index, "id": delta.id, **shown}


def _json_part(deltas: Sequence[Delta]) -> str:
    """Text, or the arguments of the tool that stands in for it; thoughts are not shown."""
    return "".join(
        delta.text if isinstance(delta, TextDelta) else delta.arguments
        for delta in deltas
        if isinstance(delta, TextDelta | ToolCallDelta)
    )


def thought_members(delta: ThoughtDelta, provider_type: str | None) -> Json:
    """A part of a thought. `provider_type` is that of whoever sends it, if the part is silent."""
    author = delta.provider_type or provider_type
    return {
        "text": delta.text,
        "signature": delta.signature,
        "summary_id": delta.summary_id,
        "summary_text": delta.summary_text,
        **({} if author is None else {"provider_type": author}),
    }


def _sse(body: Json) -> bytes:
    return b"data: " + dumps(body) + b"\n\n"
