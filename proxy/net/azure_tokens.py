"""Access tokens of Microsoft Entra, for whoever the machine is: no key is kept anywhere.

The identity is what Microsoft's library finds: variables (AZURE_CLIENT_ID, …), a workload's or a
managed identity, the login of a command line.
"""

from __future__ import annotations

import re
from typing import Any

from proxy.errors import CredentialMissing
from proxy.net.tokens import Token
from proxy.types.secrets import BearerToken

EXTRA = "Microsoft's library is not installed: `pip install 'zeroproxy[azure]'`"

_CODE = re.compile(r"AADSTS\d+")


class EntraTokens:
    """Fetches tokens for `scope`; see `tokens.Fetch`."""

    def __init__(self, scope: str) -> None:
        self._scope = scope
        self._credential: Any = None

    def __call__(self) -> Token[BearerToken]:
        try:
            from azure.core.exceptions import AzureError, ClientAuthenticationError
            from azure.identity import CredentialUnavailableError, DefaultAzureCredential
        except ImportError:
            raise CredentialMissing(EXTRA) from None
        try:
            if self._credential is None:
                self._credential = DefaultAzureCredential()
            found = self._credential.get_token(self._scope)
        except CredentialUnavailableError:
            raise CredentialMissing("Microsoft's library finds no identity") from None
        except ClientAuthenticationError as error:
            code = _CODE.search(str(error))
            said = f" ({code[0]})" if code else ""
            raise CredentialMissing(f"no identity is accepted{said}") from None
        except (AzureError, ValueError) as error:
            name = type(error).__name__
            raise CredentialMissing(f"the token server gives none ({name})") from None
        return Token(BearerToken(found.token), float(found.expires_on))
