"""Signatures of requests to AWS: as published, and as botocore makes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from proxy.errors import UpstreamUnsupported
from proxy.net.sigv4 import UNSIGNED_HEADERS, seal_with, sign
from proxy.types.ports import Headers, Limits, OutgoingRequest
from proxy.types.secrets import AwsAccess

NO_LIMITS = Limits(None, None, None, None)
THEN = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
ACCESS = AwsAccess(
    "us-east-1",
    access_key_id="AKIDEXAMPLE",
    secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
)
TOKEN = "made/up+session+token=="
UNRESERVED = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
FORM = "application/x-www-form-urlencoded"

GET, POST = (
    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ("5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
)
VECTORS: list[tuple[str, str, str, list[tuple[str, str]], str, str]] = [
    ("vanilla", "GET", "/", [], "", GET),
    (
        "header-key-duplicate",
        "GET",
        "/",
        [("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")],
        "",
        "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
    ),
    (
        "header-value-order",
        "GET",
        "/",
        [("My-Header1", f"value{number}") for number in (4, 1, 3, 2)],
        "",
        "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
    ),
    (
        "header-value-trim",
        "GET",
        "/",
        [("My-Header1", " value1"), ("My-Header2", ' "a   b   c"')],
        "",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    ),
    (
        "unreserved",
        "GET",
        f"/{UNRESERVED}",
        [],
        "",
        "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
    ),
    (
        "utf8",
        "GET",
        "/ሴ",
        [],
        "",
        "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
    ),
    (
        "query-empty-key",
        "GET",
        "/?Param1=value1",
        [],
        "",
        "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
    ),
    (
        "query-order-encoded",
        "GET",
        "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
        [],
        "",
        "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
    ),
    (
        "query-order-key-case",
        "GET",
        "/?Param2=value2&Param1=value1",
        [],
        "",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    (
        "query-order-key",
        "GET",
        "/?Param1=value2&Param1=Value1",
        [],
        "",
        "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1",
    ),
    (
        "query-order-value",
        "GET",
        "/?Param1=value2&Param1=value1",
        [],
        "",
        "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694",
    ),
    (
        "query-unreserved",
        "GET",
        f"/?{UNRESERVED}={UNRESERVED}",
        [],
        "",
        "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
    ),
    (
        "query-utf8",
        "GET",
        "/?%E1%88%B4=bar",
        [],
        "",
        "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
    ),
    ("relative-relative", "GET", "/example1/example2/../..", [], "", GET),
    ("relative", "GET", "/example/..", [], "", GET),
    ("slash-dot-slash", "GET", "/./", [], "", GET),
    (
        "slash-pointless-dot",
        "GET",
        "/./example",
        [],
        "",
        "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5",
    ),
    ("slash", "GET", "//", [], "", GET),
    (
        "slashes",
        "GET",
        "//example//",
        [],
        "",
        "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
    ),
    (
        "space",
        "GET",
        "/example space/",
        [],
        "",
        "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
    ),
    (
        "special-character",
        "GET",
        "/example/$delete",
        [],
        "",
        "a853c9b21b528b19643d00910d35b83a10c366a10833ceefb45edd6c80e40f27",
    ),
    ("post", "POST", "/", [], "", POST),
    (
        "post-header-key-sort",
        "POST",
        "/",
        [("My-Header1", "value1")],
        "",
        "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
    ),
    (
        "post-header-value-case",
        "POST",
        "/",
        [("My-Header1", "VALUE1")],
        "",
        "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
    ),
    (
        "post-query",
        "POST",
        "/?Param1=value1",
        [],
        "",
        "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
    ),
    (
        "post-form-parameters",
        "POST",
        "/",
        [("Content-Type", f"{FORM}; charset=utf8")],
        "Param1=value1",
        "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe",
    ),
    (
        "post-form",
        "POST",
        "/",
        [("Content-Type", FORM)],
        "Param1=value1",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
]
"""AWS' test suite for signature version 4, without what differs only in how a file is read."""


