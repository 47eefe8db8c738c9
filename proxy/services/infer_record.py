"""From what is known of an inference to the exchange that is recorded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import orjson

from proxy.errors import Unrenderable
from proxy.inference.prepare import Prepared
from proxy.inference.tools import NO_TOOLS
from proxy.services.answer_head import NO_HEAD
from proxy.services.call_details import details_of
from proxy.services.infer_call import InferenceCall, InferProgress, Result
from proxy.services.infer_result import prepared_of, result_of
from proxy.services.lane import LaneSettings
from proxy.services.leg import Leg
from proxy.services.tasks import ChatModelTask
from proxy.types.content import blocks_to_json
from proxy.types.embeddings import EmbeddingsAnswer
from proxy.types.exchange import EndReason, Exchange, InferenceDetails, ModelCall
from proxy.types.request import messages_to_json, params_to_json
from proxy.types.response import Answer
from proxy.wire.embeddings.response import encode_response
from proxy.wire.splice import CREDENTIALS, NATIVE_CREDENTIALS, without_credentials

NO_RULES = b"[]"
NO_MESSAGES = b"[]"
"""Of a vector that was made without HTTP."""


def build_exchange(
    progress: InferProgress,
    reason: EndReason,
    seconds: float,
    overhead: float,
    settings: LaneSettings,
) -> Exchange:
    """The record of a call that has ended after `seconds`, for whatever reason; `overhead` of them
    were not spent waiting for a provider."""
    call, log, leg = progress.call, progress.log, progress.last_leg
    complete = reason is EndReason.COMPLETE
    reached = progress.started or complete
    variant, first, body = progress.variant, progress.first_at, call.body
    record_limit = settings.record_limit
    kept = len(body) <= record_limit
    error = None if complete else log.last
    model_name = provider_name = ""
    head, told, size, digest, params, prepared = NO_HEAD, [], 0, b"", b"", None
    if leg is not None:
        route, tap, head = leg.route, leg.tap, leg.head
        model_name = leg.candidate.model.name
        provider_name = "" if route is None else route.name
        told, size, digest = [] if reached else tap.blocks, tap.total, tap.sha256()
        error = (leg.error or error) if leg is progress.leg else error
        prepared = prepared_of(progress)
        params = b"" if prepared is None else params_to_json(prepared.stored_params)
    # In the order of the fields: naming forty of them costs more than filling them in; in two
    # parts, for out of more than thirty the interpreter makes a list step by step.
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
        str(reason),
        error.kind if error is not None else _error_kind(progress) if progress.failed else "",
        call.target.function_name,
        progress.assigned,
        variant.name if reached and variant is not None else "",
        call.pinned is not None,
        model_name,
        provider_name,
        orjson.dumps(call.tags) if call.tags else b"",
        *(
            log.attempts,
            round(seconds * 1000),
            None if first is None else round((first - call.began) * 1000),
            round(overhead * 1e6),
            call.user_agent,
            call.api_key_name,
            settings.config_hash,
            head.request_id,
            (_without_secrets(call) if call.credentials.dynamic else body) if kept else b"",
            len(body),
            b"" if kept else hashlib.sha256(body).digest(),
            told,
            size,
            digest,
            head.content_type,
            params,
            model_calls(_recorded(progress, reached), record_limit),
            b"",
            _details(progress, prepared) if reached and prepared is not None else None,
            reached,
        ),
    )


def _error_kind(progress: InferProgress) -> str:
    """Of a call that failed before any provider was asked."""
    last = progress.failed[-1].error
    answered = progress.started or progress.status == 200
    return "template" if isinstance(last, Unrenderable) and not answered else ""


def model_calls(legs: Iterable[Leg], record_limit: int) -> list[ModelCall]:
    """The calls of models that became of questions."""
    return [_model_call(leg, record_limit) for leg in legs]


def _recorded(progress: InferProgress, reached: bool) -> list[Leg]:
    """The questions that were answered, if only to a strategy that came to nothing; that of the
    client's own answer is one even if nothing of it came."""
    if reached and len(progress.legs) == 1 and progress.leg is not None:
        return progress.legs
    if not reached:
        return [leg for leg in progress.legs if leg.answer is not None]
    return [leg for leg in progress.legs if leg is progress.leg or leg.answered]


def _without_secrets(call: InferenceCall) -> bytes:
    native = call.lane == "native"
    return without_credentials(call.body, NATIVE_CREDENTIALS if native else CREDENTIALS)


def _model_call(leg: Leg, record_limit: int) -> ModelCall:
    assert leg.route is not None and leg.model_inference_id is not None
    route, first = leg.route, leg.first_at
    raw_request = leg.raw_request if len(leg.raw_request) <= record_limit else b""
    waited = round((leg.last_at - leg.attempt_began) * 1000)
    ttft = None if first is None else round((first - leg.attempt_began) * 1000)
    cost = None if route.prices is None else leg.cost()
    if leg.wire:
        return ModelCall(
            leg.model_inference_id.bytes,
            leg.candidate.model.name,
            route.name,
            leg.wire,
            leg.task.stream,
            raw_request,
            leg.tap.blocks,
            waited,
            ttft,
            b"",
            None,
            None,
            "",
            cost="" if cost is None else str(cost),
            provider_type=route.provider.type,
        )
    wire, raw_response, answer = _raw_answer(leg)
    said = leg.task.prepared.input if isinstance(leg.task, ChatModelTask) else None
    return ModelCall(
        id=leg.model_inference_id.bytes,
        model_name=leg.candidate.model.name,
        provider_name=route.name,
        wire=wire,
        stream=leg.task.stream,
        raw_request=raw_request,
        raw_response=raw_response,
        response_time_ms=waited,
        ttft_ms=ttft,
        output=b"" if answer is None else blocks_to_json(answer.blocks),
        input_tokens=None if answer is None else answer.usage.input_tokens,
        output_tokens=None if answer is None else answer.usage.output_tokens,
        finish_reason="" if answer is None else answer.finish_reason or "",
        system=said.system if said and isinstance(said.system, str) else None,
        input_messages=messages_to_json(said.messages) if said else NO_MESSAGES,
        cost="" if cost is None else str(cost),
        provider_type=route.provider.type,
    )


def _raw_answer(leg: Leg) -> tuple[str, list[bytes], Answer | None]:
    """Of a provider without HTTP, the wire and the bytes of an answer; and the answer, where they
    do not say it all."""
    answer = leg.result()
    if isinstance(answer, EmbeddingsAnswer):
        return "embeddings", [encode_response(answer, "")], None
    return "neutral", [answer.raw_response.encode()], answer


def _details(progress: InferProgress, prepared: Prepared) -> InferenceDetails | None:
    """What the function makes of the answer; None for a plain chat."""
    tools, extra = prepared.tool_set, progress.call.extra_body_json
    plain = prepared.kind == "chat" and (tools is NO_TOOLS or not tools)
    if plain and progress.settled is None and extra == NO_RULES and not prepared.calls_are_texts:
        return None
    result = result_of(progress)
    assert isinstance(result, Result)
    return details_of(
        prepared,
        output=_output(result),
        auxiliary=_auxiliary(result),
        extra_body=extra,
    )


def _output(result: Result) -> bytes:
    if result.output is not None:
        return orjson.dumps(result.output.as_json())
    return orjson.dumps([block.as_json() for block in result.content])


def _auxiliary(result: Result) -> bytes:
    return b"[]" if result.output is None else blocks_to_json(result.output.auxiliary)
