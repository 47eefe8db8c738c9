"""From what is known of a relayed call to the exchange that is recorded."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import orjson

from proxy.inference.prepare import Prepared
from proxy.models.cost import dump_prices
from proxy.services.call_details import details_of, request_id_of
from proxy.services.infer_record import model_calls
from proxy.types.content import blocks_to_json
from proxy.types.exchange import EndReason, Exchange, InferenceDetails, ModelCall
from proxy.types.ids import new_id
from proxy.types.request import messages_to_json, params_to_json
from proxy.wire.splice import CREDENTIALS, without_credentials

if TYPE_CHECKING:
    from proxy.services.lane import LaneSettings
    from proxy.services.relay_call import Progress, RelayCall


def build_exchange(
    progress: Progress, reason: EndReason, seconds: float, settings: LaneSettings
) -> Exchange:
    """The record of a call that has ended after `seconds`, for whatever reason."""
    call, log, sink = progress.call, progress.log, progress.sink
    reached = sink is not None and (sink.started or reason is EndReason.COMPLETE)
    candidate, route = progress.candidate, progress.route
    first = sink.first_at if sink is not None and call.peek.stream else None
    body, size, digest, parts = _request(call, settings.record_limit)
    prepared = _prepared(progress)
    calls = _earlier_calls(progress, settings) if reached else []
    if reached and call.endpoint.wire:
        calls.append(_model_call(progress, settings))
    return Exchange(
        id=call.id.bytes,
        episode_id=call.episode_id.bytes,
        method=call.method,
        path=call.path,
        endpoint=call.endpoint.name,
        lane="relay",
        relay="" if not reached else ("raw" if progress.raw else "translated"),
        stream=call.peek.stream,
        status=progress.status,
        end_reason=reason.value,
        error=_error_kind(progress, reason),
        function_name=progress.target.function_name,
        variant_assigned=progress.assigned,
        variant_served=candidate.variant_name if reached and candidate else "",
        variant_pinned=call.pinned is not None,
        model_name=candidate.model.name if candidate else call.peek.model,
        provider_name=route.name if route else "",
        tags=call.tags,
        attempts=log.attempts,
        processing_time_ms=round(seconds * 1000),
        ttft_ms=round((first - call.began) * 1000) if first is not None else None,
        overhead_us=round(max(0.0, seconds - progress.waited) * 1e6),
        user_agent=call.user_agent,
        api_key_name=call.api_key_name,
        config_hash=settings.config_hash,
        upstream_request_id=_upstream_request_id(progress),
        request_body=body,
        request_bytes=size,
        request_sha256=digest,
        response_body=_response_body(progress, reached),
        response_bytes=sink.tap.total if sink is not None else 0,
        response_sha256=sink.tap.sha256() if sink is not None else b"",
        response_content_type=_header(progress, "content-type"),
        inference_params=b"" if prepared is None else params_to_json(prepared.stored_params),
        model_calls=calls,
        request_parts=parts,
        details=_details(prepared) if reached and prepared is not None else None,
    )


def _prepared(progress: Progress) -> Prepared | None:
    return None if progress.function is None else progress.function.prepared


def _details(prepared: Prepared) -> InferenceDetails | None:
    """None for a plain chat, of which the bodies say it all."""
    plain = prepared.kind == "chat" and not prepared.tool_set
    return None if plain else details_of(prepared)


def _earlier_calls(progress: Progress, settings: LaneSettings) -> list[ModelCall]:
    """Of variants that asked several models and came to no answer."""
    inferring = None if progress.function is None else progress.function.inferring
    if inferring is None:
        return []
    answered = (leg for leg in inferring.legs if leg.answered)
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
    raw_request = progress.raw_request if answer is None else b""
    client = call.body if isinstance(call.body, bytes) else b""
    first = sink.first_at if call.peek.stream else None
    prepared = _prepared(progress)
    said = prepared.input if prepared is not None and answer is not None else None
    return ModelCall(
        id=new_id().bytes,
        model_name=candidate.model.name,
        provider_name=route.name,
        wire=_wire(progress),
        stream=call.peek.stream,
        raw_request=_kept_request(raw_request, client, settings.record_limit),
        raw_response=_raw_response(progress),
        response_time_ms=round((sink.last_at - progress.attempt_began) * 1000),
        ttft_ms=round((first - progress.attempt_began) * 1000) if first is not None else None,
        output=b"" if answer is None else blocks_to_json(answer.blocks),
        input_tokens=None if answer is None else answer.usage.input_tokens,
        output_tokens=None if answer is None else answer.usage.output_tokens,
        finish_reason="" if answer is None else answer.finish_reason or "",
        system=said.system if said is not None and isinstance(said.system, str) else None,
        input_messages=messages_to_json(said.messages) if said is not None else b"",
        prices=b"" if route.prices is None else dump_prices(route.prices),
        provider_type=route.provider.type,
    )


def _wire(progress: Progress) -> str:
    if progress.neutral is not None:
        return "neutral"
    translation = progress.translation
    return progress.call.endpoint.wire if translation is None else translation.wire


def _raw_response(progress: Progress) -> list[bytes]:
    """What the provider said, in its own words."""
    if progress.neutral is not None:
        return [progress.neutral.result().raw_response.encode()]
    assert progress.sink is not None
    tap = progress.sink.tap if progress.translation is None else progress.translation.tap
    return tap.blocks


def _kept_request(raw: bytes, client: bytes, limit: int) -> bytes:
    return b"" if raw == client or len(raw) > limit else raw


def _response_body(progress: Progress, reached: bool) -> list[bytes]:
    """What the client was sent, where no model call holds it."""
    sink = progress.sink
    if sink is None:
        return []
    if not reached or not progress.raw or not progress.call.endpoint.wire:
        return sink.tap.blocks
    return []


def _error_kind(progress: Progress, reason: EndReason) -> str:
    if reason is EndReason.COMPLETE:
        return ""
    error = (progress.sink.error if progress.sink is not None else None) or progress.log.last
    return "" if error is None else error.kind


def _upstream_request_id(progress: Progress) -> str:
    headers = () if progress.sink is None else progress.sink.headers
    return request_id_of({name.lower(): value for name, value in headers})


def _header(progress: Progress, wanted: str) -> str:
    if progress.sink is None:
        return ""
    for name, value in progress.sink.headers:
        if name.lower() == wanted:
            return value
    return ""
