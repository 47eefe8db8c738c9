"""The row of `exchanges`, and what all rows of an exchange have in common."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from proxy.store.bodies import Bodies
from proxy.store.clean import clean_text
from proxy.store.row_values import (
    LONGEST_NAME,
    Row,
    duration,
    indexed_name,
    optional_text,
    tags_column,
)
from proxy.types.exchange import Attempt, Exchange
from proxy.types.ids import id_time

DEFAULT_FUNCTION = "tensorzero::default"


@dataclass(frozen=True, slots=True)
class Heading:
    """What the rows of an exchange have in common."""

    id: UUID
    episode_id: UUID
    created_at: datetime
    function_name: str
    variant_name: str
    tags: str
    snapshot_hash: bytes | None


def heading_of(exchange: Exchange) -> Heading:
    """Raises ValueError: an id is no UUID, or the tags are no JSON."""
    identifier = UUID(bytes=exchange.id)
    named = bool(exchange.function_name)
    return Heading(
        id=identifier,
        episode_id=UUID(bytes=exchange.episode_id),
        created_at=id_time(identifier),
        function_name=indexed_name(exchange.function_name) if named else DEFAULT_FUNCTION,
        variant_name=indexed_name(exchange.variant_served if named else exchange.model_name),
        tags=tags_column(exchange.tags),
        snapshot_hash=exchange.config_hash or None,
    )


def exchange_row(
    exchange: Exchange,
    heading: Heading,
    bodies: Bodies,
    *,
    response_id: str,
    usage_found: bool,
    whole: bool,
) -> Row:
    """`response_id` is the provider's; `whole` says whether all of the answer was stored."""
    return {
        "id": heading.id,
        "episode_id": heading.episode_id,
        "created_at": heading.created_at,
        "method": clean_text(exchange.method),
        "path": clean_text(exchange.path),
        "endpoint": clean_text(exchange.endpoint),
        "lane": exchange.lane,
        "relay": optional_text(exchange.relay),
        "stream": exchange.stream,
        "status": exchange.status,
        "end_reason": exchange.end_reason,
        "error": optional_text(exchange.error),
        "function_name": optional_text(exchange.function_name),
        "variant_assigned": optional_text(exchange.variant_assigned),
        "variant_served": optional_text(exchange.variant_served),
        "variant_pinned": exchange.variant_pinned,
        "model_name": optional_text(exchange.model_name),
        "provider_name": optional_text(exchange.provider_name),
        "tags": heading.tags,
        "attempt_count": len(exchange.attempts),
        "attempts": _attempts(exchange.attempts),
        "processing_time_ms": duration(exchange.processing_time_ms),
        "ttft_ms": duration(exchange.ttft_ms),
        "overhead_us": duration(exchange.overhead_us),
        "usage_source": "provider" if usage_found else "none",
        "output_complete": whole,
        "user_agent": optional_text(exchange.user_agent),
        "api_key_name": optional_text(exchange.api_key_name),
        "snapshot_hash": heading.snapshot_hash,
        "upstream_request_id": optional_text(exchange.upstream_request_id),
        "provider_response_id": _response_id(response_id),
        "request_body": bodies.request_body,
        "request_bytes": exchange.request_bytes,
        "request_sha256": exchange.request_sha256 or None,
        "response_body": bodies.response_body,
        "response_bytes": exchange.response_bytes,
        "response_sha256": exchange.response_sha256 or None,
        "response_content_type": optional_text(exchange.response_content_type),
        "request_parts": clean_text(exchange.request_parts.decode()) or None,
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
                "fault": clean_text(attempt.fault),
                "detail": clean_text(attempt.detail),
                "started_ms": attempt.started_ms,
                "duration_ms": attempt.duration_ms,
                "waited_ms": attempt.waited_ms,
            }
            for attempt in attempts
        ]
    ).decode()


def _response_id(response_id: str) -> str | None:
    """The provider's id, in an index too; what is no id in length is none."""
    return clean_text(response_id) if 0 < len(response_id) <= LONGEST_NAME else None
