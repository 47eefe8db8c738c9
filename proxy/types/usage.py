"""What a model call consumed."""

from __future__ import annotations

from collections.abc import Sequence

from proxy.types.immutable import immutable


@immutable
class Usage:
    """Counts in tokens; None is unknown, which is not 0."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read: int | None = None
    """Input tokens that the provider took from its cache; part of `input_tokens` or beside them,
    as the provider counts."""
    cache_write: int | None = None
    reasoning: int | None = None
    """Output tokens spent on thoughts, as the provider counts."""

    @property
    def known(self) -> bool:
        """Whether the provider said anything about tokens."""
        return self.input_tokens is not None or self.output_tokens is not None

    def updated(self, later: Usage) -> Usage:
        """This, with what a later report says; running counts in a stream are cumulative, so of
        each the largest holds."""
        return Usage(
            _larger(self.input_tokens, later.input_tokens),
            _larger(self.output_tokens, later.output_tokens),
            _larger(self.cache_read, later.cache_read),
            _larger(self.cache_write, later.cache_write),
            _larger(self.reasoning, later.reasoning),
        )


NO_USAGE = Usage()


def total_usage(usages: Sequence[Usage]) -> Usage:
    """What several calls consumed together. One that did not tell its tokens leaves the sum
    unknown; of caches and thoughts, what is known counts."""
    return Usage(
        _sum([each.input_tokens for each in usages], needed=True),
        _sum([each.output_tokens for each in usages], needed=True),
        _sum([each.cache_read for each in usages], needed=False),
        _sum([each.cache_write for each in usages], needed=False),
        _sum([each.reasoning for each in usages], needed=False),
    )


def _sum(counts: Sequence[int | None], *, needed: bool) -> int | None:
    known = [count for count in counts if count is not None]
    if not known or (needed and len(known) < len(counts)):
        return None
    return sum(known)


def _larger(earlier: int | None, later: int | None) -> int | None:
    if earlier is None or later is None:
        return earlier if later is None else later
    return max(earlier, later)
