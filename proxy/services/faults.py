"""Errors of providers, read by those who know the provider's protocol."""

from __future__ import annotations

from proxy.errors import UpstreamError, UpstreamStatus
from proxy.providers.base import Provider, answers_neutrally


def explain(error: UpstreamError | None, provider: Provider) -> None:
    """Note in an HTTP answer that is an error what it says."""
    if answers_neutrally(provider) or not isinstance(error, UpstreamStatus) or error.fault:
        return
    error.fault = provider.read_error(error.status or 0, error.headers, error.body)
