"""A neutral answer as plain OpenAI, with nothing added; see `infer_call.Outlet`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from proxy.errors import UpstreamError
from proxy.inference.json_mode import as_text_deltas, raw_part
from proxy.services.infer_call import AnyResult, Result, Served
from proxy.types.content import Text
from proxy.types.response import Answer, Chunk, FinishReason, TextDelta
from proxy.wire.chat_completions.response import encode_response
from proxy.wire.chat_completions.stream import BLOCK_ID, StreamEncoder

KEEP_ALIVE = b":\n\n"


class RelayOutlet:
    """Chat completions, whole or streamed. The answer bears our id, by which feedback finds it, and
    the `model` that the client asked for."""

    def __init__(
        self,
        model: str,
        *,
        stream: bool,
        include_usage: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._model = model
        self._streams = stream
        self._include_usage = include_usage
        self._clock = clock
        self._served: Served | None = None
        self._encoder: StreamEncoder | None = None

    def begin(self, served: Served) -> None:
        self._served = served
        if self._streams:
            self._encoder = StreamEncoder(
                self._model,
                include_usage=self._include_usage,
                response_id=str(served.inference_id),
                created=int(self._clock()),
            )

    def whole(self, result: AnyResult) -> bytes:
        assert isinstance(result, Result) and self._served is not None
        answer = replace(
            _plain(result),
            id=str(self._served.inference_id),
            created=int(self._clock()),
            finish_reason=self._reason(result.answer.finish_reason),
        )
        return encode_response(answer, self._model)

    def text_frame(self, identifier: str) -> bytes | None:
        return None

    def chunk(self, chunk: Chunk) -> bytes:
        """Usage is told at the end, when it is that of all calls."""
        assert self._encoder is not None and self._served is not None
        if self._served.kind == "json":
            text = raw_part(chunk.deltas)
            chunk = replace(chunk, deltas=(TextDelta(BLOCK_ID, text),) if text else ())
        elif self._served.tool_as_text:
            chunk = replace(chunk, deltas=as_text_deltas(chunk.deltas))
        reason = self._reason(chunk.finish_reason)
        return self._encoder.encode(replace(chunk, usage=None, finish_reason=reason))

    def failure(self, error: UpstreamError) -> bytes:
        assert self._encoder is not None
        return self._encoder.encode(Chunk(error=error))

    def last(self, result: Result) -> bytes:
        assert self._encoder is not None
        return self._encoder.encode(Chunk(usage=result.answer.usage)) + self._encoder.close()

    def keep_alive(self) -> bytes:
        return KEEP_ALIVE

    def _reason(self, reason: FinishReason | None) -> FinishReason | None:
        """Where the call of a tool is shown as a text, no tool was called."""
        assert self._served is not None
        shown = self._served.kind == "json" or self._served.tool_as_text
        return "stop" if shown and reason == "tool_call" else reason


def _plain(result: Result) -> Answer:
    """Of a JSON function only the JSON, as the model spelled it."""
    if result.output is None:
        return result.answer
    raw = result.output.raw
    return replace(result.answer, blocks=() if raw is None else (Text(raw),))
