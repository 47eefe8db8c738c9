"""Every error that crosses a package boundary, in one tree.

    ZeroProxyError
    ├── ConfigError                  the configuration cannot be used; carries all problems found
    ├── StartupError                 the process cannot start (port taken, database unreachable, …)
    │   ├── DatabaseUnreachable
    │   ├── MigrationFailed
    │   └── EmbeddedPostgresError
    ├── RequestError                 the caller's fault; never retried
    │   ├── InvalidRequest           400
    │   │   └── Unrenderable         this variant's templates cannot take it; others' may
    │   ├── Unauthorized             401
    │   ├── Forbidden                403
    │   ├── NotFound                 404
    │   ├── MethodNotAllowed         405
    │   ├── PayloadTooLarge          413
    │   └── NotSupported             501: understood, named, not built or switched off
    ├── UpstreamError                an attempt at a provider that failed
    │   ├── UpstreamStatus           it answered with an HTTP error
    │   ├── UpstreamErrorInBody      it answered 200 with an error inside
    │   ├── UpstreamConnectError     no connection could be made
    │   ├── UpstreamReset            the connection broke before the answer was whole
    │   ├── UpstreamTimeout          a configured limit passed; `.limit` names it
    │   ├── UpstreamClientError      a provider without HTTP failed, in its own words
    │   │   └── RewriteFailed        the request for it could not be changed as the rules say
    │   ├── UpstreamGarbage          bytes that are no answer in the provider's protocol
    │   ├── UpstreamUnsupported      what is asked cannot be said in this provider's protocol
    │   │   └── UpstreamUnserved     this provider has nothing that could serve such a call
    │   └── CredentialMissing        the configured credential has no value for this call
    ├── VariantFailed                one variant, or a part of one, has no answer; another may
    │   └── CandidatesFailed         none of those whose answers it wanted has one
    ├── AllVariantsFailed            every variant was tried; carries the attempts
    ├── RecordingError
    │   ├── RecordingRefused         the journal is at its bound and the policy is `refuse`
    │   └── JournalFailed            the disk refused a record
    └── StoreUnavailable             Postgres cannot be asked just now

Only `http/errors.py` knows status codes and bodies. A foreign exception is mapped once, where it
enters.
"""

from __future__ import annotations

from dataclasses import dataclass

from proxy.types.fault import Fault


class ZeroProxyError(Exception):
    """Base of all errors of this program. `str(error)` is fit to be shown to its reader."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a configuration: where it stands, what it is and what to do about it."""

    file: str
    key: str
    message: str
    remedy: str

    def __str__(self) -> str:
        where = f"{self.file}: {self.key}" if self.key else self.file
        return f"{where}: {self.message}\n    remedy: {self.remedy}"


class ConfigError(ZeroProxyError):
    """The configuration cannot be used. `problems` has every fault that was found."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class StartupError(ZeroProxyError):
    """The process cannot start; the message says what to do."""


class DatabaseUnreachable(StartupError):
    """The database does not answer at the address given."""


class MigrationFailed(StartupError):
    """A migration was refused by Postgres."""


class EmbeddedPostgresError(StartupError):
    """The embedded Postgres could not be initialised, started or stopped."""


class RequestError(ZeroProxyError):
    """The caller's fault. `param` names the field, `code` is a stable word, where there are."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        self.code = code


class InvalidRequest(RequestError):
    """The request is malformed or asks for something impossible."""


class Unrenderable(InvalidRequest):
    """One variant's templates cannot be rendered with what was sent; another variant's may.

    `param` is the place, such as `input.messages[0].content[0]`.
    """


class Unauthorized(RequestError):
    """No key, or one that is not known here."""


class Forbidden(RequestError):
    """Known, but not allowed to do this."""


class NotFound(RequestError):
    """There is no such route, function, model, variant or metric."""


class MethodNotAllowed(RequestError):
    """The route exists, but not for this method."""

    def __init__(self, message: str, *, allowed: tuple[str, ...]) -> None:
        super().__init__(message)
        self.allowed = allowed


