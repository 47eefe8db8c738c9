"""Forms, cut anywhere, as real clients and as careless ones write them."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from email import policy
from email.parser import BytesParser
from itertools import pairwise

import aiohttp
import openai
import pytest
from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proxy.errors import InvalidRequest
from proxy.wire.multipart import (
    MAX_HEAD_BYTES,
    MAX_PARTS,
    MAX_TEXT_BYTES,
    Form,
    FormScanner,
    boundary_of,
    edit_form,
)
from proxy.wire.splice import Edit

PROVE = os.environ.get("PROVE") == "1"
BOUNDARY = "a-boundary"
Field = tuple[str, str | None, bytes]
"""Name, file name, content."""


def scan(body: bytes, boundary: str = BOUNDARY, cuts: tuple[int, ...] = ()) -> Form:
    scanner = FormScanner(boundary.encode())
    places = [0, *sorted(cuts), len(body)]
    for start, end in pairwise(places):
        scanner.feed(body[start:end])
    return scanner.finish()


def byte_by_byte(body: bytes, boundary: str = BOUNDARY) -> Form:
    return scan(body, boundary, tuple(range(1, len(body))))


def render(fields: list[Field], boundary: str = BOUNDARY, newline: bytes = b"\r\n") -> bytes:
    lines = b""
    for name, filename, content in fields:
        disposition = f'Content-Disposition: form-data; name="{name}"'
        lines += b"--" + boundary.encode() + newline
        if filename is None:
            lines += disposition.encode() + newline
        else:
            lines += f'{disposition}; filename="{filename}"'.encode() + newline
            lines += b"Content-Type: audio/wav" + newline
        lines += newline + content + newline
    return lines + b"--" + boundary.encode() + b"--" + newline


def applied(body: bytes, edits: list[Edit]) -> bytes:
    for start, end, new in reversed(edits):
        body = body[:start] + new + body[end:]
    return body


def by_email(body: bytes, boundary: str = BOUNDARY) -> list[Field]:
    """The same body as the standard library reads it."""
    head = f'Content-Type: multipart/form-data; boundary="{boundary}"\r\n\r\n'.encode()
    message = BytesParser(policy=policy.HTTP).parsebytes(head + body)
    found = []
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        found.append((str(name), part.get_filename(), content))
    return found


def read_by_us(body: bytes, form: Form) -> list[Field]:
    return [(part.name, part.filename, body[part.start : part.stop]) for part in form.parts]


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("newline", [b"\r\n", b"\n"])
def test_the_model_is_found_before_and_after_the_file(order: str, newline: bytes) -> None:
    fields: list[Field] = [("model", None, b"whisper-1"), ("file", "a.wav", b"RIFF\r\n\n--")]
    body = render(fields if order == "before" else fields[::-1], newline=newline)
    form = byte_by_byte(body)
    assert form.text("model") == "whisper-1"
    (file,) = form.files
    assert (file.name, file.filename, file.content_type) == ("file", "a.wav", "audio/wav")
    assert body[file.start : file.stop] == b"RIFF\r\n\n--"
    assert file.length == 9


def test_only_the_models_value_changes() -> None:
    body = render([("a", None, b"1"), ("model", None, b"m"), ("file", "x", b"\0" * 50)])
    edited = applied(body, edit_form(scan(body), model="another-model"))
    assert edited == body.replace(b"\r\n\r\nm\r\n", b"\r\n\r\nanother-model\r\n")


@pytest.mark.parametrize("newline", [b"\r\n", b"\n"])
def test_our_fields_are_read_and_cut_out_whole(newline: bytes) -> None:
    ours: list[Field] = [
        ("tensorzero::tags", None, b'{"a":"b"}'),
        ("tensorzero::variant_name", None, b"v"),
    ]
    theirs: list[Field] = [("model", None, b"m"), ("file", "x", b"data")]
    for chance in range(20):
        fields = ours + theirs
        random.Random(chance).shuffle(fields)
        body = render(fields, newline=newline)
        form = byte_by_byte(body)
        assert form.extensions() == {
            "tensorzero::tags": '{"a":"b"}',
            "tensorzero::variant_name": "v",
        }
        left = [each for each in fields if each in theirs]
        assert applied(body, edit_form(form)) == render(left, newline=newline)


def test_a_form_of_nothing_but_our_fields_becomes_an_empty_form() -> None:
    body = render([("tensorzero::tags", None, b"{}")])
    assert applied(body, edit_form(scan(body))) == b"--a-boundary--\r\n"


contents = st.one_of(
    st.binary(max_size=60),
    st.lists(
        st.sampled_from(
            [b"\r\n", b"\n", b"\r", b"--", b"-", b"--a-boundar", b"\r\n--a-boundarX", b"x", b" "]
        ),
        max_size=8,
    ).map(b"".join),
)
names = st.text("abcdefgh[]_.:é☃ ", min_size=1, max_size=8).map(lambda text: f"n{text}n")
fields_of = st.lists(st.tuples(names, st.none() | names, contents), max_size=6)


@settings(max_examples=2000 if PROVE else 200, deadline=None)
@given(fields=fields_of, data=st.data())
def test_any_form_is_read_the_same_wherever_it_is_cut(
    fields: list[Field], data: st.DataObject
) -> None:
    body = b"a preamble\r\n" * data.draw(st.integers(0, 1)) + render(fields)
    body += b"an epilogue" * data.draw(st.integers(0, 1))
    cuts = data.draw(st.lists(st.integers(0, len(body)), max_size=10))
    form = scan(body, cuts=tuple(cuts))
    assert form == byte_by_byte(body) == scan(body)
    assert read_by_us(body, form) == fields
    assert all(
        part.value == content
        for part, (_, filename, content) in zip(form.parts, fields, strict=True)
        if filename is None
    )


@settings(max_examples=2000 if PROVE else 200, deadline=None)
@given(fields=st.lists(st.tuples(names, st.none() | names, contents), min_size=1, max_size=6))
def test_the_standard_library_reads_the_same(fields: list[Field]) -> None:
    plain = [
        (name.encode("ascii", "replace").decode(), "f.bin" if filename else None, content)
        for name, filename, content in fields
    ]
    body = render(plain)
    assert read_by_us(body, scan(body)) == by_email(body)


@settings(max_examples=2000 if PROVE else 300, deadline=None)
@example(pieces=[b"--a-boundary", b"\r\n", b"\n", b"\r\n", b"--a-boundary", b"--a-boundary"])
@given(
    pieces=st.lists(
        st.sampled_from(
            [
                b"--a-boundary",
                b"--",
                b"\r\n",
                b"\n",
                b'Content-Disposition: form-data; name="model"',
                b"x:",
                b" ",
                b"\t",
                b"\r",
                b"m",
            ]
        ),
        max_size=24,
    )
)
def test_damaged_forms_are_refused_or_read_alike_at_every_cut(pieces: list[bytes]) -> None:
    body = b"".join(pieces)
    outcomes = []
    for read in (scan, byte_by_byte):
        try:
            outcomes.append(str(read(body)))
        except InvalidRequest as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]


async def by_aiohttp(content_type: str, body: bytes) -> list[Field]:
    """A body as a server's own parser reads it."""
    loop = asyncio.get_running_loop()
    content = aiohttp.StreamReader(BaseProtocol(loop), 2**16, loop=loop)
    content.feed_data(body)
    content.feed_eof()
    fields: list[Field] = []
    async for part in aiohttp.MultipartReader({"Content-Type": content_type}, content):
        assert isinstance(part, aiohttp.BodyPartReader)
        fields.append((part.name or "", part.filename, bytes(await part.read())))
    return fields