def asked(method: str, url: str, headers: Headers = (), body: bytes = b"") -> OutgoingRequest:
    return OutgoingRequest(method, url, "o", headers, body, NO_LIMITS, lambda: False)


def header(request: OutgoingRequest, name: str) -> str:
    [value] = [value for key, value in request.headers if key == name]
    return value


@pytest.mark.parametrize(
    ("method", "target", "headers", "body", "signature"),
    [vector[1:] for vector in VECTORS],
    ids=[vector[0] for vector in VECTORS],
)
def test_published_vectors_are_met(
    method: str, target: str, headers: list[tuple[str, str]], body: str, signature: str
) -> None:
    request = asked(method, f"https://example.amazonaws.com{target}", headers, body.encode())
    signed = sign(request, ACCESS, "service", THEN)
    assert header(signed, "Authorization").endswith(f"Signature={signature}")
    assert header(signed, "X-Amz-Date") == "20150830T123600Z"


def test_the_token_of_a_session_is_signed_with_the_rest() -> None:
    access = AwsAccess(
        "us-east-1",
        access_key_id=ACCESS.access_key_id,
        secret_access_key=ACCESS.secret_access_key,
        session_token=TOKEN,
    )
    request = asked("POST", "https://example.amazonaws.com/")
    signed = sign(request, access, "service", THEN)
    theirs = by_botocore(request, access, "service", THEN)
    assert header(signed, "X-Amz-Security-Token") == TOKEN
    assert header(signed, "Authorization") == theirs["Authorization"]


def test_the_call_of_the_documentation_has_the_signature_that_it_shows() -> None:
    request = asked(
        "GET",
        "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
        [("Content-Type", f"{FORM}; charset=utf-8")],
    )
    assert header(sign(request, ACCESS, "iam", THEN), "Authorization") == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    )


def by_botocore(
    request: OutgoingRequest, access: AwsAccess, service: str, now: datetime
) -> dict[str, Any]:
    """The headers of the same request when botocore has signed it."""
    auth = pytest.importorskip("botocore.auth")
    from botocore.compat import HTTPHeaders
    from botocore.credentials import ReadOnlyCredentials

    headers = HTTPHeaders()
    for name, value in request.headers:
        headers.add_header(name, value)
    theirs = SimpleNamespace(
        method=request.method,
        url=request.url,
        headers=headers,
        body=request.body,
        params={},
        context={"timestamp": now.astimezone(UTC).strftime(auth.SIGV4_TIMESTAMP)},
    )
    keys = ReadOnlyCredentials(access.access_key_id, access.secret_access_key, access.session_token)
    signer = auth.SigV4Auth(keys, service, access.region)
    signer._modify_request_before_signing(theirs)
    said = signer.string_to_sign(theirs, signer.canonical_request(theirs))
    signer._inject_signature_to_request(theirs, signer.signature(said, theirs))
    return dict(headers.items())


NAMES = st.sampled_from(
    [
        "Content-Type",
        "content-type",
        "Accept",
        "Accept-Encoding",
        "X-Custom",
        "x-amz-date",
        "x-amz-meta",
        "X-Amz-Security-Token",
        "Date",
        "Authorization",
        "User-Agent",
        "traceparent",
        "Connection",
        "Host",
    ]
)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
SEGMENTS = st.one_of(
    st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), max_size=12),
    st.sampled_from(["", ".", "..", "a:b", "arn:aws:x/y", "~", "a b", "%2F", "é"]),
)
PAIRS = st.tuples(SEGMENTS, SEGMENTS)
HOSTS = st.sampled_from(
    [
        "https://bedrock-runtime.us-east-1.amazonaws.com",
        "http://localhost:8080",
        "https://example.com:443",
        "http://[::1]:9000",
        "https://EXAMPLE.com:8443",
    ]
)


