"""Tokens of Microsoft Entra, from an identity endpoint on the loopback."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError

from proxy.errors import CredentialMissing
from proxy.net.azure_tokens import EntraTokens
from tests.unit.net.token_servers import azure_identity, serving

SCOPE = "https://cognitiveservices.azure.com/.default"


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET", "FEDERATED_TOKEN_FILE", "USERNAME"):
        monkeypatch.delenv(f"AZURE_{name}", raising=False)
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "MSI_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))


async def test_a_managed_identity_gets_a_token_for_the_scope(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(azure_identity) as server:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{server.url}/msi")
        monkeypatch.setenv("IDENTITY_HEADER", "h")
        source = EntraTokens(SCOPE)
        token = await asyncio.to_thread(source)
        again = await asyncio.to_thread(source)
    assert token.value == again.value == "entra-1"
    assert token.expires_at is not None
    (seen,) = server.seen
    assert seen["query"]["resource"] == "https://cognitiveservices.azure.com"
    assert seen["headers"]["x-identity-header"] == "h"
    assert "entra-1" not in repr(token.value)


async def test_an_endpoint_that_refuses_is_told_without_its_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(lambda number, path: (400, {"message": "hush"})) as server:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{server.url}/msi")
        monkeypatch.setenv("IDENTITY_HEADER", "h")
        with pytest.raises(CredentialMissing, match="no identity") as caught:
            await asyncio.to_thread(EntraTokens(SCOPE))
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ClientAuthenticationError("AADSTS700: hush"),
            "no identity is accepted (AADSTS700)",
        ),
        (ClientAuthenticationError("hush"), "no identity is accepted"),
        (ServiceRequestError("hush"), "the token server gives none (ServiceRequestError)"),
        (ValueError("hush"), "the token server gives none (ValueError)"),
    ],
)
async def test_what_the_library_fails_with_becomes_a_sentence(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*scopes: str) -> None:
        raise error

    monkeypatch.setattr("azure.identity.DefaultAzureCredential.get_token", fail)
    with pytest.raises(CredentialMissing) as caught:
        await asyncio.to_thread(EntraTokens(SCOPE))
    assert str(caught.value) == said


async def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    with pytest.raises(CredentialMissing, match=r"pip install 'zeroproxy\[azure\]'"):
        await asyncio.to_thread(EntraTokens(SCOPE))
