"""From what is known of an inference to the exchange that is recorded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import orjson

from proxy.errors import Unrenderable
from proxy.services.call_details import details_of, request_id_of
from proxy.services.infer_call import InferenceCall, InferProgress, Result
from proxy.services.infer_result import prepared_of, result_of
from proxy.services.leg import Leg
from proxy.services.tasks import ChatModelTask
from proxy.types.content import blocks_to_json
from proxy.types.embeddings import EmbeddingsAnswer
from proxy.types.exchange import EndReason, Exchange, InferenceDetails, ModelCall
from proxy.types.request import messages_to_json, params_to_json
from proxy.types.response import Answer
from proxy.wire.embeddings.response import encode_response
from proxy.wire.splice import CREDENTIALS, NATIVE_CREDENTIALS, without_credentials

NO_MESSAGES = b"[]"
"""Of a vector that was made without HTTP."""


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
    leg = progress.last_leg
    variant, first = progress.variant, progress.first_at
    kept = len(call.body) <= record_limit
    error = progress.error or (log.last if reason is not EndReason.COMPLETE else None)
    prepared = prepared_of(progress) if leg is not None else None
    return Exchange(
        id=call.id.bytes,
        episode_id=call.episode_id.bytes,
        method="POST",
        path=call.path,
        endpoint=call.endpoint,
        lane=call.lane,
        relay=call.relay if reached else "",
        stream=call.task.stream,
        status=progress.status,
        end_reason=reason.value,
        error=_error_kind(progress) if error is None else error.kind,
        function_name=call.target.function_name,
        variant_assigned=progress.assigned,
        variant_served=variant.name if reached and variant else "",
        variant_pinned=call.pinned is not None,
        model_name=leg.candidate.model.name if leg else "",
        provider_name=leg.route.name if leg and leg.route else "",
        tags=orjson.dumps(call.tags) if call.tags else b"",
        attempts=log.attempts,
        processing_time_ms=round(seconds * 1000),
        ttft_ms=round((first - call.began) * 1000) if first is not None else None,
        overhead_us=round(max(0.0, seconds - progress.waited) * 1e6),
        user_agent=call.user_agent,
        api_key_name=call.api_key_name,
        config_hash=config_hash,
        upstream_request_id=request_id_of(leg.upstream_headers) if leg else "",
        request_body=_recorded_body(call) if kept else b"",
        request_bytes=len(call.body),
        request_sha256=b"" if kept else hashlib.sha256(call.body).digest(),
        response_body=[] if reached or leg is None else leg.tap.blocks,
        response_bytes=leg.tap.total if leg else 0,
        response_sha256=leg.tap.sha256() if leg else b"",
        response_content_type=leg.upstream_headers.get("content-type", "") if leg else "",
        inference_params=b"" if prepared is None else params_to_json(prepared.stored_params),
        model_calls=model_calls(_recorded(progress, reached), record_limit),
        details=_details(progress) if reached else None,
        came_to_answer=reached,
    )


def _error_kind(progress: InferProgress) -> str:
    """Of a call that failed before any provider was asked."""
    last = progress.failed[-1].error if progress.failed else None
    answered = progress.started or progress.status == 200
    return "template" if isinstance(last, Unrenderable) and not answered else ""


def model_calls(legs: Iterable[Leg], record_limit: int) -> list[ModelCall]:
    """The calls of models that became of questions."""
    return [_model_call(leg, record_limit) for leg in legs]


def _recorded(progress: InferProgress, reached: bool) -> list[Leg]:
    """The questions that were answered, if only to a strategy that came to nothing; that of the
    client's own answer is one even if nothing of it came."""
    if not reached:
        return [leg for leg in progress.legs if leg.answer is not None]
    return [leg for leg in progress.legs if leg.answered or leg is progress.leg]


def _recorded_body(call: InferenceCall) -> bytes:
    if not call.credentials.dynamic:
        return call.body
    native = call.lane == "native"
    return without_credentials(call.body, NATIVE_CREDENTIALS if native else CREDENTIALS)


def _model_call(leg: Leg, record_limit: int) -> ModelCall:
    assert leg.route is not None and leg.model_inference_id is not None
    first = leg.first_at
    wire, raw_response, answer = _raw_answer(leg)
    kept = len(leg.raw_request) <= record_limit
    cost = leg.cost()
    said = leg.task.prepared.input if isinstance(leg.task, ChatModelTask) else None
    if leg.wire:
        said = None
    told = messages_to_json(said.messages) if said else b""
    if not leg.wire and said is None:
        told = NO_MESSAGES
    return ModelCall(
        id=leg.model_inference_id.bytes,
        model_name=leg.candidate.model.name,
        provider_name=leg.route.name,
        wire=wire,
        stream=leg.task.stream,
        raw_request=leg.raw_request if kept else b"",
        raw_response=raw_response,
        response_time_ms=round((leg.last_at - leg.attempt_began) * 1000),
        ttft_ms=round((first - leg.attempt_began) * 1000) if first is not None else None,
        output=b"" if answer is None else blocks_to_json(answer.blocks),
        input_tokens=None if answer is None else answer.usage.input_tokens,
        output_tokens=None if answer is None else answer.usage.output_tokens,
        finish_reason="" if answer is None else answer.finish_reason or "",
        system=said.system if said and isinstance(said.system, str) else None,
        input_messages=told,
        cost="" if cost is None else str(cost),
        provider_type=leg.route.provider.type,
    )


def _raw_answer(leg: Leg) -> tuple[str, list[bytes], Answer | None]:
    """The wire and the bytes of an answer; and the answer, where they do not say it all."""
    if leg.wire:
        return leg.wire, leg.tap.blocks, None
    answer = leg.result()
    if isinstance(answer, EmbeddingsAnswer):
        return "embeddings", [encode_response(answer, "")], None
    return "neutral", [answer.raw_response.encode()], answer


def _details(progress: InferProgress) -> InferenceDetails | None:
    """What the function makes of the answer; None for a plain chat."""
    prepared, call = prepared_of(progress), progress.call
    if prepared is None:
        return None
    plain = prepared.kind == "chat" and not prepared.tool_set and not prepared.calls_are_texts
    if plain and progress.settled is None and call.extra_body_json == b"[]":
        return None
    result = result_of(progress)
    assert isinstance(result, Result)
    return details_of(
        prepared,
        output=_output(result),
        auxiliary=_auxiliary(result),
        extra_body=call.extra_body_json,
    )


def _output(result: Result) -> bytes:
    if result.output is not None:
        return orjson.dumps(result.output.as_json())
    return orjson.dumps([block.as_json() for block in result.content])


def _auxiliary(result: Result) -> bytes:
    return b"[]" if result.output is None else blocks_to_json(result.output.auxiliary)
