"""What the caller of the envelope or of the native API is told when all attempts failed.

The sentences are TensorZero's.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from proxy.errors import (
    CandidatesFailed,
    CredentialMissing,
    InvalidRequest,
    NotSupported,
    RequestError,
    RewriteFailed,
    TimeoutScope,
    UpstreamError,
    UpstreamGarbage,
    UpstreamReset,
    UpstreamStatus,
    UpstreamTimeout,
    UpstreamUnserved,
    UpstreamUnsupported,
)
from proxy.services.infer_call import VariantFailure
from proxy.services.leg import Failure

BODY_CHARACTERS = 4096


def describe(failed: Sequence[VariantFailure], *, bare: bool) -> str:
    """One text of all failed variants, in their order; `bare`: without naming the variant."""
    if bare and len(failed) == 1:
        return failed[0].text
    joined = "\n".join(f"{each.variant_name}: {each.text}" for each in failed)
    return f"All variants failed with errors: {joined}"


def unsupported(error: UpstreamUnsupported) -> RequestError:
    """What the caller is told whom no provider could be asked for."""
    if isinstance(error, UpstreamUnserved):
        return NotSupported(str(error), param="model")
    return InvalidRequest(str(error))


def status_of(failed: Sequence[VariantFailure], last: UpstreamError | None, *, bare: bool) -> int:
    """The HTTP status, TensorZero's: `bare`, that of the one variant's own error. `last` is the
    error of the last attempt."""
    if not bare or isinstance(failed[-1].error, CandidatesFailed):
        return 502
    scope = last.scope if isinstance(last, UpstreamTimeout) else None
    return 408 if scope is not None and scope.kind != "Model provider" else 500


def describe_variant(failures: Sequence[Failure]) -> str:
    """What became of all attempts at one variant's model."""
    ended = _scope_of(failures[-1]) if failures else None
    if ended is not None and ended.kind == "Variant":
        return _passed(ended)
    rounds: list[list[Failure]] = [[]]
    for failure in failures:
        if any(each.provider_name == failure.provider_name for each in rounds[-1]):
            rounds.append([])
        rounds[-1].append(failure)
    texts = [_of_round(each) for each in rounds]
    return texts[0] if len(texts) == 1 else f"All retries failed with errors: {', '.join(texts)}"


def _of_round(failures: Sequence[Failure]) -> str:
    ended = _scope_of(failures[-1]) if failures else None
    if ended is not None and ended.kind == "Model":
        return _passed(ended)
    joined = ", ".join(f"{each.provider_name}: {describe_one(each)}" for each in failures)
    return f"All model providers failed to infer with errors: {joined}"


def describe_one(failure: Failure) -> str:
    """What one provider's failure was."""
    error = failure.error
    if isinstance(error, UpstreamStatus) and error.status is not None:
        body = error.body[:BODY_CHARACTERS].decode("utf-8", "replace")
        if error.status >= 500:
            return f"Error from {failure.provider_type} server: {body}"
        phrase = _phrase(error.status)
        return f"Error {error.status}{phrase} from {failure.provider_type} client: {body}"
    if isinstance(error, CredentialMissing):
        return str(error)
    if isinstance(error, RewriteFailed):
        return str(error)
    scope = _scope_of(failure)
    if scope is not None:
        return _passed(scope)
    if isinstance(error, UpstreamGarbage | UpstreamReset):
        return f"Error from {failure.provider_type} server: {error}"
    return f"Error{_status_text(error)} from {failure.provider_type} client: {error}"


def describe_in_stream(failure: Failure) -> str:
    """What went wrong in the middle of a stream, or broke it off."""
    error = failure.error
    if _scope_of(failure) is None and isinstance(error, UpstreamReset | UpstreamTimeout):
        return f"Inference stream closed due to error from {failure.provider_type} server: {error}"
    return describe_one(failure)


def _scope_of(failure: Failure) -> TimeoutScope | None:
    """The configured limit that ended the attempt, if one did."""
    return failure.error.scope if isinstance(failure.error, UpstreamTimeout) else None


def _passed(scope: TimeoutScope) -> str:
    name = f"`{scope.name}`" if scope.kind == "Variant" else scope.name
    limit = f"`{scope.key}` timeout ({as_duration(scope.seconds)})"
    return f"{scope.kind} {name} timed out due to configured {limit}"


def as_duration(seconds: float) -> str:
    """As TensorZero writes it: `300ms`, `1.5s`."""
    return f"{seconds:g}s" if seconds >= 1 else f"{seconds * 1000:g}ms"


def _status_text(error: UpstreamError) -> str:
    return "" if error.status is None else f" {error.status}{_phrase(error.status)}"


def _phrase(status: int) -> str:
    try:
        return " " + HTTPStatus(status).phrase
    except ValueError:
        return ""
