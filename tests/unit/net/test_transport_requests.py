"""What both transports write: the same bytes for the same request, header order aside."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from yarl import URL

from proxy.errors import UpstreamGarbage
from proxy.net.fast_transport.head import HeadWriter, destination_of
from tests.unit.net.transport_servers import (
    TRANSPORTS,
    Answer,
    read_request,
    request,
    sending,
    serving,
)

KINDS = sorted(TRANSPORTS)
NOTHING = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
PATHS = (
    "",
    "/",
    "/v1/chat/completions",
    "/v1/files/a b",
    "/v1/files/a%20b%2Fc%7Ed",
    "/v1/ä/€",
    "/v1/%C3%A4",
    "/v1/./a/../b//c",
    "/v1/a:b@c;d=e",
    "/v1?x=1&y=a b&z=ä",
    "/v1?x=%20+%2B&y=",
    "/v1?api-version=2025-04-01-preview",
    "/v1?",
    "/v1#part",
    "/model/anthropic.claude-3%3A0/converse",
    '/v1?q="<>`{}|\\^',
)


async def written(
    kind: str,
    *,
    method: str = "POST",
    path: str = "/v1/x",
    body: bytes = b"",
    headers: Sequence[tuple[str, str]] = (("X-A", "b"),),
    user: str = "",
) -> bytes:
    """All bytes of one request, as a server gets them; its port is PORT."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))
        writer.write(NOTHING)
        assert not await reader.read(), "more than a request"

    async with serving(serve) as base, sending(kind) as transport:
        answer = Answer()
        address = base.replace("//", "//" + user)
        await transport.send(
            request(address, body, method=method, path=path, headers=headers), answer
        )
        assert answer.error is None
        port = base.rpartition(":")[2].encode()
    return seen[0].replace(b":" + port, b":PORT")


