"""Small values of a configuration in their live form: limits in time, rules of rewriting."""

from __future__ import annotations

from collections.abc import Sequence

from proxy.config.schema import ExtraBodyRule, ExtraHeaderRule, Timeouts
from proxy.models.model import NO_LIMITS, TimeLimits
from proxy.models.rewrite import NO_REWRITES, HeaderRewrite, Rewrite, Rewrites, pointer_tokens


def time_limits(timeouts: Timeouts) -> TimeLimits:
    return known_limits(
        TimeLimits(
            seconds(timeouts.non_streaming.total_ms),
            seconds(timeouts.streaming.ttft_ms),
            seconds(timeouts.streaming.total_ms),
        )
    )


def known_limits(limits: TimeLimits) -> TimeLimits:
    """Where none is set, the one object by which that is known."""
    return NO_LIMITS if limits == NO_LIMITS else limits


def seconds(millis: int | None) -> float | None:
    return None if millis is None else millis / 1000


def rewrites_of(body: Sequence[ExtraBodyRule], headers: Sequence[ExtraHeaderRule]) -> Rewrites:
    if not (body or headers):
        return NO_REWRITES
    return Rewrites(
        tuple(Rewrite(pointer_tokens(rule.pointer), rule.value, rule.deletes) for rule in body),
        tuple(HeaderRewrite(rule.name, None if rule.deletes else rule.value) for rule in headers),
    )
