"""From an exchange to rows: one of `exchanges`, and TensorZero's tables when output was produced.

`created_at` of a row is always the time inside its id, so that writing it again changes nothing.
What a decoder cannot read is stored raw, with an empty output: a record is never lost for it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import orjson

from proxy.store.bodies import Bodies, place_bodies, same_but_for_model
from proxy.store.clean import clean_text, may_hold_unfit_escapes
from proxy.types.decoded import Decoded, DecodedInput, Decoder
from proxy.types.exchange import Attempt, EndReason, Exchange, ModelCall
from proxy.types.ids import id_time

DEFAULT_FUNCTION = "tensorzero::default"
NEUTRAL_WIRE = "neutral"
NO_OUTPUT = b"[]"
NO_INPUT = DecodedInput(b'{"messages":[]}', None, b"[]")
NO_PARAMS = b'{"chat_completion":{}}'
ALL_TOOLS = '{"tools":[],"choice":"function_default"}'
LARGEST_INT = 2**31 - 1
LONGEST_NAME = 256

Row = dict[str, object]

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Mapped:
    """The rows of one exchange, by table, and how many of its bodies could not be decoded."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    decode_failures: int = 0

    def add(self, table: str, row: Row) -> None:
        self.rows.setdefault(table, []).append(row)


class RowMapper:
    """Maps exchanges to rows. `decoders` by wire, as `ModelCall.wire` names them; one by the name
    of a lane reads what clients send there.

    `on_call` is told what each model call meant, for counting tokens.
    """

    def __init__(
        self,
        decoders: Mapping[str, Decoder],
        on_call: Callable[[ModelCall, Decoded], None] = lambda call, decoded: None,
    ) -> None:
        self._decoders = decoders
        self._on_call = on_call

    def map(self, exchange: Exchange) -> Mapped:
        """The rows of an exchange.

        Raises:
            ValueError: an id is no UUID, or JSON of ours is none.
        """
        mapped = Mapped()
        heading = _heading(exchange)
        calls = [(call, self._decode_call(call, mapped)) for call in exchange.model_calls]
        for call, decoded in calls:
            self._on_call(call, decoded)
        last = calls[-1][1] if calls else None
        if not any(_has_output(exchange, decoded) for _, decoded in calls):
            bodies = place_bodies(exchange, [])
            mapped.add("exchanges", _exchange_row(exchange, heading, last, bodies))
            return mapped
        bodies = place_bodies(exchange, exchange.model_calls)
        mapped.add("exchanges", _exchange_row(exchange, heading, last, bodies))
        self._add_inference(mapped, exchange, heading, calls, bodies)
        return mapped

    def _add_inference(
        self,
        mapped: Mapped,
        exchange: Exchange,
        heading: _Heading,
        calls: list[tuple[ModelCall, Decoded]],
        bodies: Bodies,
    ) -> None:
        last, decoded = calls[-1]
        client = exchange.lane if exchange.lane in self._decoders else last.wire
        said = self._decode_input(exchange, client, exchange.request_body, mapped)
        whole = _is_whole(exchange, decoded)
        mapped.add("chat_inferences", _inference_row(exchange, heading, whole))
        mapped.add("chat_inference_data", _inference_data_row(exchange, heading, decoded, said))
        for (call, answer), raw in zip(calls, bodies.raw, strict=True):
            sent = said
            if call.raw_request and not same_but_for_model(call.raw_request, exchange.request_body):
                sent = self._decode_input(exchange, call.wire, call.raw_request, mapped)
            identifier = UUID(bytes=call.id)
            mapped.add("model_inferences", _model_row(heading, call, identifier, answer))
            mapped.add("model_inference_data", _model_data_row(identifier, answer, sent, raw))

    def _decode_call(self, call: ModelCall, mapped: Mapped) -> Decoded:
        if call.wire == NEUTRAL_WIRE:
            return _neutral(call)
        try:
            decoded = self._decoders[call.wire].decode_call(call)
        except Exception as error:
            mapped.decode_failures += 1
            log.warning("an answer could not be decoded: %s", type(error).__name__)
            return Decoded(NO_OUTPUT, complete=False, error=type(error).__name__)
        if decoded.error:
            mapped.decode_failures += 1
        return decoded

    def _decode_input(
        self, exchange: Exchange, wire: str, body: bytes, mapped: Mapped
    ) -> DecodedInput:
        """What was said in `body`; nothing when it was not kept or cannot be read."""
        decoder = self._decoders.get(wire) or self._decoders.get(exchange.endpoint)
        if decoder is None or not body:
            return NO_INPUT
        try:
            return decoder.decode_input(exchange.endpoint, body)
        except Exception as error:
            mapped.decode_failures += 1
            log.warning("a request could not be decoded: %s", type(error).__name__)
            return NO_INPUT


