"""What callers are told when all attempts failed."""

from __future__ import annotations

import pytest

from proxy.errors import (
    RewriteFailed,
    TimeoutScope,
    UpstreamClientError,
    UpstreamError,
    UpstreamGarbage,
    UpstreamReset,
    UpstreamStatus,
    UpstreamTimeout,
)
from proxy.services.failures import describe, describe_in_stream, describe_one, describe_variant
from proxy.services.infer_call import VariantFailure
from proxy.services.leg import Failure


def _failure(provider: str, text: str = "no") -> Failure:
    return Failure("v", provider, "dummy", UpstreamClientError(text))


def test_providers_stand_in_the_order_in_which_they_were_tried() -> None:
    text = describe_variant([_failure("p", "one"), _failure("q", "two")])
    assert text == (
        "All model providers failed to infer with errors: p: Error from dummy client: one, "
        "q: Error from dummy client: two"
    )


def test_repeats_are_told_apart() -> None:
    text = describe_variant([_failure("p"), _failure("q"), _failure("p"), _failure("q")])
    assert text.startswith("All retries failed with errors: All model providers failed")
    assert text.count("All model providers failed") == 2


def test_a_providers_answer_is_told_with_its_status() -> None:
    error = UpstreamStatus(400, (), b"bad")
    text = describe_variant([Failure("v", "p", "openai", error)])
    assert text.endswith("p: Error 400 Bad Request from openai client: bad")


def test_an_error_of_a_server_is_told_as_such() -> None:
    error = UpstreamStatus(503, (), b"busy")
    text = describe_variant([Failure("v", "p", "openai", error)])
    assert text.endswith("p: Error from openai server: busy")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (
            "Model provider",
            "All model providers failed to infer with errors: p: Model provider x timed out due to "
            "configured `non_streaming.total_ms` timeout (300ms)",
        ),
        ("Model", "Model x timed out due to configured `non_streaming.total_ms` timeout (300ms)"),
        (
            "Variant",
            "Variant `x` timed out due to configured `non_streaming.total_ms` timeout (300ms)",
        ),
    ],
)
def test_a_limit_is_told_with_its_name(kind: str, text: str) -> None:
    error = UpstreamTimeout("total", 0.3)
    error.scope = TimeoutScope(kind, "x", "non_streaming.total_ms", 0.3)
    assert describe_variant([Failure("v", "p", "openai", error)]) == text


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (UpstreamGarbage("no JSON"), "Error from openai server: no JSON"),
        (UpstreamReset("closed"), "Error from openai server: closed"),
        (RewriteFailed("Error replacing extra body: x"), "Error replacing extra body: x"),
    ],
)
def test_what_a_provider_did_wrong_is_told_as_its_own_fault(
    error: UpstreamError, text: str
) -> None:
    assert describe_one(Failure("v", "p", "openai", error)) == text


def test_what_breaks_a_stream_off_is_told_as_its_end() -> None:
    closed = "Inference stream closed due to error from openai server: "
    broken = Failure("v", "p", "openai", UpstreamReset("closed"))
    assert describe_in_stream(broken) == f"{closed}closed"
    silent = UpstreamTimeout("idle", 5)
    assert describe_in_stream(Failure("v", "p", "openai", silent)) == f"{closed}{silent}"
    late = UpstreamTimeout("total", 0.3)
    late.scope = TimeoutScope("Variant", "v", "streaming.total_ms", 0.3)
    assert describe_in_stream(Failure("v", "p", "openai", late)) == (
        "Variant `v` timed out due to configured `streaming.total_ms` timeout (300ms)"
    )


def test_an_error_after_which_a_stream_goes_on_is_told_as_itself() -> None:
    error = UpstreamGarbage("a chunk cannot be read")
    told = describe_in_stream(Failure("v", "p", "openai", error))
    assert told == "Error from openai server: a chunk cannot be read"


def test_variants_stand_on_lines_of_their_own() -> None:
    failed = [VariantFailure("a", "one"), VariantFailure("b", "two")]
    assert describe(failed, bare=False) == "All variants failed with errors: a: one\nb: two"


def test_a_pinned_variant_is_not_named() -> None:
    assert describe([VariantFailure("a", "one")], bare=True) == "one"