async def captured(send: Callable[[str], Awaitable[object]]) -> tuple[str, bytes, list[Field]]:
    """What a client sent: content type, body, and the body as the server's own parser reads it."""
    seen: list[tuple[str, bytes, list[Field]]] = []

    async def handler(request: web.Request) -> web.Response:
        body = await request.read()
        fields = await by_aiohttp(request.headers["content-type"], body)
        seen.append((request.headers["content-type"], body, fields))
        return web.json_response({"text": "", "data": [], "created": 0})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        await send(f"http://{host}:{port}")
    finally:
        await runner.cleanup()
    return seen[0]


AUDIO = random.Random(1).randbytes(5000) + b"\r\n--\r\n\r\n--0123"


async def transcribe(base: str) -> None:
    async with openai.AsyncOpenAI(base_url=base, api_key="k") as api:
        await api.audio.transcriptions.create(
            file=('a "quoted" näme.wav', AUDIO),
            model="whisper-1",
            prompt="hälp\r\n",
            timestamp_granularities=["word", "segment"],
            extra_body={"tensorzero::variant_name": "v"},
        )


async def edit_images(base: str) -> None:
    async with openai.AsyncOpenAI(base_url=base, api_key="k") as api:
        await api.images.edit(
            image=[("a.png", AUDIO), ("b.png", b"")], prompt="p", model="gpt-image-1"
        )


