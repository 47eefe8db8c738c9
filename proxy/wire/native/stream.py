"""Streamed answers of `/inference`: neutral chunks as server-sent events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Literal

from proxy.types.content import AnyBlock, Json
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
from proxy.wire.envelope.response import RawSource
from proxy.wire.envelope.stream import DONE, MARK, as_format, thought_members
from proxy.wire.native.response import (
    Cost,
    encode_content,
    encode_error,
    encode_json_output,
    encode_usage,
)

FunctionKind = Literal["chat", "json"]


@immutable
class NativeStreamOptions:
    """What the caller asked for beside the content. What makes up the whole answer is handed to
    `close`, by whoever was asked for it."""

    include_raw_usage: bool = False
    include_raw_response: bool = False
    include_original_response: bool = False


PLAIN = NativeStreamOptions()

NOTHING: Json = MappingProxyType({})


class NativeStream:
    """Turns the chunks of one answer into events, from the first to `[DONE]`.

    Finish reason and usage are held back: they stand in one last chunk, whose content is empty.
    """

    def __init__(
        self,
        *,
        inference_id: Identifier | str,
        episode_id: Identifier | str,
        variant_name: str,
        kind: FunctionKind = "chat",
        tool_as_text: bool = False,
        options: NativeStreamOptions = PLAIN,
        source: RawSource | None = None,
        model_name: str | None = None,
        provider_name: str | None = None,
        provider_type: str | None = None,
    ) -> None:
        """`kind` is the function's. `tool_as_text` is for a chat function whose JSON mode is
        `tool`: the arguments of the call are its text. `source` is whose usage the chunks report,
        needed for raw usage only; the last three name who sent thoughts, and blocks that nobody
        here knows."""
        self._head: Json = {
            "inference_id": str(inference_id),
            "episode_id": str(episode_id),
            "variant_name": variant_name,
        }
        self._kind = kind
        self._tool_as_text = tool_as_text
        self._options = options
        self._source = source
        self._names = {"model_name": model_name, "provider_name": provider_name}
        self._provider_type = provider_type
        self._usage = NO_USAGE
        self._finish_reason: FinishReason | None = None

    @property
    def usage(self) -> Usage:
        """What the chunks have reported so far."""
        return self._usage

    @property
    def finish_reason(self) -> FinishReason | None:
        """The last that a chunk has told."""
        return self._finish_reason

    def encode_earlier(
        self,
        *,
        failed_variants: Sequence[bytes] = (),
        raw_usage: Sequence[bytes] = (),
        failed_attempts: Sequence[bytes] = (),
        raw_response: Sequence[bytes] = (),
    ) -> bytes:
        """The chunks before all others, with raw entries: bodies of failed variants, usage of
        earlier model inferences, bodies of failed attempts, bodies of earlier model inferences."""
        return b"".join(
            self._event(more={name: list(entries)})
            for name, wanted, entries in (
                ("raw_response", self._options.include_raw_response, failed_variants),
                ("raw_usage", self._options.include_raw_usage, raw_usage),
                ("raw_response", self._options.include_raw_response, failed_attempts),
                ("raw_response", self._options.include_raw_response, raw_response),
            )
            if wanted and entries
        )

    def encode(self, chunk: Chunk) -> bytes:
        """The event for this chunk; empty bytes when it has nothing that is sent now."""
        self._finish_reason = chunk.finish_reason or self._finish_reason
        if chunk.usage is not None:
            self._usage = self._usage.updated(chunk.usage)
        if chunk.error is not None:
            return self.encode_error(str(chunk.error), raw_chunk=chunk.raw)
        more = self._raw_members(chunk)
        if self._kind == "json":
            raw = "".join(_json_parts(chunk.deltas))
            return self._event(raw=raw, more=more) if raw or more else b""
        content = [self._block(delta) for delta in chunk.deltas]
        return self._event(content, more=more) if content or more else b""

    def text_frame(self, identifier: str) -> bytes | None:
        """As `EnvelopeStream.text_frame`."""
        if self._options.include_original_response or self._options.include_raw_response:
            return None
        block: Json = {"type": "text", "id": identifier, "text": MARK}
        return as_format(self._event((block,), raw=MARK))

    def encode_error(
        self, message: str, *, error_json: bytes | None = None, raw_chunk: str | None = None
    ) -> bytes:
        """The event of an error in mid-stream; `error_json` as in `response.encode_error`."""
        body = encode_error(message, error_json=error_json)
        if raw_chunk is not None and self._options.include_raw_response:
            body = body[:-1] + b',"raw_chunk":' + dumps(raw_chunk) + b"}"
        return _sse(body)

    def close(
        self,
        *,
        usage: Usage | None = None,
        cost: Cost | None = None,
        content: Sequence[AnyBlock] | None = None,
        output: tuple[str | None, bytes | None] | None = None,
    ) -> bytes:
        """The last chunk and `[DONE]`.

        `usage` is that of all model inferences together, by default what this stream's chunks
        reported. `content` or, of a JSON function, `output` (what the model wrote, and its value
        as raw JSON) are the whole answer for a caller that asked for it.
        """
        more: dict[str, object] = {
            "usage": encode_usage(self._usage if usage is None else usage, cost)
        }
        if self._finish_reason is not None:
            more["finish_reason"] = self._finish_reason
        if content is not None:
            more["aggregated_response"] = encode_content(content)
        elif output is not None:
            more["aggregated_response"] = encode_json_output(*output)
        return self._event(more=more) + DONE

    def _event(self, content: Sequence[Json] = (), raw: str = "", more: Json = NOTHING) -> bytes:
        said: Json = {"raw": raw} if self._kind == "json" else {"content": content}
        return _sse(dumps({**self._head, **said, **more}))

    def _raw_members(self, chunk: Chunk) -> Json:
        """The provider's own data in a chunk, as far as it was asked for."""
        members: dict[str, object] = {}
        if chunk.usage is not None and self._options.include_raw_usage and self._source:
            members["raw_usage"] = [self._source.usage_entry(chunk.raw)]
        if chunk.raw and self._options.include_original_response:
            members["original_chunk"] = chunk.raw
        if chunk.raw and self._options.include_raw_response:
            members["raw_chunk"] = chunk.raw
        return members

    def _block(self, delta: Delta) -> Json:
        match delta:
            case TextDelta(identifier, text):
                return {"type": "text", "id": identifier, "text": text}
            case ToolCallDelta(identifier, _, arguments) if self._tool_as_text:
                return {"type": "text", "id": identifier, "text": arguments}
            case ToolCallDelta(identifier, name, arguments):
                return {
                    "type": "tool_call",
                    "id": identifier,
                    "raw_name": name or "",
                    "raw_arguments": arguments,
                }
            case ThoughtDelta():
                return {
                    "type": "thought",
                    "id": delta.id,
                    **thought_members(delta, self._provider_type),
                }
            case UnknownDelta(identifier, data):
                named = {key: name for key, name in self._names.items() if name is not None}
                return {"type": "unknown", "id": identifier, "data": data, **named}


def _json_parts(deltas: Sequence[Delta]) -> Iterator[str]:
    """Text, or the arguments of the tool that stands in for it; thoughts are not shown."""
    for delta in deltas:
        if isinstance(delta, TextDelta):
            yield delta.text
        elif isinstance(delta, ToolCallDelta):
            yield delta.arguments


def _sse(body: bytes) -> bytes:
    return b"data: " + body + b"\n\n"
