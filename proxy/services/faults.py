"""Errors of providers, read by those who know the provider's protocol."""

from __future__ import annotations

from proxy.errors import UpstreamError, UpstreamStatus
from proxy.providers.base import HttpProvider, Provider, answers_neutrally


def explain(error: UpstreamError | None, provider: Provider) -> None:
    """Note in an HTTP answer that is an error what it says."""
    if isinstance(error, UpstreamStatus) and error.fault is None:
        if answers_neutrally(provider):
            return
        asked: HttpProvider = provider
        error.fault = asked.read_error(error.status or 0, error.headers, error.body)