class PayloadTooLarge(RequestError):
    """The body is larger than the configured limit."""


class NotSupported(RequestError):
    """Understood, but not available here; the message names it."""


class UpstreamError(ZeroProxyError):
    """An attempt at a provider that failed. `kind` is the word that rows and metrics carry."""

    kind = "upstream_error"
    status: int | None = None


class UpstreamStatus(UpstreamError):
    """The provider answered with an HTTP error. `headers` and `body` are its own, relayable."""

    kind = "status"

    def __init__(
        self, status: int, headers: tuple[tuple[str, str], ...] = (), body: bytes = b""
    ) -> None:
        super().__init__(f"the provider answered {status}")
        self.status = status
        self.headers = headers
        self.body = body
        self.fault: Fault | None = None
        """What it says, once those who know the provider's protocol have read it."""


class UpstreamErrorInBody(UpstreamStatus):
    """The provider answered 200 (or opened a stream) and put an error into it."""

    kind = "error_in_body"


class UpstreamConnectError(UpstreamError):
    """No connection could be made: refused, unreachable, name unknown, TLS failed."""

    kind = "connect"


class UpstreamReset(UpstreamError):
    """The connection broke before the answer was whole."""

    kind = "reset"


@dataclass(frozen=True, slots=True)
class TimeoutScope:
    """A configured limit: of a `Variant`, a `Model` or a `Model provider`."""

    kind: str
    name: str
    key: str
    """Such as `non_streaming.total_ms`."""
    seconds: float


class UpstreamTimeout(UpstreamError):
    """A configured limit passed. `limit` is `connect`, `total`, `first_token` or `idle`."""

    kind = "timeout"

    def __init__(self, limit: str, seconds: float, where: str = "") -> None:
        super().__init__(f"{where or 'the provider'} passed its {limit} limit of {seconds:g} s")
        self.limit = limit
        self.seconds = seconds
        self.scope: TimeoutScope | None = None
        """Whose limit it was, where the configuration has one for a part of the call."""


class UpstreamGarbage(UpstreamError):
    """Bytes that are no answer in the provider's protocol."""

    kind = "garbage"


class UpstreamClientError(UpstreamError):
    """A provider that is not asked over HTTP failed. The raw texts are what it sent and got."""

    kind = "client"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        raw_request: str | None = None,
        raw_response: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.raw_request = raw_request
        self.raw_response = raw_response


class RewriteFailed(UpstreamClientError):
    """A rule for the provider's request has nothing to write into."""

    def __init__(self, message: str) -> None:
        super().__init__(message, status=400)


class UpstreamUnsupported(UpstreamError):
    """What is asked cannot be said in this provider's protocol; the text names it."""

    kind = "unsupported"


class UpstreamUnserved(UpstreamUnsupported):
    """This provider has nothing that could serve such a call."""


class CredentialMissing(UpstreamError):
    """The configured credential has no value for this call."""

    kind = "credential"


class VariantFailed(ZeroProxyError):
    """A variant, one of its candidates, or its judge gave no answer. The text says why."""


class CandidatesFailed(VariantFailed):
    """None of a variant's candidates gave an answer."""


class AllVariantsFailed(ZeroProxyError):
    """Every variant that could be tried has failed; `last` is the error of the last attempt.

    `exhausted` says that we have already retried ourselves; `inference_id` names the record;
    `status` is what TensorZero's API answers.
    """

    def __init__(
        self,
        message: str,
        last: UpstreamError | None,
        *,
        exhausted: bool = False,
        inference_id: str = "",
        status: int = 502,
    ) -> None:
        super().__init__(message)
        self.last = last
        self.exhausted = exhausted
        self.inference_id = inference_id
        self.status = status


class RecordingError(ZeroProxyError):
    """A finished exchange could not be made safe."""


class RecordingRefused(RecordingError):
    """The journal is at its bound and the configured policy is `refuse`."""


class JournalFailed(RecordingError):
    """The disk refused a record."""


class StoreUnavailable(ZeroProxyError):
    """Postgres cannot be asked just now; the caller decides whether that matters."""