def _neutral(call: ModelCall) -> Decoded:
    return Decoded(
        output=call.output or NO_OUTPUT,
        input_tokens=call.input_tokens,
        output_tokens=call.output_tokens,
        finish_reason=call.finish_reason or None,
        usage_found=call.input_tokens is not None or call.output_tokens is not None,
    )


def _has_output(exchange: Exchange, decoded: Decoded) -> bool:
    """Also what is whole but empty, and what could not be read: only what was cut before the first
    block has produced nothing."""
    if not decoded.is_inference:
        return False
    if decoded.output != NO_OUTPUT or decoded.error:
        return True
    return decoded.complete and exchange.end_reason == EndReason.COMPLETE


def _is_whole(exchange: Exchange, decoded: Decoded) -> bool:
    """Whether the stored output is all of what the model said."""
    complete = exchange.end_reason == EndReason.COMPLETE and decoded.complete
    return complete and not exchange.response_sha256


@dataclass(frozen=True, slots=True)
class _Heading:
    """What the rows of an exchange have in common."""

    id: UUID
    episode_id: UUID
    created_at: datetime
    function_name: str
    variant_name: str
    tags: str
    snapshot_hash: bytes | None


def _heading(exchange: Exchange) -> _Heading:
    identifier = UUID(bytes=exchange.id)
    named = bool(exchange.function_name)
    return _Heading(
        id=identifier,
        episode_id=UUID(bytes=exchange.episode_id),
        created_at=id_time(identifier),
        function_name=_name(exchange.function_name) if named else DEFAULT_FUNCTION,
        variant_name=_name(exchange.variant_served if named else exchange.model_name),
        tags=tags_column(exchange.tags),
        snapshot_hash=exchange.config_hash or None,
    )


def _exchange_row(
    exchange: Exchange, heading: _Heading, decoded: Decoded | None, bodies: Bodies
) -> Row:
    return {
        "id": heading.id,
        "episode_id": heading.episode_id,
        "created_at": heading.created_at,
        "method": clean_text(exchange.method),
        "path": clean_text(exchange.path),
        "endpoint": clean_text(exchange.endpoint),
        "lane": exchange.lane,
        "relay": _text(exchange.relay),
        "stream": exchange.stream,
        "status": exchange.status,
        "end_reason": exchange.end_reason,
        "error": _text(exchange.error),
        "function_name": _text(exchange.function_name),
        "variant_assigned": _text(exchange.variant_assigned),
        "variant_served": _text(exchange.variant_served),
        "variant_pinned": exchange.variant_pinned,
        "model_name": _text(exchange.model_name),
        "provider_name": _text(exchange.provider_name),
        "tags": heading.tags,
        "attempt_count": len(exchange.attempts),
        "attempts": _attempts(exchange.attempts),
        "processing_time_ms": _int(exchange.processing_time_ms),
        "ttft_ms": _int(exchange.ttft_ms),
        "overhead_us": _int(exchange.overhead_us),
        "usage_source": "provider" if decoded is not None and decoded.usage_found else "none",
        "output_complete": decoded is not None and _is_whole(exchange, decoded),
        "user_agent": _text(exchange.user_agent),
        "api_key_name": _text(exchange.api_key_name),
        "snapshot_hash": heading.snapshot_hash,
        "upstream_request_id": _text(exchange.upstream_request_id),
        "provider_response_id": _response_id(decoded),
        "request_body": bodies.request_body,
        "request_bytes": exchange.request_bytes,
        "request_sha256": exchange.request_sha256 or None,
        "response_body": bodies.response_body,
        "response_bytes": exchange.response_bytes,
        "response_sha256": exchange.response_sha256 or None,
        "response_content_type": _text(exchange.response_content_type),
        "request_parts": clean_text(exchange.request_parts.decode()) or None,
    }


