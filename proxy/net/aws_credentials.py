"""Credentials and the region of AWS, as its library finds them by default.

Those are variables (AWS_ACCESS_KEY_ID, …), profiles, roles, single sign-on, the container's and the
instance's metadata. What has an end is renewed by the same source; what has none is looked for anew
each time, for files are replaced.
"""

from __future__ import annotations

from typing import Any

from proxy.errors import CredentialMissing
from proxy.net.tokens import Token
from proxy.types.secrets import AwsAccess

EXTRA = "the AWS library is not installed: `pip install 'zeroproxy[aws]'`"


class DefaultAwsKeys:
    """Fetches keys (an `AwsAccess` without a region); see `tokens.Fetch`."""

    def __init__(self) -> None:
        self._renewable: Any = None

    def __call__(self) -> Token[AwsAccess]:
        session = _session()
        from botocore.exceptions import BotoCoreError

        try:
            found = self._renewable or session.get_credentials()
            if found is None:
                raise CredentialMissing("the AWS library finds no credentials")
            frozen = found.get_frozen_credentials()
        except BotoCoreError as error:
            self._renewable = None
            name = type(error).__name__
            raise CredentialMissing(f"the AWS library has no credentials ({name})") from None
        except Exception:
            self._renewable = None
            raise
        end = getattr(found, "_expiry_time", None)
        self._renewable = None if end is None else found
        access = AwsAccess(
            region="",
            access_key_id=frozen.access_key,
            secret_access_key=frozen.secret_key,
            session_token=frozen.token or None,
        )
        return Token(access, None if end is None else end.timestamp())


class DefaultAwsRegion:
    """Fetches the region: of the profile, or of the instance; see `tokens.Fetch`."""

    def __call__(self) -> Token[str]:
        session = _session()
        from botocore.exceptions import BotoCoreError
        from botocore.utils import IMDSRegionProvider

        try:
            region = session.get_config_variable("region") or IMDSRegionProvider(session).provide()
        except BotoCoreError as error:
            name = type(error).__name__
            raise CredentialMissing(f"the AWS library has no region ({name})") from None
        if not region:
            raise CredentialMissing("the AWS library finds no region; set AWS_REGION")
        return Token(str(region))


def _session() -> Any:
    try:
        from botocore.session import Session
    except ImportError:
        raise CredentialMissing(EXTRA) from None
    return Session()
