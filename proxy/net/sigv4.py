"""Signatures of requests to AWS, version 4.

The rules are those of docs.aws.amazon.com, "Create a signed AWS API request", for services other
than S3: the path is encoded once more, and its dot segments and doubled slashes are removed. It is
our own chain of HMACs, because one is made for every request and the vendor's library takes more
than twice as long for it; the tests hold it against that library and the published vectors.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import formatdate
from hashlib import sha256
from urllib.parse import SplitResult, quote, urlsplit

from yarl import URL

from proxy.errors import UpstreamUnsupported
from proxy.types.ports import Headers, OutgoingRequest
from proxy.types.secrets import AwsAccess

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_HEADERS = frozenset(
    {
        "baggage",
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-amzn-trace-id",
    }
)
"""What stands between us and AWS may change these."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


def seal_with(
    access: AwsAccess, service: str, clock: Callable[[], datetime] | None = None
) -> Callable[[OutgoingRequest], OutgoingRequest]:
    """An `OutgoingRequest.seal` that signs the request as it stands then."""

    def seal(request: OutgoingRequest) -> OutgoingRequest:
        # The transport spells a URL in its own way: what is signed must be what is sent.
        spelled = replace(request, url=str(URL(request.url)), seal=None)
        return sign(spelled, access, service, (clock or _now)())

    return seal


def _now() -> datetime:
    return datetime.now(UTC)


def sign(
    request: OutgoingRequest, access: AwsAccess, service: str, now: datetime
) -> OutgoingRequest:
    """The request with `X-Amz-Date`, the session's token if there is one, and `Authorization`.

    All headers that the request has by now are signed, but for `UNSIGNED_HEADERS`. `now` is aware
    of its time zone.

    Raises:
        UpstreamUnsupported: the body is not in memory.
    """
    if not isinstance(request.body, bytes):
        raise UpstreamUnsupported("an upload cannot be signed")
    now = now.astimezone(UTC)
    moment = _moment(now)
    headers = _before_signing(request.headers, access, now)
    url = urlsplit(request.url)
    signed = _canonical_headers(headers, url)
    names = ";".join(name for name, _ in signed)
    canonical = "\n".join(
        (
            request.method.upper(),
            _canonical_path(url.path),
            _canonical_query(url.query),
            *(f"{name}:{value}" for name, value in signed),
            "",
            names,
            _stated_hash(headers) or sha256(request.body).hexdigest(),
        )
    )
    scope = f"{moment[:8]}/{access.region}/{service}/aws4_request"
    said = f"{ALGORITHM}\n{moment}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(_key(access.secret_access_key, scope), said.encode(), sha256).hex()
    credential = f"{ALGORITHM} Credential={access.access_key_id}/{scope}"
    authorization = f"{credential}, SignedHeaders={names}, Signature={signature}"
    return replace(request, headers=(*headers, ("Authorization", authorization)))


def _before_signing(headers: Headers, access: AwsAccess, now: datetime) -> list[tuple[str, str]]:
    """The headers with those that are signed, too; one of `Date` and `X-Amz-Date` says when."""
    given = {name.lower() for name, _ in headers}
    replaced = {"authorization", "date", "x-amz-date"}
    ours = [("X-Amz-Date", _moment(now))]
    if "date" in given:
        ours = [("Date", formatdate(int(now.timestamp())))]
    if access.session_token:
        replaced.add("x-amz-security-token")
        ours.append(("X-Amz-Security-Token", access.session_token))
    return [*(pair for pair in headers if pair[0].lower() not in replaced), *ours]


def _moment(now: datetime) -> str:
    return now.strftime("%Y%m%dT%H%M%SZ")


def _canonical_headers(headers: Headers, url: SplitResult) -> list[tuple[str, str]]:
    """Names in lower case and in order; several values of one joined in the order they stand."""
    values: dict[str, list[str]] = {}
    for name, value in headers:
        lower = name.lower()
        if lower not in UNSIGNED_HEADERS:
            values.setdefault(lower, []).append(" ".join(value.split()))
    if "host" not in values:
        values["host"] = [_host(url)]
    return [(name, ",".join(values[name])) for name in sorted(values)]


def _host(url: SplitResult) -> str:
    host = url.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    if url.port is None or url.port == _DEFAULT_PORTS.get(url.scheme):
        return host
    return f"{host}:{url.port}"


def _canonical_path(path: str) -> str:
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            segments[-1:] = []
        elif segment not in ("", "."):
            segments.append(segment)
    clean = "/" + "/".join(segments)
    if segments and path.endswith("/"):
        clean += "/"
    return quote(clean, safe="/~")


def _canonical_query(query: str) -> str:
    if not query:
        return ""
    pairs = (pair.partition("=") for pair in query.split("&"))
    return "&".join(f"{key}={value}" for key, value in sorted((key, val) for key, _, val in pairs))


def _stated_hash(headers: Iterable[tuple[str, str]]) -> str:
    return next((value for name, value in headers if name.lower() == "x-amz-content-sha256"), "")


def _key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), sha256)
    return key
