"""From what is known of an inference to the exchange that is recorded."""

from __future__ import annotations

import hashlib

import orjson

from proxy.services.infer_call import InferenceCall, InferProgress
from proxy.types.content import blocks_to_json
from proxy.types.embeddings import EmbeddingsAnswer
from proxy.types.exchange import EndReason, Exchange, ModelCall
from proxy.types.request import params_to_json
from proxy.types.response import Answer
from proxy.wire.embeddings.response import encode_response
from proxy.wire.splice import without_credentials


def build_exchange(
    progress: InferProgress,
    reason: EndReason,
    seconds: float,
    *,
    config_hash: bytes,
    record_limit: int,
) -> Exchange:
    """The record of a call that has ended after `seconds`, for whatever reason."""
    call, log = progress.call, progress.log
    reached = progress.started or reason is EndReason.COMPLETE
    candidate, route, first = progress.candidate, progress.route, progress.first_at
    kept = len(call.body) <= record_limit
    error = progress.error or (log.last if reason is not EndReason.COMPLETE else None)
    return Exchange(
        id=call.id.bytes,
        episode_id=call.episode_id.bytes,
        method="POST",
        path=call.path,
        endpoint=call.endpoint,
        lane=call.lane,
        relay="",
        stream=call.task.stream,
        status=progress.status,
        end_reason=reason.value,
        error="" if error is None else error.kind,
        function_name=call.target.function_name,
        variant_assigned=progress.assigned,
        variant_served=candidate.variant_name if reached and candidate else "",
        variant_pinned=call.pinned is not None,
        model_name=candidate.model.name if candidate else "",
        provider_name=route.name if route else "",
        tags=orjson.dumps(call.tags) if call.tags else b"",
        attempts=log.attempts,
        processing_time_ms=round(seconds * 1000),
        ttft_ms=round((first - call.began) * 1000) if first is not None else None,
        overhead_us=round(max(0.0, seconds - progress.waited) * 1e6),
        user_agent=call.user_agent,
        api_key_name=call.api_key_name,
        config_hash=config_hash,
        upstream_request_id=progress.upstream_headers.get("x-request-id", ""),
        request_body=_recorded_body(call) if kept else b"",
        request_bytes=len(call.body),
        request_sha256=b"" if kept else hashlib.sha256(call.body).digest(),
        response_body=[] if reached else progress.tap.blocks,
        response_bytes=progress.tap.total,
        response_sha256=progress.tap.sha256(),
        response_content_type=progress.upstream_headers.get("content-type", ""),
        inference_params=params_to_json(progress.params),
        model_calls=[_model_call(progress, record_limit)] if reached else [],
    )


def _recorded_body(call: InferenceCall) -> bytes:
    return without_credentials(call.body) if call.credentials.dynamic else call.body


def _model_call(progress: InferProgress, record_limit: int) -> ModelCall:
    candidate, route, first = progress.candidate, progress.route, progress.first_at
    assert candidate is not None and route is not None and progress.model_inference_id is not None
    wire, raw_response, answer = _raw_answer(progress)
    kept = len(progress.raw_request) <= record_limit
    return ModelCall(
        id=progress.model_inference_id.bytes,
        model_name=candidate.model.name,
        provider_name=route.name,
        wire=wire,
        stream=progress.call.task.stream,
        raw_request=progress.raw_request if kept else b"",
        raw_response=raw_response,
        response_time_ms=round((progress.last_at - progress.attempt_began) * 1000),
        ttft_ms=round((first - progress.attempt_began) * 1000) if first is not None else None,
        output=b"" if answer is None else blocks_to_json(answer.blocks),
        input_tokens=None if answer is None else answer.usage.input_tokens,
        output_tokens=None if answer is None else answer.usage.output_tokens,
        finish_reason="" if answer is None else answer.finish_reason or "",
    )


def _raw_answer(progress: InferProgress) -> tuple[str, list[bytes], Answer | None]:
    """The wire and the bytes of an answer; and the answer, where they do not say it all."""
    if progress.wire:
        return progress.wire, progress.tap.blocks, None
    answer = progress.result()
    if isinstance(answer, EmbeddingsAnswer):
        return progress.call.task.wire, [encode_response(answer, "")], None
    return "neutral", [answer.raw_response.encode()], answer
