"""Providers that speak OpenAI's protocol: one row each, data only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from yarl import URL

from proxy.types.ports import Headers, Limits, OutgoingRequest

IDENTITY = ("Accept-Encoding", "identity")


@dataclass(frozen=True, slots=True)
class Compatible:
    """What is particular to one OpenAI-compatible vendor."""

    type: str
    api_base: str
    credential_header: str = "Authorization"
    credential_prefix: str = "Bearer "


OPENAI = Compatible(type="openai", api_base="https://api.openai.com/v1/")


class CompatibleProvider:
    """One configured provider of the table. `api_base` replaces the row's address when given."""

    wire = "chat_completions"
    takes_secret = True

    def __init__(self, row: Compatible, model_name: str, api_base: str | None = None) -> None:
        base = api_base or row.api_base
        self.type = row.type
        self.model_name = model_name
        self._base = base if base.endswith("/") else base + "/"
        self._row = row
        self.origin = _origin(self._base)

    def encode_relay(
        self,
        path: str,
        body: bytes,
        headers: Headers,
        secret: str | None,
        limits: Limits,
        may_resend: Callable[[], bool],
    ) -> OutgoingRequest:
        """See `RelayProvider.encode_relay`."""
        outgoing = [*headers, IDENTITY]
        if secret is not None:
            outgoing.append((self._row.credential_header, self._row.credential_prefix + secret))
        return OutgoingRequest(
            "POST", self._base + path, self.origin, outgoing, body, limits, may_resend
        )


def _origin(base: str) -> str:
    url = URL(base)
    return f"{url.scheme}://{url.host}:{url.port}"