def parts(raw: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Request line, headers in some order, body."""
    head, _, body = raw.partition(b"\r\n\r\n")
    line, *headers = head.split(b"\r\n")
    return line, sorted(headers), body


async def both(**options: object) -> bytes:
    """What the fast one writes; the other writes the same."""
    fast, other = [await written(kind, **options) for kind in ("fast", "aiohttp")]  # type: ignore[arg-type]
    assert parts(fast) == parts(other)
    return fast


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("body", [b"", b"abc"])
async def test_a_method_with_and_without_a_body(method: str, body: bytes) -> None:
    raw = await both(method=method, body=body)
    assert raw.endswith(b"\r\n\r\n" + body)
    said = b"Content-Length: %d\r\n" % len(body)
    assert (said in raw) is (bool(body) or method in ("POST", "PUT", "PATCH", "DELETE"))


@pytest.mark.parametrize("path", PATHS)
async def test_addresses_are_spelled_alike(path: str) -> None:
    raw = await both(path=path)
    spelled = URL("http://h" + path).raw_path_qs
    assert raw.startswith(b"POST %b HTTP/1.1\r\n" % spelled.encode())


PLAIN = [
    ("X-One", "1"),
    ("X-One", "2"),
    ("Content-Type", "application/json"),
    ("X-Empty", ""),
    ("X-Tab", "a\tb"),
    ("X-Text", "ä€😀"),
    ("Accept-Encoding", "identity"),
    ("Authorization", "Bearer k"),
]
ODD = [("X-Bytes", b"\xe4\xff".decode("utf-8", "surrogateescape")), ("x-one", "3")]
"""What aiohttp leaves out: bytes that are no text, and a name's first spelling of two."""


async def test_headers_go_out_as_they_are_and_nothing_is_added() -> None:
    await both(headers=PLAIN, body=b"{}")
    headers = [*PLAIN, *ODD]
    raw = await written("fast", headers=headers, body=b"{}")
    lines = raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
    told = [f"{name}: {value}".encode("utf-8", "surrogateescape") for name, value in headers]
    assert lines[1] == b"Host: 127.0.0.1:PORT"
    assert lines[2:] == [*told, b"Content-Length: 2"]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_request_may_have_no_headers(method: str) -> None:
    raw = await both(method=method, headers=[])
    assert raw.endswith(b"\r\n\r\n")
    assert raw.count(b"\r\n\r\n") == 1


async def test_a_host_of_ones_own_takes_the_place_of_the_usual() -> None:
    raw = await both(headers=[("X-A", "b"), ("Host", "models.example")])
    assert raw.lower().count(b"\r\nhost: ") == 1
    assert b"\r\nHost: models.example\r\n" in raw


async def test_a_user_in_the_address_is_shown_by_header_alone() -> None:
    raw = await both(user="me:s%40cret@", path="/v1")
    assert raw.startswith(b"POST /v1 HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n")
    assert b"Authorization: Basic bWU6c0BjcmV0\r\n" in raw


async def test_an_authorization_of_ones_own_is_the_only_one() -> None:
    raw = await written("fast", user="me:secret@", headers=[("authorization", "Bearer k")])
    assert raw.lower().count(b"authorization") == 1
    assert b"authorization: Bearer k\r\n" in raw


@pytest.mark.parametrize("name", ["Content-Length", "content-length", "Transfer-Encoding"])
async def test_what_frames_the_body_is_not_the_callers_to_say(name: str) -> None:
    headers = [("X-A", "b"), (name, "1"), ("X-C", "d")]
    raw = await written("fast", body=b"abc", headers=headers)
    head = raw.partition(b"\r\n\r\n")[0].lower()
    assert head.endswith(b"x-a: b\r\nx-c: d\r\ncontent-length: 3")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "header",
    [
        ("X-A", "b\r\nX-Evil: 1"),
        ("X-A", "b\nX-Evil: 1"),
        ("X-A", "b\rX-Evil: 1"),
        ("X-A", "b\0"),
        ("X-A\r\nX-Evil", "1"),
        ("X-A\n", "1"),
        ("X-A", "b\x7f"),
        ("X-A", "b\x1b[0m"),
        ("X-A", "\r\n\r\nGET /evil HTTP/1.1"),
    ],
)
async def test_a_header_that_would_be_more_than_one_is_refused(
    kind: str, header: tuple[str, str]
) -> None:
    heard = b""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        heard += await reader.read()

    async with serving(serve) as base, sending(kind) as transport:
        answer = Answer()
        await transport.send(request(base, headers=[("X-B", "c"), header]), answer)
        assert isinstance(answer.error, UpstreamGarbage)
    await asyncio.sleep(0)
    assert heard == b""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "address", ["ftp://127.0.0.1/", "127.0.0.1/v1", "http://", "http:///v1", "http://h:99999999/"]
)
async def test_an_address_of_no_server_is_refused(kind: str, address: str) -> None:
    async with sending(kind) as transport:
        answer = Answer()
        await transport.send(request(address, path=""), answer)
        assert isinstance(answer.error, UpstreamGarbage)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://h/", "h"),
        ("http://h:80/", "h"),
        ("http://h:443/", "h:443"),
        ("https://h:443/", "h"),
        ("https://h:80/", "h:80"),
        ("https://H.Example/", "h.example"),
        ("http://[::1]/", "[::1]"),
        ("http://[::1]:81/", "[::1]:81"),
        ("http://bücher.example/", "xn--bcher-kva.example"),
        ("http://h.:81/", "h:81"),
    ],
)
def test_the_host_is_named_without_a_port_that_goes_without_saying(url: str, host: str) -> None:
    assert destination_of(url).host_header == host
    assert URL(url).host_port_subcomponent == host


def test_a_request_is_encoded_in_one_piece() -> None:
    to = destination_of("https://api.example/v1/x?y=1")
    assert (to.origin.secure, to.origin.host, to.origin.port) == (True, "api.example", 443)
    assert HeadWriter().encode("POST", to, [("A", "b")], 3) == (
        b"POST /v1/x?y=1 HTTP/1.1\r\nHost: api.example\r\nA: b\r\nContent-Length: 3\r\n\r\n"
    )
