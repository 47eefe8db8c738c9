"""The gateway's own keys: a bearer token, known by its SHA-256, until full key management comes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from proxy.config.schema import ApiKey
from proxy.errors import Unauthorized
from proxy.http import web

KEPT = 4096


class Keys:
    """The configured keys. Without any, everybody is let in, and nobody has a name."""

    def __init__(self, keys: Sequence[ApiKey], header: str) -> None:
        self._names = {key.sha256: key.name for key in keys}
        self._header = header
        self._seen: dict[str, str] = {}

    def admit(self, request: web.BaseRequest) -> str:
        """The name of the key that the request bears; empty when none is needed.

        Raises:
            Unauthorized: no key, or an unknown one.
        """
        if not self._names:
            return ""
        token = self._token(request)
        name = self._seen.get(token)
        return self._look_up(token) if name is None else name

    def caller_bearer(self, request: web.BaseRequest) -> str | None:
        """The caller's own token for `client::`; never the gateway's key."""
        if self._names and self._header == "authorization":
            return None
        return bearer(request)

    def _token(self, request: web.BaseRequest) -> str:
        if self._header == "authorization":
            token = bearer(request) or request.headers.get("x-tensorzero-api-key")
        else:
            token = request.headers.get(self._header)
        if not token:
            raise Unauthorized(
                f"An API key is required: send it in the header `{self._header}`.",
                code="invalid_api_key",
            )
        return token.removeprefix("Bearer ").strip()

    def _look_up(self, token: str) -> str:
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
        if digest not in self._names:
            raise Unauthorized("The API key is not known here.", code="invalid_api_key")
        if len(self._seen) < KEPT:
            self._seen[token] = self._names[digest]
        return self._names[digest]


def bearer(request: web.BaseRequest) -> str | None:
    """The token of the Authorization header (or of Azure's `api-key`), if there is one."""
    value = request.headers.get("Authorization", "")
    scheme, _, token = value.partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return request.headers.get("api-key")
