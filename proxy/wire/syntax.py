"""Where a broken body breaks, in the words of TensorZero's parser of JSON.

Only looked at when the fast parser has refused a body, and only when the body is short, because
this walks it step by step.
"""

from __future__ import annotations

import re

LONGEST = 1 << 20
"""Bytes of the longest body that is walked."""

_DEPTH = 128
_SPACE = re.compile(rb"[ \t\n\r]*")
_NUMBER = re.compile(rb"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_NUMBER_LIKE = re.compile(rb"[-+.0-9eE]*")
_PLAIN = re.compile(rb'[^"\\\x00-\x1f]*')
_ESCAPE = re.compile(rb'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})')
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
        self._at = match.end()

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
