"""From what is known of a relayed call to the exchange that is recorded."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import orjson

from proxy.inference.prepare import Prepared
from proxy.services.answer_head import NO_HEAD
from proxy.services.call_details import details_of
from proxy.services.infer_record import model_calls
from proxy.types.content import blocks_to_json
from proxy.types.edits import Edit
from proxy.types.exchange import EndReason, Exchange, InferenceDetails, ModelCall
from proxy.types.ids import new_identifier
from proxy.types.request import messages_to_json, params_to_json
from proxy.wire.splice import CREDENTIALS, without_credentials

if TYPE_CHECKING:
    from proxy.services.lane import LaneSettings
    from proxy.services.relay_call import FunctionProgress, Progress, RelayCall


def build_exchange(
    progress: Progress, reason: EndReason, seconds: float, overhead: float, settings: LaneSettings
) -> Exchange:
    """The record of a call that has ended after `seconds`, for whatever reason; `overhead` of them
    were not spent waiting for a provider."""
    call, log, sink = progress.call, progress.log, progress.sink
    candidate, route = progress.candidate, progress.route
    body, size, digest, parts, stream = call.body, 0, b"", b"", call.peek.stream
    if isinstance(body, bytes) and not call.peek.extensions and len(body) <= settings.record_limit:
        size = len(body)
    else:
        body, size, digest, parts = _request(call, settings.record_limit)
    complete = reason is EndReason.COMPLETE
    reached, first, params, details = False, None, b"", None
    head, told, total, told_digest, calls = NO_HEAD, [], 0, b"", []
    if sink is not None:
        reached = complete or sink.started
        tap, head, first = sink.tap, sink.head, sink.first_at if stream else None
        told, total, told_digest = tap.blocks, tap.total, tap.sha256()
    if progress.function is not None:
        calls = _earlier_calls(progress.function, settings) if reached else []
        prepared = progress.function.prepared
        if prepared is not None:
            params = params_to_json(prepared.stored_params)
            details = _details(prepared) if reached else None
    if reached and call.endpoint.wire:
        calls.append(_model_call(progress, settings))
        told = [] if progress.raw else told  # The model's call has it.
    # In the order of the fields: naming forty of them costs more than filling them in; in two
    # parts, for out of more than thirty the interpreter makes a list step by step.
    return Exchange(
        call.id.bytes,
        call.episode_id.bytes,
        call.method,
        call.path,
        call.endpoint.name,
        "relay",
        "" if not reached else ("raw" if progress.raw else "translated"),
        stream,
        progress.status,
        reason.value,
        "" if complete else _error_kind(progress),
        progress.target.function_name,
        progress.assigned,
        candidate.variant_name if reached and candidate else "",
        call.pinned is not None,
        candidate.model.name if candidate else call.peek.model,
        route.name if route else "",
        call.tags,
        *(
            log.attempts,
            round(seconds * 1000),
            None if first is None else round((first - call.began) * 1000),
            round(overhead * 1e6),
            call.user_agent,
            call.api_key_name,
            settings.config_hash,
            head.request_id,
            body,
            size,
            digest,
            told,
            total,
            told_digest,
            head.content_type,
            params,
            calls,
            parts,
            details,
        ),
    )


def _prepared(progress: Progress) -> Prepared | None:
    return None if progress.function is None else progress.function.prepared


def _details(prepared: Prepared) -> InferenceDetails | None:
    """None for a plain chat, of which the bodies say it all."""
    plain = prepared.kind == "chat" and not prepared.tool_set
    return None if plain else details_of(prepared)


def _earlier_calls(function: FunctionProgress, settings: LaneSettings) -> list[ModelCall]:
    """Of variants that asked several models and came to no answer."""
    if function.inferring is None:
        return []
    answered = (leg for leg in function.inferring.legs if leg.answered)
    return model_calls(answered, settings.record_limit)


def _request(call: RelayCall, limit: int) -> tuple[bytes, int, bytes, bytes]:
    """Of the client's body: what is kept, its length, a digest if it is not kept, its parts."""
    body = call.body
    if isinstance(body, bytes):
        if len(body) > limit:
            return b"", len(body), hashlib.sha256(body).digest(), b""
        kept = without_credentials(body) if CREDENTIALS in call.peek.extensions else body
        return kept, len(body), b"", b""
    parts = body.parts()
    return b"", body.received, body.sha256, orjson.dumps(parts) if parts else b""


def _model_call(progress: Progress, settings: LaneSettings) -> ModelCall:
    sink, candidate, route = progress.sink, progress.candidate, progress.route
    assert sink is not None and candidate is not None and route is not None
    call = progress.call
    answer = progress.neutral.result() if progress.neutral is not None else None
    first = sink.first_at if call.peek.stream else None
    waited = round((sink.last_at - progress.attempt_began) * 1000)
    ttft = round((first - progress.attempt_began) * 1000) if first is not None else None
    prices = route.dumped_prices
    if answer is None:
        translation = progress.translation
        raw, edits = _sent(progress, settings.record_limit)
        return ModelCall(
            new_identifier().bytes,
            candidate.model.name,
            route.name,
            call.endpoint.wire if translation is None else translation.wire,
            call.peek.stream,
            raw,
            sink.tap.blocks if translation is None else translation.tap.blocks,
            waited,
            ttft,
            b"",
            None,
            None,
            "",
            prices=prices,
            provider_type=route.provider.type,
            edits=edits,
        )
    prepared = _prepared(progress)
    said = prepared.input if prepared is not None else None
    return ModelCall(
        id=new_identifier().bytes,
        model_name=candidate.model.name,
        provider_name=route.name,
        wire="neutral",
        stream=call.peek.stream,
        raw_request=b"",
        raw_response=[answer.raw_response.encode()],
        response_time_ms=waited,
        ttft_ms=ttft,
        output=blocks_to_json(answer.blocks),
        input_tokens=answer.usage.input_tokens,
        output_tokens=answer.usage.output_tokens,
        finish_reason=answer.finish_reason or "",
        system=said.system if said is not None and isinstance(said.system, str) else None,
        input_messages=messages_to_json(said.messages) if said is not None else b"",
        prices=prices,
        provider_type=route.provider.type,
    )


def _sent(progress: Progress, limit: int) -> tuple[bytes, tuple[Edit, ...]]:
    """What was sent to the provider, or what was changed for it in the client's body, where that is
    recorded as it is; nothing where neither is kept, or both are the same."""
    raw, edits, body = progress.raw_request, progress.edits, progress.call.body
    as_it_is = isinstance(body, bytes) and len(body) <= limit and not progress.call.peek.extensions
    if edits and as_it_is:
        return b"", tuple(edits)
    return (b"" if len(raw) > limit or raw == body else raw), ()


def _error_kind(progress: Progress) -> str:
    error = (progress.sink.error if progress.sink is not None else None) or progress.log.last
    return "" if error is None else error.kind