async def upload_file(base: str) -> None:
    async with openai.AsyncOpenAI(base_url=base, api_key="k") as api:
        await api.files.create(file=("a.jsonl", AUDIO), purpose="batch")


async def aiohttp_form(base: str) -> None:
    form = aiohttp.FormData()
    form.add_field("file", AUDIO, filename="näme.wav", content_type="audio/wav")
    form.add_field("model", "whisper-1")
    form.add_field("tensorzero::tags", "{}")
    async with aiohttp.ClientSession() as session, session.post(base, data=form):
        pass


@pytest.mark.parametrize("send", [transcribe, edit_images, upload_file, aiohttp_form])
async def test_forms_of_real_clients_are_read_as_a_server_reads_them(
    send: Callable[[str], Awaitable[None]],
) -> None:
    content_type, body, theirs = await captured(send)
    boundary = boundary_of(content_type).decode()
    for _ in range(20):
        cuts = tuple(random.randrange(len(body)) for _ in range(30))
        form = scan(body, boundary, cuts)
        ours = read_by_us(body, form)
        assert [(name, content) for name, _, content in ours] == [
            (name, content) for name, _, content in theirs
        ]
        assert [name is None for _, name, _ in ours] == [name is None for _, name, _ in theirs]
    expected = {
        "transcribe": "whisper-1",
        "aiohttp_form": "whisper-1",
        "edit_images": "gpt-image-1",
    }
    assert form.text("model") == expected.get(send.__name__)


async def test_names_of_files_are_read_as_the_client_meant_them() -> None:
    content_type, body, _ = await captured(transcribe)
    form = scan(body, boundary_of(content_type).decode())
    assert form.files[0].filename == 'a "quoted" näme.wav'


@pytest.mark.parametrize(
    ("value", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('multipart/form-data; boundary="a b;c"', b"a b;c"),
        ("Multipart/Form-Data;charset=utf-8;  BOUNDARY=----WebKit;", b"----WebKit"),
        (r'multipart/form-data; boundary="a\"b"', b'a"b'),
    ],
)
def test_boundaries_are_taken_from_the_content_type(value: str, boundary: bytes) -> None:
    assert boundary_of(value) == boundary


@pytest.mark.parametrize(
    "value",
    [
        "",
        "application/json",
        "multipart/mixed; boundary=a",
        "multipart/form-data",
        'multipart/form-data; boundary=""',
        "multipart/form-data; boundary=a; boundary=b",
        'multipart/form-data; boundary="a',
        "multipart/form-data; boundary=" + "x" * 300,
        "multipart/form-data; boundary=é",
    ],
)
def test_a_content_type_without_a_usable_boundary_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequest):
        boundary_of(value)


