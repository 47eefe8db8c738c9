"""TLS on both transports: who is trusted, what closes, what is resumed."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from proxy.errors import UpstreamConnectError, UpstreamGarbage, UpstreamReset
from tests.unit.net.test_transport_names import Resolver
from tests.unit.net.transport_certificates import Authority
from tests.unit.net.transport_servers import (
    OK,
    TRANSPORTS,
    Answer,
    Slow,
    open_connections,
    read_request,
    request,
    sending,
    serving,
)

KINDS = sorted(TRANSPORTS)
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
both = pytest.mark.parametrize("kind", KINDS)
either_loop = pytest.mark.parametrize("loop", sorted(LOOPS))
LOCAL = ["127.0.0.1"]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.make(tmp_path)


def run(loop: str, main: Callable[[], Any]) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(main())


async def serve_ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await read_request(reader)
        writer.write(OK)


async def ask(transport: Any, base: str) -> Answer:
    answer = Answer()
    await transport.send(request(base), answer)
    return answer


def hang_up(transport: Any) -> None:
    for connection in list(transport._pool._open):
        connection.close()


@both
@either_loop
@pytest.mark.parametrize("version", VERSIONS)
def test_a_server_that_is_trusted_is_asked_and_its_connection_kept(
    kind: str, loop: str, version: ssl.TLSVersion, authority: Authority
) -> None:
    async def main() -> None:
        context = authority.serving(LOCAL, version=version)
        async with (
            serving(serve_ok, ssl=context) as base,
            sending(kind, context=authority.trusting()) as transport,
        ):
            for _ in range(3):
                assert (await ask(transport, base)).body == b"ok"
            assert open_connections(transport) == 1

    run(loop, main)


@both
@either_loop
@pytest.mark.parametrize("fault", ["name", "expired", "authority", "self-signed"])
def test_a_server_that_is_not_trusted_is_not_asked(
    kind: str, loop: str, fault: str, authority: Authority, tmp_path: Path
) -> None:
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read())

    async def main() -> None:
        context = {
            "name": lambda: authority.serving(["other.example"]),
            "expired": lambda: authority.serving(LOCAL, days=-1),
            "authority": lambda: Authority.make(tmp_path, "Another").serving(LOCAL),
            "self-signed": lambda: Authority.make(tmp_path, "127.0.0.1").serving(LOCAL),
        }[fault]()
        async with (
            serving(serve, ssl=context) as base,
            sending(kind, context=authority.trusting()) as transport,
        ):
            answer = await ask(transport, base)
            assert isinstance(answer.error, UpstreamConnectError)
            assert open_connections(transport) == 0

    run(loop, main)
    assert not any(heard)


@both
@either_loop
def test_nobody_is_trusted_whom_the_system_does_not(
    kind: str, loop: str, authority: Authority
) -> None:
    async def main() -> None:
        async with (
            serving(serve_ok, ssl=authority.serving(LOCAL)) as base,
            sending(kind) as transport,
        ):
            assert isinstance((await ask(transport, base)).error, UpstreamConnectError)

    run(loop, main)


@both
@either_loop
def test_the_server_is_told_its_name_and_the_protocol(
    kind: str, loop: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        protocol = writer.get_extra_info("ssl_object").selected_alpn_protocol()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n" + protocol.encode())
        await reader.read()

    async def main() -> None:
        context = authority.serving(["models.example"])
        context.set_alpn_protocols(["h2", "http/1.1"])
        context.sni_callback = lambda _, name, __: told.append(name)
        async with serving(serve, ssl=context) as base:
            port = int(base.rpartition(":")[2])
            resolver = Resolver(**{"models.example": [("127.0.0.1", port)]})
            options: dict[str, Any] = {"context": authority.trusting()}
            if kind == "fast":
                options["look_up"] = resolver
            async with sending(kind, **options) as transport:
                if kind == "aiohttp":
                    monkeypatch.setattr("socket.getaddrinfo", resolver)
                    if loop == "uvloop":
                        return  # which looks names up by itself
                assert (await ask(transport, "https://models.example")).body == b"http/1.1"

        assert told == ["models.example"]

    run(loop, main)


@pytest.mark.parametrize("version", VERSIONS)
@either_loop
def test_sessions_are_resumed(loop: str, version: ssl.TLSVersion, authority: Authority) -> None:
    resumed: list[bool] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        resumed.append(writer.get_extra_info("ssl_object").session_reused)
        await read_request(reader)
        writer.write(OK.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))

    async def main() -> None:
        context = authority.serving(LOCAL, version=version)
        async with (
            serving(serve, ssl=context) as base,
            sending("fast", context=authority.trusting()) as transport,
        ):
            for _ in range(4):
                assert (await ask(transport, base)).body == b"ok"

    run(loop, main)
    assert resumed == [False, True, True, True]


@either_loop
def test_a_session_that_the_server_forgot_costs_a_handshake_and_no_more(
    loop: str, authority: Authority
) -> None:
    async def main() -> None:
        async with sending("fast", context=authority.trusting()) as transport:
            port = 0
            for _ in range(3):
                context = authority.serving(LOCAL)  # with keys of its own for tickets
                async with serving(serve_ok, ssl=context, port=port) as base:
                    port = int(base.rpartition(":")[2])
                    assert (await ask(transport, base)).body == b"ok"
                    hang_up(transport)

    run(loop, main)


@either_loop
def test_a_session_does_not_vouch_for_another_server(
    loop: str, authority: Authority, tmp_path: Path
) -> None:
    """Sessions are kept by origin; who takes over an address has to show a certificate."""

    async def main() -> None:
        async with sending("fast", context=authority.trusting()) as transport:
            port = 0
            for context, good in [
                (authority.serving(LOCAL), True),
                (Authority.make(tmp_path, "Another").serving(LOCAL), False),
            ]:
                async with serving(serve_ok, ssl=context, port=port) as base:
                    port = int(base.rpartition(":")[2])
                    assert ((await ask(transport, base)).error is None) is good
                    hang_up(transport)

    run(loop, main)


@both
@either_loop
def test_plain_text_where_tls_is_expected_and_the_reverse(
    kind: str, loop: str, authority: Authority
) -> None:
    async def main() -> None:
        async with serving(serve_ok, ssl=authority.serving(LOCAL)) as base, sending(kind) as to:
            error = (await ask(to, base.replace("https", "http"))).error
            assert isinstance(error, UpstreamReset | UpstreamGarbage)

    run(loop, main)


@both
@either_loop
@pytest.mark.parametrize("loudly", [True, False])
def test_the_end_of_a_body_that_has_no_other_end(
    kind: str, loop: str, loudly: bool, authority: Authority
) -> None:
    """Without a `close_notify` it could have been cut by anybody; it is taken all the same, as by
    other clients: servers that leave it out are many."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nok")
        await writer.drain()
        await asyncio.sleep(0.02)
        if not loudly:
            writer.transport.abort()

    async def main() -> None:
        async with (
            serving(serve, ssl=authority.serving(LOCAL)) as base,
            sending(kind, context=authority.trusting()) as transport,
        ):
            answer = await ask(transport, base)
            assert (answer.body, answer.error) == (b"ok", None)

    run(loop, main)


@both
@either_loop
def test_much_goes_both_ways_and_a_slow_sink_pauses_it(
    kind: str, loop: str, authority: Authority
) -> None:
    sent = 0
    piece = bytes(range(256)) * 256

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (256 * len(piece)))
        for _ in range(256):
            writer.write(piece)
            await writer.drain()
            sent += len(piece)
        await reader.read()

    async def main() -> None:
        async with (
            serving(serve, ssl=authority.serving(LOCAL), limit=2**24) as base,
            sending(kind, context=authority.trusting()) as transport,
        ):
            answer = Slow(asyncio.Event())
            asked = request(base, bytes(900_000))
            call = asyncio.create_task(transport.send(asked, answer))
            await answer.taken.wait()
            before = -1
            while sent != before:
                before = sent
                await asyncio.sleep(0.1)
            assert sent < 8 * 2**20
            assert len(answer.blocks) == 1
            answer.room.set()
            await call
            assert answer.body == piece * 256
            assert open_connections(transport) == 1

    run(loop, main)
