"""Secrets in what providers answer: some repeat in an error the headers that they were sent.

Callers and records are told of errors in the provider's own words, but for these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from proxy.types.secrets import AddressedSecret, AwsAccess, Secret

VEIL = b"***"
SHORTEST = 8
"""Characters of a secret that is looked for: a shorter one could be a part of any word."""

_SIGNATURE = re.compile(rb"Signature=[0-9a-f]{64}")


def veiled(text: bytes, secret: Secret) -> bytes:
    """The text with a veil in place of the secret with which its author was asked."""
    for value in _values(secret):
        if len(value) >= SHORTEST:
            text = text.replace(value.encode(), VEIL)
    if isinstance(secret, AwsAccess):
        text = _SIGNATURE.sub(b"Signature=" + VEIL, text)
    return text


def _values(secret: Secret) -> Iterator[str]:
    match secret:
        case str():
            yield secret
        case AddressedSecret():
            yield from _values(secret.secret)
        case AwsAccess():
            yield secret.secret_access_key
            yield secret.session_token or ""
            yield secret.api_key or ""
