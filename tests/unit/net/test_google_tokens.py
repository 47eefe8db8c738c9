"""Google's tokens, from servers on the loopback."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from urllib.parse import parse_qs

import jwt
import pytest

from proxy.errors import CredentialMissing
from proxy.net.google_tokens import DefaultGoogleTokens, ServiceAccountTokens
from proxy.net.tokens import Token
from proxy.types.secrets import BearerToken
from tests.unit.net.token_servers import google_metadata, oauth, service_account, serving

SCOPE = "https://www.googleapis.com/auth/cloud-platform"


@pytest.fixture(autouse=True)
def nothing_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "GAE_ENV"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("PATH", str(tmp_path))


def metadata_at(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """The library reads GCE_METADATA_HOST when it is imported, which may have happened."""
    from google.auth.compute_engine import _metadata

    monkeypatch.setenv("GCE_METADATA_HOST", host)
    monkeypatch.setenv("GCE_METADATA_IP", host)
    monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", host)
    monkeypatch.setattr(_metadata, "_METADATA_DETECT_RETRIES", 1)


async def fetched(source: ServiceAccountTokens | DefaultGoogleTokens) -> Token[BearerToken]:
    return await asyncio.to_thread(source)


async def test_a_service_account_gets_a_token_for_what_it_signed() -> None:
    async with serving(oauth) as server:
        account = service_account(f"{server.url}/token")
        source = ServiceAccountTokens(account, SCOPE)
        token = await fetched(source)
        assert (str(token.value), (await fetched(source)).value) == ("token-1", "token-2")
    (assertion,) = parse_qs(server.seen[0]["body"])["assertion"]
    claims = jwt.decode(assertion, options={"verify_signature": False})
    assert (claims["iss"], claims["scope"]) == ("robot@p.iam.gserviceaccount.com", SCOPE)
    assert token.expires_at == pytest.approx(claims["iat"] + 3600, abs=30)
    assert "token-1" not in repr(token.value)


async def test_a_refusal_is_told_by_its_code_and_without_the_servers_words() -> None:
    said = {"error": "invalid_grant", "error_description": "hush: Invalid JWT Signature."}
    async with serving(lambda number, path: (400, said)) as server:
        with pytest.raises(CredentialMissing) as caught:
            await fetched(ServiceAccountTokens(service_account(f"{server.url}/t"), SCOPE))
    assert str(caught.value) == "the token server refuses it (invalid_grant)"


async def test_a_server_that_does_not_answer_is_told() -> None:
    with pytest.raises(CredentialMissing, match="the token server gives none"):
        await fetched(ServiceAccountTokens(service_account("http://127.0.0.1:1/t"), SCOPE))


async def test_a_private_key_that_is_none_is_told_without_it() -> None:
    account = {**service_account("http://127.0.0.1:1/t"), "private_key": "-----BEGIN hush"}
    with pytest.raises(CredentialMissing, match="`private_key` cannot be read") as caught:
        await fetched(ServiceAccountTokens(account, SCOPE))
    assert "hush" not in str(caught.value)


async def test_the_metadata_server_is_asked_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(google_metadata) as server:
        metadata_at(monkeypatch, server.url.removeprefix("http://"))
        token = await fetched(DefaultGoogleTokens(SCOPE))
    assert token.value == "of-the-machine"
    assert token.expires_at is not None
    asked = [each for each in server.seen if each["path"].endswith("/token")]
    assert [each["headers"]["metadata-flavor"] for each in asked] == ["Google"]


async def test_the_file_that_the_usual_variable_names_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with serving(oauth) as server:
        file = tmp_path / "account.json"
        file.write_text(json.dumps(service_account(f"{server.url}/token")))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        assert (await fetched(DefaultGoogleTokens(SCOPE))).value == "token-1"


async def test_nothing_found_by_default_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    metadata_at(monkeypatch, "127.0.0.1:1")
    with pytest.raises(CredentialMissing, match="finds no default credentials"):
        await fetched(DefaultGoogleTokens(SCOPE))


@pytest.mark.parametrize("source", [ServiceAccountTokens({}, SCOPE), DefaultGoogleTokens(SCOPE)])
async def test_a_missing_library_is_named(
    source: ServiceAccountTokens | DefaultGoogleTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "google.auth.transport.requests", None)
    with pytest.raises(CredentialMissing, match=r"pip install 'zeroproxy\[gcp\]'"):
        await fetched(source)
