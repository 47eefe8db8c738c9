"""Raw data of providers for callers who asked for it, as entries of both APIs' lists."""

from __future__ import annotations

from collections.abc import Sequence

from proxy.errors import UpstreamClientError, UpstreamError, UpstreamStatus
from proxy.services.infer_call import MadeCall, Served
from proxy.services.leg import Failure
from proxy.wire.envelope.response import NULL, RawSource, raw_usage_in


def failed_bodies(served: Served | None) -> list[bytes]:
    """Entries of the attempts that failed with a body."""
    if served is None:
        return []
    found = ((failure, body_of(failure.error)) for failure in served.failures)
    return [RawSource(failure.provider_type).entry(body) for failure, body in found if body]


def raw_responses(calls: Sequence[MadeCall]) -> list[bytes]:
    """Entries of what providers answered."""
    return [source_of(call).entry(call.raw_response) for call in calls]


def raw_usages(calls: Sequence[MadeCall]) -> list[bytes]:
    """Entries of what providers said of tokens; none of those that can say it and did not."""
    return [
        source_of(call).usage_entry(call.raw_response)
        for call in calls
        if not call.over_http or raw_usage_in(call.raw_response) != NULL
    ]


def source_of(call: MadeCall) -> RawSource:
    return RawSource(
        call.provider_type, call.model_inference_id, call.api_type, tells_usage=call.over_http
    )


def served_source(served: Served) -> RawSource:
    """Where the chunks of a stream come from."""
    return RawSource(
        served.provider_type,
        served.model_inference_id,
        served.api_type,
        tells_usage=served.over_http,
    )


def failure_of(served: Served, error: UpstreamError) -> Failure:
    """An error in the middle of what is being served."""
    return Failure(served.variant_name, served.provider_name, served.provider_type, error)


def body_of(error: UpstreamError) -> str | None:
    """What the provider said, if it said anything."""
    if isinstance(error, UpstreamStatus):
        return error.body.decode("utf-8", "replace") or None
    if isinstance(error, UpstreamClientError):
        return error.raw_response
    return None
