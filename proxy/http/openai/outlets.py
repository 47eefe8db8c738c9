"""Answers of `/openai/v1` in its own words; see `services.infer_call.Outlet`."""

from __future__ import annotations

import time
from collections.abc import Callable

from proxy.errors import UpstreamClientError, UpstreamError, UpstreamStatus
from proxy.http.errors import Dialect
from proxy.services.failures import describe_one
from proxy.services.infer_call import AnyAnswer, Failure, Served
from proxy.types.embeddings import EmbeddingsAnswer
from proxy.types.response import Answer, Chunk
from proxy.wire.envelope.embeddings import EnvelopeEmbeddingsRequest, encode_embeddings_response
from proxy.wire.envelope.errors import encode_error
from proxy.wire.envelope.request import EnvelopeRequest
from proxy.wire.envelope.response import (
    RawSource,
    encode_envelope_response,
    raw_usage_in,
    served_model,
)
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

    def error_dialect(self, dialect: Dialect) -> Dialect:
        """The dialect of an error that is told instead of an answer."""
        raw = self._failed_bodies() if self._include_raw else []
        if not raw:
            return dialect
        return lambda wording: encode_error(wording.message, raw_response=raw)

    def _failed_bodies(self) -> list[bytes]:
        """Raw entries of the attempts that failed with a body."""
        if self._served is None:
            return []
        found = ((failure, _body_of(failure.error)) for failure in self._served.failures)
        return [RawSource(failure.provider_type).entry(body) for failure, body in found if body]


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
            options=StreamOptions(
                include_usage=asked.include_usage,
                include_raw_usage=asked.include_raw_usage,
                include_raw_response=asked.include_raw_response,
                include_original_response=asked.include_original_response,
            ),
            source=self._source(),
        )
        self._earlier = self._stream.encode_earlier(raw_response=self._failed_bodies())

    def whole(self, answer: AnyAnswer) -> bytes:
        assert isinstance(answer, Answer)
        asked, served, source = self._asked, self.served, self._source()
        raw = answer.raw_response
        return encode_envelope_response(
            answer,
            inference_id=served.inference_id,
            episode_id=served.episode_id,
            model=self._model(),
            created=int(self._clock()),
            raw_usage=[source.entry(raw_usage_in(raw))] if asked.include_raw_usage else None,
            raw_response=(
                [*self._failed_bodies(), source.entry(raw)] if asked.include_raw_response else None
            ),
            original_response=raw if asked.include_original_response else None,
        )

    def chunk(self, chunk: Chunk) -> bytes:
        assert self._stream is not None
        earlier, self._earlier = self._earlier, b""
        return earlier + self._stream.encode(chunk)

    def failure(self, error: UpstreamError) -> bytes:
        assert self._stream is not None
        served = self.served
        failure = Failure(served.variant_name, served.provider_name, served.provider_type, error)
        return self._stream.encode_error(describe_one(failure), raw_chunk=_body_of(error))

    def last(self) -> bytes:
        assert self._stream is not None
        return self._stream.close()

    def _model(self) -> str:
        served = self.served
        return served_model(served.function_name, served.variant_name, served.model_name)

    def _source(self) -> RawSource:
        return RawSource(self.served.provider_type, self.served.model_inference_id)


class EmbeddingsOutlet(_Outlet):
    """Vectors; never streamed."""

    def __init__(self, asked: EnvelopeEmbeddingsRequest) -> None:
        super().__init__(include_raw_response=asked.include_raw_response)

    def whole(self, answer: AnyAnswer) -> bytes:
        assert isinstance(answer, EmbeddingsAnswer)
        served = self.served
        source = RawSource(served.provider_type, served.model_inference_id, "embeddings")
        raw = [*self._failed_bodies(), source.entry(answer.raw_response)]
        return encode_embeddings_response(
            answer,
            model_name=served.model_name,
            raw_response=raw if self._include_raw else None,
        )

    def chunk(self, chunk: Chunk) -> bytes:
        raise AssertionError("embeddings are not streamed")

    def failure(self, error: UpstreamError) -> bytes:
        raise AssertionError("embeddings are not streamed")

    def last(self) -> bytes:
        raise AssertionError("embeddings are not streamed")


def _body_of(error: UpstreamError) -> str | None:
    """What the provider said, if it said anything."""
    if isinstance(error, UpstreamStatus):
        return error.body.decode("utf-8", "replace") or None
    if isinstance(error, UpstreamClientError):
        return error.raw_response
    return None