def _inference_row(exchange: Exchange, heading: _Heading, whole: bool) -> Row:
    return {
        "id": heading.id,
        "function_name": heading.function_name,
        "variant_name": heading.variant_name,
        "episode_id": heading.episode_id,
        "processing_time_ms": _int(exchange.processing_time_ms),
        "ttft_ms": _int(exchange.ttft_ms),
        "tags": heading.tags,
        "snapshot_hash": heading.snapshot_hash,
        "output_complete": whole,
        "created_at": heading.created_at,
    }


def _inference_data_row(
    exchange: Exchange, heading: _Heading, decoded: Decoded, said: DecodedInput
) -> Row:
    params = exchange.inference_params or said.params or NO_PARAMS
    return {
        "id": heading.id,
        "input": said.input.decode(),
        "output": (decoded.inference_output or decoded.output).decode(),
        "inference_params": params.decode(),
        "dynamic_tools": (said.dynamic_tools or b"[]").decode(),
        "allowed_tools": ALL_TOOLS if said.dynamic_tools else None,
        "tool_choice": said.tool_choice.decode() or None,
        "parallel_tool_calls": said.parallel_tool_calls,
        "created_at": heading.created_at,
    }


def _model_row(heading: _Heading, call: ModelCall, identifier: UUID, decoded: Decoded) -> Row:
    return {
        "id": identifier,
        "inference_id": heading.id,
        "input_tokens": _count(decoded.input_tokens),
        "output_tokens": _count(decoded.output_tokens),
        "response_time_ms": _int(call.response_time_ms),
        "model_name": clean_text(call.model_name),
        "model_provider_name": clean_text(call.provider_name),
        "ttft_ms": _int(call.ttft_ms),
        "cached": call.cached,
        "finish_reason": clean_text(decoded.finish_reason) if decoded.finish_reason else None,
        "snapshot_hash": heading.snapshot_hash,
        "provider_cache_read_input_tokens": _count(decoded.cache_read),
        "provider_cache_write_input_tokens": _count(decoded.cache_write),
        "function_name": heading.function_name,
        "variant_name": heading.variant_name,
        "created_at": id_time(identifier),
    }


def _model_data_row(
    identifier: UUID, decoded: Decoded, sent: DecodedInput, raw: tuple[str, str]
) -> Row:
    return {
        "id": identifier,
        "raw_request": raw[0],
        "raw_response": raw[1],
        "system": clean_text(sent.system) if sent.system is not None else None,
        "input_messages": sent.messages.decode(),
        "output": decoded.output.decode(),
        "created_at": id_time(identifier),
    }


def _attempts(attempts: list[Attempt]) -> str:
    return orjson.dumps(
        [
            {
                "variant_name": clean_text(attempt.variant_name),
                "model_name": clean_text(attempt.model_name),
                "provider_name": clean_text(attempt.provider_name),
                "status": attempt.status,
                "error": clean_text(attempt.error),
                "detail": clean_text(attempt.detail),
                "started_ms": attempt.started_ms,
                "duration_ms": attempt.duration_ms,
                "waited_ms": attempt.waited_ms,
            }
            for attempt in attempts
        ]
    ).decode()


def tags_column(tags: bytes) -> str:
    """Tags as `jsonb` takes them: it knows no U+0000 and no halves of surrogate pairs."""
    if not tags:
        return "{}"
    if not may_hold_unfit_escapes(tags):
        return tags.decode()
    # The standard parser, because it takes halves of surrogate pairs.
    parsed = json.loads(tags)
    cleaned = {clean_text(key): clean_text(value) for key, value in parsed.items()}
    return orjson.dumps(cleaned).decode()


def _text(text: str) -> str | None:
    """What an optional text column gets: nothing for nothing."""
    return clean_text(text) if text else None


def _name(text: str) -> str:
    """A name in an index, whose entries have a limited size; callers may invent model names."""
    return clean_text(text[:LONGEST_NAME])


def _response_id(decoded: Decoded | None) -> str | None:
    """The provider's id, in an index too; what is no id in length is none."""
    if decoded is None or not 0 < len(decoded.response_id) <= LONGEST_NAME:
        return None
    return clean_text(decoded.response_id)


def _int(value: int | None) -> int | None:
    """A time for an `integer` column, which ends at 24 days."""
    return None if value is None else min(value, LARGEST_INT)


def _count(value: int | None) -> int | None:
    """A provider's count; one that no `integer` can hold is no count."""
    return None if value is None or value > LARGEST_INT else value
