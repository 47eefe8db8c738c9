"""Answers of `/inference` in its own words; see `services.infer_call.Outlet`."""

from __future__ import annotations

from proxy.errors import UpstreamError
from proxy.http.errors import Dialect, native_dialect
from proxy.http.raw_data import (
    body_of,
    failed_bodies,
    failure_of,
    raw_responses,
    raw_usages,
    served_source,
)
from proxy.services.failures import describe_in_stream
from proxy.services.infer_call import AnyResult, Result, Served
from proxy.types.response import Chunk
from proxy.wire.envelope.stream import KEEP_ALIVE
from proxy.wire.native.request import NativeRequest
from proxy.wire.native.response import (
    Extras,
    Head,
    encode_error,
    encode_inference_response,
    encode_json_inference_response,
)
from proxy.wire.native.stream import NativeStream, NativeStreamOptions


class NativeOutlet:
    """Inferences, whole or streamed."""

    def __init__(self, asked: NativeRequest) -> None:
        self._asked = asked
        self._served: Served | None = None
        self._stream: NativeStream | None = None
        self._earlier = b""

    @property
    def served(self) -> Served:
        assert self._served is not None
        return self._served

    @property
    def error_dialect(self) -> Dialect:
        """The dialect of an error that is told instead of an answer."""
        raw = failed_bodies(self._served) if self._asked.include_raw_response else []
        if not raw:
            return native_dialect
        return lambda wording: encode_error(wording.message, raw_response=raw)

    def begin(self, served: Served) -> None:
        self._served = served
        asked = self._asked
        if not asked.stream:
            return
        self._stream = NativeStream(
            inference_id=served.inference_id,
            episode_id=served.episode_id,
            variant_name=served.variant_name,
            kind="json" if served.kind == "json" else "chat",
            tool_as_text=served.tool_as_text,
            options=NativeStreamOptions(
                include_raw_usage=asked.include_raw_usage,
                include_raw_response=asked.include_raw_response,
                include_original_response=asked.include_original_response,
            ),
            source=served_source(served),
            model_name=served.model_name,
            provider_name=served.provider_name,
            provider_type=served.provider_type if served.over_http else None,
        )
        self._earlier = self._stream.encode_earlier(
            raw_usage=raw_usages(served.earlier) if asked.include_raw_usage else (),
            failed_attempts=failed_bodies(served) if asked.include_raw_response else (),
            raw_response=raw_responses(served.earlier) if asked.include_raw_response else (),
        )

    def whole(self, result: AnyResult) -> bytes:
        assert isinstance(result, Result)
        asked, served = self._asked, self.served
        raw = None
        if asked.include_raw_response:
            raw = [*failed_bodies(served), *raw_responses(result.calls())]
        more: Extras = {
            "usage": result.answer.usage,
            "cost": result.cost,
            "finish_reason": result.answer.finish_reason,
            "raw_usage": raw_usages(result.calls()) if asked.include_raw_usage else None,
            "raw_response": raw,
            "original_response": (
                result.original_response if asked.include_original_response else None
            ),
        }
        head: Head = {
            "inference_id": served.inference_id,
            "episode_id": served.episode_id,
            "variant_name": served.variant_name,
        }
        if result.output is None:
            return encode_inference_response(result.content, **head, **more)
        output = result.output
        return encode_json_inference_response(output.raw, output.parsed, **head, **more)

    def text_frame(self, identifier: str) -> bytes | None:
        assert self._stream is not None
        return self._stream.text_frame(identifier)

    def chunk(self, chunk: Chunk) -> bytes:
        assert self._stream is not None
        earlier, self._earlier = self._earlier, b""
        return earlier + self._stream.encode(chunk)

    def failure(self, error: UpstreamError) -> bytes:
        assert self._stream is not None
        message = describe_in_stream(failure_of(self.served, error))
        return self._stream.encode_error(message, raw_chunk=body_of(error))

    def last(self, result: Result) -> bytes:
        assert self._stream is not None
        wanted, output = self._asked.include_aggregated_response, result.output
        return self._stream.close(
            usage=result.answer.usage,
            cost=result.cost,
            content=result.content if wanted and output is None else None,
            output=(output.raw, output.parsed) if wanted and output is not None else None,
        )

    def keep_alive(self) -> bytes:
        return KEEP_ALIVE
