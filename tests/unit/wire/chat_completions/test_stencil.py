"""What fits a stencil is read as the parser reads it; all else does not fit."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.types.response import TextDelta
from proxy.wire.chat_completions.common import decode_common_chunk
from proxy.wire.chat_completions.stencil import cut_stencil

HEAD = b'data: {"id":"c1","object":"chat.completion.chunk","created":5,"choices":[{"index":0,'
SAID = HEAD + b'"delta":{"content":"%b"},"finish_reason":null}]%b}\n\n'
PADDED = b',"usage":null,"obfuscation":"%b"'
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=6)
PIECES = st.sampled_from(
    [
        b'"',
        b"\\",
        b"\\n",
        b"\n",
        b"\r",
        b" ",
        b"x",
        b"\xff",
        b"\x01",
        b"\\ud83d",
        b'"},"',
        b"}",
        b",",
    ]
) | st.sampled_from([SAID, HEAD, b"c1", b"\n\n", b"data: ", b"obfuscation", PADDED])


def spelled(text: str) -> bytes:
    return orjson.dumps(text)[1:-1]


def block(text: str, padding: str | None = None) -> bytes:
    end = b"" if padding is None else PADDED % spelled(padding)
    return SAID % (spelled(text), end)


@pytest.mark.parametrize("padding", [None, "k8F"])
@given(TEXTS, TEXTS)
def test_a_text_that_fits_is_found(padding: str | None, text: str, other: str) -> None:
    stencil = cut_stencil(block(" the", padding), 10**6)
    assert stencil is not None
    assert stencil.text(block(text, padding and other)) == text


@pytest.mark.parametrize("padding", [None, "k8F"])
@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=6), st.lists(PIECES, max_size=3))
def test_what_fits_is_what_the_parser_reads(
    padding: str | None, text: list[bytes], other: list[bytes]
) -> None:
    first = block(" the", padding)
    stencil, like = cut_stencil(first, 10**6), decode_common_chunk(first[6:-2])
    assert stencil is not None and like is not None
    end = b"" if padding is None else PADDED % b"".join(other).replace(b"%", b"")
    given = SAID % (b"".join(text).replace(b"%", b""), end)
    found = stencil.text(given)
    if found:
        assert given.index(b"\n") == len(given) - 2 and b"\r" not in given
        data = given[6:-2]
        said = replace(like, deltas=(TextDelta("0", found),), raw=data.decode())
        assert decode_common_chunk(data) == said


@pytest.mark.parametrize(
    "other",
    [
        block(""),
        block("a") + block("b"),
        block("a")[:-1],
        block("a") + b"\n",
        b" " + block("a"),
        block("a").replace(b"c1", b"c2"),
        block("a").replace(b'"a"', b"null"),
        block("a").replace(b'"a"', b' "a"'),
        block("a").replace(b'"a"', b'"a","content":"b"'),
        block("a", "k"),
        SAID.replace(b'"%b"', b'"')[: -len(b"%b}\n\n")] + b"}\n\n",
        b"",
    ],
)
def test_what_is_not_the_same_does_not_fit(other: bytes) -> None:
    stencil = cut_stencil(block(" the"), 10**6)
    assert stencil is not None
    assert stencil.text(other) == ""


def test_a_block_beyond_the_bound_does_not_fit() -> None:
    stencil = cut_stencil(block("a"), len(block("a")) + 9)
    assert stencil is not None
    assert stencil.text(block("a" * 10)) and not stencil.text(block("a" * 11))


@pytest.mark.parametrize(
    "uncut",
    [
        block("c1"),
        block("a", "usage"),
        block("a").replace(b'"a"', b'"\\u0061"'),
        block("c1").replace(b'"content":"c1"', b'"content":"\\u00631"'),
        block("a").replace(b'"content":"a"', b'"content":"a","content":"\\u0061"'),
        block("a").replace(b'"finish_reason":null', b'"finish_reason":"stop"'),
        block("a").replace(b'"c1"', b'"c1","obfuscation":"x"'),
        block("a", "").replace(b':""', b":7"),
        b"data: nonsense\n\n",
        b"data: [DONE]\n\n",
    ],
)
def test_where_the_strings_are_not_found_at_once_there_is_no_stencil(uncut: bytes) -> None:
    assert cut_stencil(uncut, 10**6) is None


def test_of_a_member_that_stands_twice_the_last_counts() -> None:
    twice = block("b").replace(b'"content"', b'"content":"a","content"')
    stencil = cut_stencil(twice, 10**6)
    assert stencil is not None
    assert stencil.text(twice.replace(b'"b"', b'"c"')) == "c"
    assert stencil.text(twice.replace(b'"a"', b'"c"')) == ""
