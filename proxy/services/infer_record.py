"""From what is known of an inference to the exchange that is recorded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import orjson

from proxy.errors import Unrenderable
from proxy.services.call_details import details_of
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
    # In the order of the fields: naming forty of them costs more than filling them in.
    return Exchange(
        call.id.bytes,
        call.episode_id.bytes,
        "POST",
        call.path,
        call.endpoint,
        call.lane,
        call.relay if reached else "",
        call.task.stream,
        progress.status,
        reason.value,
        _error_kind(progress) if error is None else error.kind,
        call.target.function_name,
        progress.assigned,
        variant.name if reached and variant else "",
        call.pinned is not None,
        leg.candidate.model.name if leg else "",
        leg.route.name if leg and leg.route else "",
        orjson.dumps(call.tags) if call.tags else b"",
        log.attempts,
        round(seconds * 1000),
        round((first - call.began) * 1000) if first is not None else None,
        round(max(0.0, seconds - progress.waited) * 1e6),
        call.user_agent,
        call.api_key_name,
        config_hash,
        leg.head.request_id if leg else "",
        _recorded_body(call) if kept else b"",
        len(call.body),
        b"" if kept else hashlib.sha256(call.body).digest(),
        [] if reached or leg is None else leg.tap.blocks,
        leg.tap.total if leg else 0,
        leg.tap.sha256() if leg else b"",
        leg.head.content_type if leg else "",
        b"" if prepared is None else params_to_json(prepared.stored_params),
        model_calls(_recorded(progress, reached), record_limit),
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
        leg.model_inference_id.bytes,
        leg.candidate.model.name,
        leg.route.name,
        wire,
        leg.task.stream,
        leg.raw_request if kept else b"",
        raw_response,
        round((leg.last_at - leg.attempt_began) * 1000),
        round((first - leg.attempt_began) * 1000) if first is not None else None,
        b"" if answer is None else blocks_to_json(answer.blocks),
        None if answer is None else answer.usage.input_tokens,
        None if answer is None else answer.usage.output_tokens,
        "" if answer is None else answer.finish_reason or "",
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
