"""Answers of `/openai/v1` in its own words; see `services.infer_call.Outlet`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from proxy.errors import UpstreamError
from proxy.http.errors import Dialect, envelope_dialect
from proxy.http.raw_data import (
    body_of,
    failed_bodies,
    failure_of,
    raw_responses,
    raw_usages,
    served_source,
)
from proxy.inference.json_mode import as_text_deltas
from proxy.services.failures import describe_in_stream
from proxy.services.infer_call import AnyResult, Result, Served
from proxy.types.embeddings import EmbeddingsAnswer
from proxy.types.response import Chunk
from proxy.wire.envelope.embeddings import EnvelopeEmbeddingsRequest, encode_embeddings_response
from proxy.wire.envelope.errors import encode_error
from proxy.wire.envelope.request import EnvelopeRequest
from proxy.wire.envelope.response import RawSource, encode_envelope_response, served_model
from proxy.wire.envelope.stream import KEEP_ALIVE, EnvelopeStream, StreamOptions


class _Outlet:
    """What both kinds of answers have in common."""

    def __init__(self, *, include_raw_response: bool) -> None:
        self._include_raw = include_raw_response
        self._served: Served | None = None

    @property
    def served(self) -> Served:
        assert self._served is not None
        return self._served

    def begin(self, served: Served) -> None:
        self._served = served

    def keep_alive(self) -> bytes:
        return KEEP_ALIVE

    @property
    def error_dialect(self) -> Dialect:
        """The dialect of an error that is told instead of an answer."""
        raw = failed_bodies(self._served) if self._include_raw else []
        if not raw:
            return envelope_dialect
        return lambda wording: encode_error(wording.message, raw_response=raw)


class ChatOutlet(_Outlet):
    """Chat completions, whole or streamed."""

    def __init__(self, asked: EnvelopeRequest, clock: Callable[[], float] = time.time) -> None:
        super().__init__(include_raw_response=asked.include_raw_response)
        self._asked = asked
        self._clock = clock
        self._stream: EnvelopeStream | None = None
        self._earlier = b""

    def begin(self, served: Served) -> None:
        super().begin(served)
        asked = self._asked
        if not asked.stream:
            return
        self._stream = EnvelopeStream(
            inference_id=served.inference_id,
            episode_id=served.episode_id,
            model=self._model(),
            created=int(self._clock()),
            json_function=served.kind == "json",
            options=StreamOptions(
                include_usage=asked.include_usage,
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
            raw_response=[*failed_bodies(served), *raw_responses(served.earlier)]
            if asked.include_raw_response
            else (),
        )

    def whole(self, result: AnyResult) -> bytes:
        assert isinstance(result, Result)
        asked, served, output = self._asked, self.served, result.output
        raw = None
        if asked.include_raw_response:
            raw = [*failed_bodies(served), *raw_responses(result.calls())]
        return encode_envelope_response(
            result.answer,
            inference_id=served.inference_id,
            episode_id=served.episode_id,
            model=served_model(served.function_name, served.variant_name, served.model_name),
            created=int(self._clock()),
            json_function=output is not None,
            raw_output=None if output is None else output.raw,
            raw_usage=raw_usages(result.calls()) if asked.include_raw_usage else None,
            raw_response=raw,
            original_response=result.original_response if asked.include_original_response else None,
            cost=result.cost,
        )

    def text_frame(self, identifier: str) -> bytes | None:
        assert self._stream is not None
        return self._stream.text_frame(identifier)

    def chunk(self, chunk: Chunk) -> bytes:
        assert self._stream is not None
        earlier, self._earlier = self._earlier, b""
        if self.served.tool_as_text:
            chunk = as_texts_of(chunk)
        return earlier + self._stream.encode(chunk)

    def failure(self, error: UpstreamError) -> bytes:
        assert self._stream is not None
        message = describe_in_stream(failure_of(self.served, error))
        return self._stream.encode_error(message, raw_chunk=body_of(error))

    def last(self, result: Result) -> bytes:
        assert self._stream is not None
        return self._stream.close(result.answer.usage, result.cost)

    def _model(self) -> str:
        served = self.served
        return served_model(served.function_name, served.variant_name, served.model_name)


class EmbeddingsOutlet(_Outlet):
    """Vectors; never streamed."""

    def __init__(self, asked: EnvelopeEmbeddingsRequest) -> None:
        super().__init__(include_raw_response=asked.include_raw_response)

    def whole(self, result: AnyResult) -> bytes:
        assert isinstance(result, EmbeddingsAnswer)
        served = self.served
        source = RawSource(served.provider_type, served.model_inference_id, "embeddings")
        raw = [*failed_bodies(served), source.entry(result.raw_response)]
        return encode_embeddings_response(
            result,
            model_name=served.model_name,
            raw_response=raw if self._include_raw else None,
        )

    def text_frame(self, identifier: str) -> bytes | None:
        return None

    def chunk(self, chunk: Chunk) -> bytes:
        raise AssertionError("embeddings are not streamed")

    def failure(self, error: UpstreamError) -> bytes:
        raise AssertionError("embeddings are not streamed")

    def last(self, result: Result) -> bytes:
        raise AssertionError("embeddings are not streamed")


def as_texts_of(chunk: Chunk) -> Chunk:
    """The chunk with texts where calls of tools stand for them."""
    return replace(chunk, deltas=as_text_deltas(chunk.deltas))