@st.composite
def requests(draw: st.DrawFn) -> OutgoingRequest:
    path = "/".join(quote(segment, safe="%:~.") for segment in draw(st.lists(SEGMENTS)))
    query = "&".join(
        f"{quote(key)}={quote(value)}" if value else quote(key)
        for key, value in draw(st.lists(PAIRS, max_size=4))
    )
    url = f"{draw(HOSTS)}/{path}" + (f"?{query}" if query else "")
    headers: dict[str, tuple[str, str]] = {}
    for name, value in draw(st.lists(st.tuples(NAMES, VALUES), max_size=6)):
        headers.setdefault(name.lower(), (name, value.strip()))
    method = draw(st.sampled_from(["GET", "POST", "post"]))
    return asked(method, url, list(headers.values()), draw(st.binary(max_size=60)))


ACCESSES = st.builds(
    AwsAccess,
    region=st.sampled_from(["us-east-1", "eu-central-1"]),
    access_key_id=st.sampled_from(["AKIDEXAMPLE", "ASIA"]),
    secret_access_key=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1),
    session_token=st.one_of(st.none(), st.sampled_from(["token", "to/ken=="])),
)


@settings(max_examples=400, deadline=None)
@given(requests(), ACCESSES, st.datetimes(datetime(2001, 1, 1), datetime(2099, 1, 1)))
def test_any_request_is_signed_as_botocore_signs_it(
    request: OutgoingRequest, access: AwsAccess, naive: datetime
) -> None:
    now = naive.replace(tzinfo=UTC)
    ours = dict(sign(request, access, "bedrock", now).headers)
    assert ours == by_botocore(request, access, "bedrock", now)


def test_a_time_of_another_zone_is_that_of_greenwich() -> None:
    later = THEN.astimezone(timezone(timedelta(hours=9)))
    request = asked("GET", "https://example.amazonaws.com/")
    assert sign(request, ACCESS, "x", later).headers == sign(request, ACCESS, "x", THEN).headers


def test_what_proxies_may_change_is_not_signed() -> None:
    headers = [(name, "x") for name in sorted(UNSIGNED_HEADERS)]
    signed = sign(asked("GET", "https://example.com/", headers), ACCESS, "x", THEN)
    assert "SignedHeaders=host;x-amz-date," in header(signed, "Authorization")


def test_an_upload_cannot_be_signed() -> None:
    request = asked("POST", "https://example.com/")
    with pytest.raises(UpstreamUnsupported, match="upload"):
        sign(replaced(request, body=SimpleNamespace()), ACCESS, "x", THEN)


def replaced(request: OutgoingRequest, **values: Any) -> OutgoingRequest:
    from dataclasses import replace

    return replace(request, **values)


def test_what_is_sealed_is_spelled_as_it_is_sent() -> None:
    """A client of HTTP spells `%3A` in a path as `:`; signed is what the server will see."""
    request = asked("POST", "https://example.com/model/a.b-v1%3A0/converse", (), b"{}")
    sealed = replaced(request, seal=seal_with(ACCESS, "bedrock", lambda: THEN)).sealed()
    assert urlsplit(sealed.url).path == "/model/a.b-v1:0/converse" == URL(sealed.url).raw_path
    assert sealed.seal is None
    again = sign(replaced(request, url=sealed.url), ACCESS, "bedrock", THEN)
    assert again.headers == sealed.headers


def test_a_seal_without_a_clock_says_the_present() -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    sealed = seal_with(ACCESS, "bedrock")(asked("GET", "https://example.com/"))
    stated = datetime.strptime(header(sealed, "X-Amz-Date"), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert before <= stated <= datetime.now(UTC)


def test_secrets_are_in_no_header_but_as_a_signature() -> None:
    signed = sign(asked("GET", "https://example.com/"), ACCESS, "x", THEN)
    assert all(ACCESS.secret_access_key not in value for _, value in signed.headers)
