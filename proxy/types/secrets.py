"""Values of credentials, on their way from where they are kept to a request's headers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing_extensions import TypeIs


class BearerToken(str):
    """A token that goes into `Authorization: Bearer`, also at a vendor whose keys have a header of
    their own. Not shown by `repr`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "BearerToken(…)"


@dataclass(frozen=True, slots=True)
class AddressedSecret:
    """A key or a token, and the base URL (it ends in `/`) to which the call wants it sent."""

    api_base: str
    secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class AwsAccess:
    """What a request to AWS is addressed and signed with. None of it is shown by `repr`."""

    region: str
    endpoint_url: str | None = field(default=None, repr=False)
    """Another address than the region's."""
    access_key_id: str = field(default="", repr=False)
    secret_access_key: str = field(default="", repr=False)
    session_token: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    """A bearer key, which takes the place of a signature."""


Secret = str | AwsAccess | AddressedSecret | None
"""A key or a token as text (a `BearerToken` where it is no key), what AWS wants, one with its
address, or nothing at all."""


class PendingSecret(Protocol):
    """A secret that may have to be fetched first, such as a token that has run out.

    One that is still good is given without waiting; of many calls that find it run out, one
    fetches.
    """

    async def fetch(self) -> Secret:
        """The value.

        Raises:
            CredentialMissing: it cannot be had; the text names no value.
        """


def is_pending(secret: Secret | PendingSecret) -> TypeIs[PendingSecret]:
    """Whether it has to be asked for."""
    return secret is not None and not isinstance(secret, str) and hasattr(secret, "fetch")