PART = b'--a-boundary\r\nContent-Disposition: form-data; name="model"\r\n\r\nm'


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "lacks the boundary of its content type"),
        (b'{"model": "m"}', "lacks the boundary of its content type"),
        (PART, "before its last boundary, `--a-boundary--`"),
        (PART + b"\r\n--a-boundary", "before its last boundary"),
        (PART + b"\r\n--a-boundary-", "before its last boundary"),
        (PART + b"\r\n--a-boundary\r\n", "before its last boundary"),
        (b"--a-boundary\r\nno header\r\n\r\n\r\n--a-boundary--", "malformed header"),
        (
            b'--a-boundary\r\nContent-Disposition: form-data; name="a"; name="b"\r\n\r\n',
            "`name` stands twice",
        ),
        (
            b'--a-boundary\r\nContent-Disposition: form-data; name="a\r\n\r\n',
            "malformed parameter",
        ),
        (b"--a-boundary\r\nX: " + b"y" * MAX_HEAD_BYTES, "headers of the form's parts"),
        (b"--a-boundary\r\nX:y\r\n\r\n\r\n" * (MAX_PARTS + 1), f"more than {MAX_PARTS} parts"),
    ],
)
def test_what_is_wrong_with_a_form_is_said(body: bytes, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says):
        scan(body)


def test_a_model_given_twice_is_refused() -> None:
    form = scan(render([("model", None, b"a"), ("model", None, b"b")]))
    with pytest.raises(InvalidRequest, match="`model` 2 times") as caught:
        form.text("model")
    assert caught.value.param == "model"


def test_a_model_that_is_no_text_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="not UTF-8"):
        scan(render([("model", None, b"\xff")])).text("model")
    with pytest.raises(InvalidRequest, match="too long"):
        scan(render([("model", None, b"m" * (MAX_TEXT_BYTES + 1))])).text("model")
    encoded = render([("model", None, b"bQ==")]).replace(
        b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    )
    with pytest.raises(InvalidRequest, match="encoded"):
        scan(encoded).text("model")


def test_long_texts_are_measured_and_not_kept() -> None:
    body = render([("prompt", None, b"p" * 100_000), ("model", None, b"m")])
    form = byte_by_byte(body)
    assert form.text("model") == "m"
    prompt = form.field("prompt")
    assert prompt is not None
    assert (prompt.value, prompt.length) == (None, 100_000)


def test_a_boundary_line_may_end_in_white_space() -> None:
    body = render([("model", None, b"m")]).replace(b"--a-boundary\r\n", b"--a-boundary \t\r\n")
    assert byte_by_byte(body).text("model") == "m"


def test_an_empty_value_may_share_the_line_end_of_the_headers() -> None:
    body = b'--a-boundary\r\nContent-Disposition: form-data; name="a"\r\n\r\n--a-boundary--'
    (part,) = byte_by_byte(body).parts
    assert (part.value, part.length) == (b"", 0)


def test_many_small_parts_are_read_in_time() -> None:
    body = render([("f", None, b"v")] * MAX_PARTS)

    async def read() -> Form:
        return scan(body)

    assert len(asyncio.run(asyncio.wait_for(read(), 5)).parts) == MAX_PARTS


def test_what_is_held_stays_small() -> None:
    scanner = FormScanner(BOUNDARY.encode())
    scanner.feed(render([("model", None, b"m")])[: -len(b"--a-boundary--\r\n")])
    scanner.feed(b'--a-boundary\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n')
    block = b"\r\n--a-bound" * 10_000
    for _ in range(50):
        scanner.feed(block)
        assert len(scanner._held) < 100
    scanner.feed(b"\r\n--a-boundary--")
    assert scanner.finish().files[0].length == 50 * len(block)
