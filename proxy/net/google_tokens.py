"""Access tokens of Google: of a service account's key, or of the machine's default identity.

The default identity is what Google's library finds: the file that GOOGLE_APPLICATION_CREDENTIALS
names, the login of the command line, the metadata server (GCE_METADATA_HOST).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from functools import partial
from typing import Any

from proxy.errors import CredentialMissing
from proxy.net.tokens import Token
from proxy.types.secrets import BearerToken

TOKEN_URI = "https://oauth2.googleapis.com/token"
REQUEST_S = 15.0
"""The time limit of one request to a token server; Google's library repeats some of them."""
EXTRA = "Google's library is not installed: `pip install 'zeroproxy[gcp]'`"

_CODE = re.compile(r"[a-z_]{3,40}\Z")


class ServiceAccountTokens:
    """Fetches tokens for the key in `info`, the JSON of a service account; see `tokens.Fetch`."""

    def __init__(self, info: Mapping[str, Any], scope: str) -> None:
        self._info = {"token_uri": TOKEN_URI, **info}
        self._scope = scope
        self._credentials: Any = None

    def __call__(self) -> Token[BearerToken]:
        request = _request()
        from google.oauth2 import service_account

        if self._credentials is None:
            make: Any = service_account.Credentials.from_service_account_info
            try:
                self._credentials = make(self._info, scopes=[self._scope])
            except Exception:
                raise CredentialMissing("its `private_key` cannot be read") from None
        return _refreshed(self._credentials, request)


class DefaultGoogleTokens:
    """Fetches tokens of the default identity; see `tokens.Fetch`.

    The identity is looked for each time: what it was found in may have been replaced.
    """

    def __init__(self, scope: str) -> None:
        self._scope = scope

    def __call__(self) -> Token[BearerToken]:
        request = _request()
        import google.auth
        from google.auth import exceptions

        try:
            credentials, _ = google.auth.default(scopes=[self._scope], request=request)
        except exceptions.DefaultCredentialsError:
            raise CredentialMissing("Google's library finds no default credentials") from None
        except exceptions.GoogleAuthError as error:
            raise CredentialMissing(_reason(error)) from None
        return _refreshed(credentials, request)


def _request() -> Any:
    try:
        import requests
        from google.auth.transport.requests import Request
    except ImportError:
        raise CredentialMissing(EXTRA) from None
    return partial(Request(requests.Session()), timeout=REQUEST_S)


def _refreshed(credentials: Any, request: Any) -> Token[BearerToken]:
    from google.auth.exceptions import GoogleAuthError

    try:
        credentials.refresh(request)
    except GoogleAuthError as error:
        raise CredentialMissing(_reason(error)) from None
    expiry = credentials.expiry
    end = None if expiry is None else expiry.replace(tzinfo=UTC).timestamp()
    return Token(BearerToken(credentials.token), end)


def _reason(error: Exception) -> str:
    """What went wrong, without the words of the server: they may repeat what it was sent."""
    from google.auth.exceptions import RefreshError, TransportError

    if isinstance(error, RefreshError) and not isinstance(error.__cause__, TransportError):
        code = _code(error)
        return f"the token server refuses it{code and f' ({code})'}"
    return "the token server gives none"


def _code(error: Exception) -> str:
    """The `error` of an OAuth answer (RFC 6749, 5.2), if it is a plain word."""
    for detail in error.args:
        said = detail.get("error") if isinstance(detail, dict) else None
        if isinstance(said, str) and _CODE.match(said):
            return said
    return ""
