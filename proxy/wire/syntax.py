"""Where a broken body breaks, in the words of TensorZero's parser of JSON.

Only looked at when the fast parser has refused a body, and only when the body is short, because
this walks it step by step.
"""

from __future__ import annotations

import re

import orjson

LONGEST = 1 << 20
"""Bytes of the longest body that is walked."""

_DEPTH = 128
_SPACE = re.compile(rb"[ \t\n\r]*")
_NUMBER = re.compile(rb"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_NUMBER_LIKE = re.compile(rb"[-+.0-9eE]*")
_PLAIN = re.compile(rb'[^"\\\x00-\x1f]*')
_ESCAPE = re.compile(rb'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})')
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_HALF = re.compile(rb"\\u[dD](?:[c-fC-F]|[89abAB]..(?!\\u[dD][c-fC-F]))")
_LOW = re.compile(rb"\\u[dD][c-fC-F]..")
_BRACKET = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.DOTALL)
_WORDS = {b"t": b"true", b"f": b"false", b"n": b"null"}


class _Fault(Exception):
    """`path: message at line L column C`."""


def find_fault(body: bytes) -> str | None:
    """The first fault of a body that is no JSON; None when none was found."""
    if len(body) > LONGEST:
        return None
    try:
        _Walk(body).document()
        body.decode()
    except _Fault as fault:
        return str(fault)
    except UnicodeDecodeError as error:
        return f"invalid unicode code point at {_place(body, error.start + 1)}"
    return None


def find_excess(body: bytes) -> str | None:
    """What TensorZero's parser refuses in a body although JSON's grammar allows it: half of a
    character (a lone surrogate escape), values nested too deeply; None when there is none."""
    if not (_may_have_halves(body) or _is_deep(body)):
        return None
    return find_fault(body) or _beyond_words(body)


def _may_have_halves(body: bytes) -> bool:
    """Whether a strict parser refuses the body, which has escapes of surrogates."""
    if b"\\" not in body or _SURROGATE.search(body) is None:
        return False
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return True
    return False


def _is_deep(body: bytes) -> bool:
    if _count(body, b"[") + _count(body, b"{") < _DEPTH:
        return False
    depth = 0
    for match in _BRACKET.finditer(body):
        bracket = match[0]
        if bracket in b"{[":
            depth += 1
            if depth >= _DEPTH:
                return True
        elif bracket in b"]}":
            depth -= 1
    return False


def _count(body: bytes, byte: bytes) -> int:
    """How often a byte stands in the body: taking a byte out skips from one to the next, while
    `bytes.count` looks at each and takes five times as long."""
    return len(body) - len(body.replace(byte, b""))


def _beyond_words(body: bytes) -> str | None:
    """The same for a body that is too long to be walked, or is wrong in another way."""
    if len(body) <= LONGEST:
        return None
    return "recursion limit exceeded" if _is_deep(body) else "invalid JSON or unicode"


def _place(body: bytes, end: int) -> str:
    before = body[:end]
    return f"line {before.count(10) + 1} column {end - (before.rfind(10) + 1)}"


class _Walk:
    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def document(self) -> None:
        self._value("", _DEPTH)
        if self._peek():
            raise self._fault("", "trailing characters")

    def _value(self, path: str, depth: int) -> None:
        first = self._peek()
        if not first:
            raise self._end(path, "a value")
        if first in b"{[":
            if depth <= 1:
                raise self._fault(path, "recursion limit exceeded")
            (self._object if first == b"{" else self._list)(path, depth - 1)
        elif first == b'"':
            self._string(path)
        elif first in b"-0123456789":
            self._number(path)
        else:
            self._word(path, first)

    def _object(self, path: str, depth: int) -> None:
        self._at += 1
        first = True
        while self._more(path, b"}", "an object", first):
            first = False
            if self._peek() != b'"':
                raise self._fault(path, "key must be a string")
            key = self._string(path)
            inner = f"{path}.{key}" if path else key
            following = self._peek()
            if not following:
                raise self._end(inner, "an object")
            if following != b":":
                raise self._fault(inner, "expected `:`")
            self._at += 1
            self._value(inner, depth)

    def _list(self, path: str, depth: int) -> None:
        self._at += 1
        index = 0
        while self._more(path, b"]", "a list", index == 0):
            self._value(f"{path}[{index}]", depth)
            index += 1

    def _more(self, path: str, closing: bytes, what: str, first: bool) -> bool:
        """Whether another member follows; steps over the comma before it."""
        following = self._peek()
        if not following:
            raise self._end(path, what)
        if following == closing:
            self._at += 1
            return False
        if first:
            return True
        if following != b",":
            raise self._fault(path, f"expected `,` or `{closing.decode()}`")
        self._at += 1
        following = self._peek()
        if not following:
            raise self._end(path, "a value")
        if following == closing:
            raise self._fault(path, "trailing comma")
        return True

    def _string(self, path: str) -> str:
        self._at += 1
        begin = self._at
        while True:
            match = _PLAIN.match(self._body, self._at)
            self._at = match.end() if match else self._at
            stopped = self._body[self._at : self._at + 1]
            if not stopped:
                raise self._end(path, "a string")
            if stopped == b'"':
                self._at += 1
                return self._body[begin : self._at - 1].decode("utf-8", "replace")
            if stopped != b"\\":
                why = "control character (\\u0000-\\u001F) found while parsing a string"
                raise self._fault(path, why)
            self._escape(path)

    def _escape(self, path: str) -> None:
        match = _ESCAPE.match(self._body, self._at)
        if match is None:
            if self._at + 6 > len(self._body) and b'"' not in self._body[self._at :]:
                raise self._end(path, "a string")
            self._at += 1
            raise self._fault(path, "invalid escape")
        if _HALF.match(self._body, self._at) is not None:
            raise self._half(path)
        pair = _SURROGATE.match(self._body, self._at) is not None
        self._at = match.end() + (6 if pair else 0)

    def _half(self, path: str) -> _Fault:
        """The first half of a character without the second, or the second alone."""
        alone = _LOW.match(self._body, self._at) is not None
        self._at += 5 if alone else 6
        return self._fault(
            path, f"{'lone leading surrogate in' if alone else 'unexpected end of'} hex escape"
        )

    def _number(self, path: str) -> None:
        match = _NUMBER.match(self._body, self._at)
        alike = _NUMBER_LIKE.match(self._body, self._at)
        end = alike.end() if alike else self._at
        if match is None or match.end() != end:
            if end == len(self._body) and self._body[end - 1 : end] in b"-+.eE":
                raise self._end(path, "a value")
            self._at = match.end() if match else self._at + 1
            raise self._fault(path, "invalid number")
        self._at = end

    def _word(self, path: str, first: bytes) -> None:
        word = _WORDS.get(first)
        if word is None:
            raise self._fault(path, "expected value")
        for letter in word:
            if self._at == len(self._body):
                raise self._end(path, "a value")
            if self._body[self._at] != letter:
                raise self._fault(path, "expected ident")
            self._at += 1

    def _peek(self) -> bytes:
        match = _SPACE.match(self._body, self._at)
        self._at = match.end() if match else self._at
        return self._body[self._at : self._at + 1]

    def _end(self, path: str, what: str) -> _Fault:
        return self._made(path, f"EOF while parsing {what}", len(self._body))

    def _fault(self, path: str, message: str) -> _Fault:
        return self._made(path, message, self._at + 1)

    def _made(self, path: str, message: str, end: int) -> _Fault:
        where = f"{path}: " if path else ""
        return _Fault(f"{where}{message} at {_place(self._body, end)}")
