"""From an entry of the configuration to the secret of a call, for every kind of cloud."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from proxy.config.schema import ProviderConfig
from proxy.errors import CredentialMissing
from proxy.models.credentials import CallCredentials, Credential
from proxy.models.provider_credentials import build_credential
from proxy.net.tokens import Tokens
from proxy.telemetry.logging import NOISY
from proxy.types.secrets import AddressedSecret, AwsAccess, BearerToken, Secret, is_pending
from tests.unit.net.token_servers import (
    aws_container,
    azure_identity,
    oauth,
    service_account,
    serving,
)

ENTRY: TypeAdapter[ProviderConfig] = TypeAdapter(ProviderConfig)
NOTHING = CallCredentials(bearer=None, dynamic={})

BEDROCK = {"type": "aws_bedrock", "model_id": "m", "region": "eu-central-1"}
SAGEMAKER = {
    "type": "aws_sagemaker",
    "endpoint_name": "e",
    "model_name": "m",
    "hosted_provider": "openai",
    "region": "sdk",
}
VERTEX = {"type": "gcp_vertex_gemini", "model_id": "m", "location": "l", "project_id": "p"}
AZURE = {"type": "azure", "deployment_id": "d", "endpoint": "https://r.openai.azure.com/"}


def credential(
    entry: dict[str, Any], environ: dict[str, str] | None = None, tokens: Tokens | None = None
) -> Credential:
    return build_credential(ENTRY.validate_python(entry), environ or {}, tokens or Tokens())


def brings(**dynamic: str) -> CallCredentials:
    return CallCredentials(bearer=None, dynamic=dynamic)


async def secret_of(made: Credential, call: CallCredentials = NOTHING) -> Secret:
    found = made(call, "Somebody")
    return await found.fetch() if is_pending(found) else found


async def access_of(made: Credential, call: CallCredentials = NOTHING) -> AwsAccess:
    found = await secret_of(made, call)
    assert isinstance(found, AwsAccess)
    return found


@pytest.fixture(autouse=True)
def no_cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE", "REGION"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.delenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))


@pytest.mark.parametrize("kind", ["anthropic", "google_ai_studio_gemini"])
async def test_vendors_with_keys_are_given_their_key(kind: str) -> None:
    entry = {"type": kind, "model_name": "m", "api_key_location": "env::K"}
    assert credential(entry, {"K": "k"})(NOTHING, "x") == "k"


class TestServiceAccounts:
    @pytest.mark.parametrize("where", ["path", "path_from_env", "env"])
    async def test_a_token_is_fetched_once_for_all_who_name_the_account(
        self, where: str, tmp_path: Path
    ) -> None:
        async with serving(oauth) as server:
            text = json.dumps(service_account(f"{server.url}/token"))
            file = tmp_path / "account.json"
            file.write_text(text)
            environ = {"ACCOUNT": text if where == "env" else str(file)}
            location = f"path::{file}" if where == "path" else f"{where}::ACCOUNT"
            tokens = Tokens()
            entry = {**VERTEX, "credential_location": location}
            made = [credential(entry, environ, tokens) for _ in range(4)]
            found = await asyncio.gather(*(secret_of(each) for each in made for _ in range(25)))
            assert found == ["token-1"] * 100
            assert isinstance(found[0], BearerToken)
            assert not is_pending(made[0](NOTHING, "x")), "now it is there"
            assert server.calls == 1

    async def test_a_refusal_names_the_location_and_no_value(self, tmp_path: Path) -> None:
        async with serving(lambda number, path: (401, {"error": "invalid_client"})) as server:
            account = service_account(f"{server.url}/token")
            file = tmp_path / "account.json"
            file.write_text(json.dumps(account))
            made = credential({**VERTEX, "credential_location": f"path::{file}"})
            with pytest.raises(CredentialMissing) as caught:
                await secret_of(made)
        assert str(caught.value) == (
            f"API key missing for provider Somebody: the service account in `path::{file}`: "
            "the token server refuses it (invalid_client)"
        )
        assert account["private_key"][40:80] not in repr(caught.value)

    async def test_a_call_may_bring_a_token_of_its_own(self) -> None:
        made = credential({**VERTEX, "credential_location": "dynamic::t"})
        assert await secret_of(made, brings(t="callers")) == "callers"

    async def test_the_fallback_serves_when_no_token_can_be_had(self, tmp_path: Path) -> None:
        async with serving(lambda number, path: (400, {"error": "invalid_grant"})) as server:
            file = tmp_path / "account.json"
            file.write_text(json.dumps(service_account(f"{server.url}/token")))
            location = {"default": f"path::{file}", "fallback": "dynamic::t"}
            made = credential({**VERTEX, "credential_location": location})
            assert await secret_of(made, brings(t="callers")) == "callers"
            with pytest.raises(CredentialMissing, match="Dynamic api key `t` is missing"):
                await secret_of(made)

    @pytest.mark.parametrize("content", ["hush", "[1]"])
    async def test_what_is_no_account_is_told_by_the_call(
        self, content: str, tmp_path: Path
    ) -> None:
        file = tmp_path / "account.json"
        file.write_text(content)
        made = credential({**VERTEX, "credential_location": f"path::{file}"})
        with pytest.raises(CredentialMissing, match="is no JSON object") as caught:
            made(NOTHING, "x")
        assert "hush" not in str(caught.value)

    async def test_a_file_that_is_not_there_is_told_by_the_call(self) -> None:
        made = credential({**VERTEX, "credential_location": "path::/does/not/exist"})
        with pytest.raises(CredentialMissing, match="Failed to read credentials file"):
            made(NOTHING, "x")


class TestIdentities:
    @pytest.fixture
    async def entra(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
        for name in ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET", "FEDERATED_TOKEN_FILE"):
            monkeypatch.delenv(f"AZURE_{name}", raising=False)
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setenv("IDENTITY_HEADER", "h")
        async with serving(azure_identity) as server:
            monkeypatch.setenv("IDENTITY_ENDPOINT", f"{server.url}/msi")
            yield server

    async def test_the_machines_identity_takes_the_place_of_a_key(self, entra: Any) -> None:
        found = await secret_of(credential({**AZURE, "api_key_location": "sdk"}))
        assert found == "entra-1"
        assert isinstance(found, BearerToken)
        assert entra.seen[0]["query"]["resource"] == "https://cognitiveservices.azure.com"

    @pytest.mark.parametrize("end", ["us", "cn"])
    async def test_a_cloud_of_its_own_has_a_scope_of_its_own(self, end: str, entra: Any) -> None:
        endpoint = f"https://r.openai.azure.{end}/"
        await secret_of(credential({**AZURE, "endpoint": endpoint, "api_key_location": "sdk"}))
        resource = f"https://cognitiveservices.azure.{end}"
        assert entra.seen[0]["query"]["resource"] == resource

    async def test_a_key_stays_a_key(self) -> None:
        found = await secret_of(credential({**AZURE, "api_key_location": "env::K"}, {"K": "k"}))
        assert found == "k"
        assert not isinstance(found, BearerToken)

    async def test_the_identity_may_be_a_fallback(self, entra: Any) -> None:
        location = {"default": "dynamic::k", "fallback": "sdk"}
        made = credential({**AZURE, "api_key_location": location})
        assert await secret_of(made, brings(k="callers")) == "callers"
        assert entra.calls == 0
        assert await secret_of(made) == "entra-1"

    async def test_an_address_that_the_call_brings_goes_with_the_secret(self, entra: Any) -> None:
        for location, secret in (("dynamic::k", "callers"), ("sdk", "entra-1")):
            entry = {**AZURE, "endpoint": "dynamic::where", "api_key_location": location}
            made = credential(entry)
            found = await secret_of(made, brings(where="https://mine.example", k="callers"))
            assert found == AddressedSecret("https://mine.example/", secret)
            assert secret not in repr(found)

    @pytest.mark.parametrize(
        ("brought", "said"),
        [
            ({}, "Dynamic endpoint `where` is missing"),
            ({"where": "file:///etc/hush"}, "Dynamic endpoint `where` is not an http or https URL"),
        ],
    )
    async def test_an_address_that_is_none_is_told(
        self, brought: dict[str, str], said: str
    ) -> None:
        made = credential({**AZURE, "endpoint": "dynamic::where", "api_key_location": "none"})
        with pytest.raises(CredentialMissing, match=said) as caught:
            await secret_of(made, brings(**brought))
        assert "hush" not in str(caught.value)


class TestAws:
    async def test_keys_of_variables_are_given_at_once(self) -> None:
        entry = {
            **BEDROCK,
            "access_key_id": "env::A",
            "secret_access_key": "env::S",
            "session_token": "env::T",
            "endpoint_url": "env::URL",
        }
        environ = {"A": "AKIA", "S": "hush", "T": "hush-token", "URL": "http://127.0.0.1:1"}
        found = credential(entry, environ)(NOTHING, "x")
        assert found == AwsAccess(
            "eu-central-1", "http://127.0.0.1:1", "AKIA", "hush", "hush-token"
        )
        assert "hush" not in repr(found)

    async def test_keys_region_and_address_may_come_with_the_call(self) -> None:
        entry = {
            **BEDROCK,
            "region": "dynamic::r",
            "endpoint_url": "dynamic::u",
            "access_key_id": "dynamic::a",
            "secret_access_key": "dynamic::s",
            "session_token": "sdk",
        }
        call = brings(r="us-west-2", u="https://x.example", a="AKIA", s="hush")
        found = credential(entry)(call, "x")
        assert found == AwsAccess("us-west-2", "https://x.example", "AKIA", "hush")

    @pytest.mark.parametrize(
        ("brought", "said"),
        [
            ({"u": "http://u", "a": "a", "s": "s"}, "Dynamic api key `r` is missing"),
            ({"r": "eu/@evil.com", "u": "http://u", "a": "a", "s": "s"}, "the name of one"),
            ({"r": "eu", "u": "ftp://hush", "a": "a", "s": "s"}, "not an http or https URL"),
            ({"r": "eu", "u": "http://u", "a": "a"}, "Dynamic api key `s` is missing"),
        ],
    )
    async def test_what_a_call_leaves_out_or_brings_amiss_is_told(
        self, brought: dict[str, str], said: str
    ) -> None:
        entry = {
            **BEDROCK,
            "region": "dynamic::r",
            "endpoint_url": "dynamic::u",
            "access_key_id": "dynamic::a",
            "secret_access_key": "dynamic::s",
        }
        with pytest.raises(CredentialMissing, match=said) as caught:
            credential(entry)(brings(**brought), "x")
        assert "evil" not in str(caught.value)
        assert "hush" not in str(caught.value)

    async def test_a_bearer_key_takes_the_place_of_the_signature(self) -> None:
        found = credential({**BEDROCK, "api_key": "dynamic::k"})(brings(k="hush"), "x")
        assert found == AwsAccess("eu-central-1", api_key="hush")
        assert "hush" not in repr(found)

    async def test_the_usual_variable_has_a_bearer_key_where_nothing_is_configured(self) -> None:
        environ = {"AWS_BEARER_TOKEN_BEDROCK": "hush"}
        assert credential(BEDROCK, environ)(NOTHING, "x") == AwsAccess(
            "eu-central-1", api_key="hush"
        )
        keys = {"access_key_id": "dynamic::a", "secret_access_key": "dynamic::a"}
        found = await access_of(credential({**BEDROCK, **keys}, environ), brings(a="AKIA"))
        assert (found.access_key_id, found.api_key) == ("AKIA", None)
        entry = {**SAGEMAKER, "region": "eu", **keys}
        assert (await access_of(credential(entry, environ), brings(a="x"))).api_key is None

    async def test_keys_may_be_those_of_the_machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with serving(aws_container) as server:
            monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.url}/creds")
            tokens = Tokens()
            explicit = {"access_key_id": "sdk", "secret_access_key": "sdk", "session_token": "sdk"}
            made = [
                credential(BEDROCK, {}, tokens),
                credential({**BEDROCK, **explicit}, {}, tokens),
            ]
            found = await asyncio.gather(*(access_of(each) for each in made for _ in range(50)))
            assert server.calls == 1
        assert set(found) == {AwsAccess("eu-central-1", None, "AK1", "hush-key", "hush-token")}
        assert not is_pending(made[1](NOTHING, "x"))

    async def test_no_keys_anywhere_is_told(self) -> None:
        with pytest.raises(CredentialMissing) as caught:
            await secret_of(credential(BEDROCK))
        assert str(caught.value) == (
            "API key missing for provider Somebody: the default credentials of the AWS library "
            "(`sdk`): the AWS library finds no credentials"
        )

    @pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
    async def test_the_region_may_be_that_of_the_usual_variables(self, variable: str) -> None:
        entry = {**SAGEMAKER, "access_key_id": "env::A", "secret_access_key": "env::A"}
        found = credential(entry, {"A": "a", variable: "eu-west-3"})(NOTHING, "x")
        assert isinstance(found, AwsAccess)
        assert found.region == "eu-west-3"

    @pytest.mark.parametrize("region", [{"region": "sdk"}, {"allow_auto_detect_region": True}])
    async def test_the_region_may_be_that_of_the_profile(
        self, region: dict[str, Any], tmp_path: Path
    ) -> None:
        (tmp_path / "config").write_text("[default]\nregion = eu-west-3\n")
        entry = {**BEDROCK, "region": None, **region, "api_key": "env::K"}
        made = credential(entry, {"K": "k"})
        assert await access_of(made) == AwsAccess("eu-west-3", api_key="k")
        assert not is_pending(made(NOTHING, "x"))

    async def test_region_and_address_may_be_in_files(self, tmp_path: Path) -> None:
        (tmp_path / "region").write_text("eu-north-1\n")
        (tmp_path / "url").write_text("https://vpce.example.com\n")
        entry = {
            **BEDROCK,
            "region": f"path::{tmp_path}/region",
            "endpoint_url": f"path::{tmp_path}/url",
            "api_key": "env::K",
        }
        found = await access_of(credential(entry, {"K": "k"}))
        assert (found.region, found.endpoint_url) == ("eu-north-1", "https://vpce.example.com")
        entry["endpoint_url"] = "none"
        assert (await access_of(credential(entry, {"K": "k"}))).endpoint_url is None


async def test_no_secret_gets_into_a_log_however_much_is_logged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    for library in NOISY:
        caplog.set_level("DEBUG", logger=library)
    for name in ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET", "FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(f"AZURE_{name}", raising=False)
    async with serving(oauth) as google, serving(azure_identity) as entra:
        account = service_account(f"{google.url}/token")
        file = tmp_path / "account.json"
        file.write_text(json.dumps(account))
        await secret_of(credential({**VERTEX, "credential_location": f"path::{file}"}))
        monkeypatch.setenv("IDENTITY_HEADER", "hush")
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{entra.url}/msi")
        await secret_of(credential({**AZURE, "api_key_location": "sdk"}))
    async with serving(aws_container) as aws:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{aws.url}/creds")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "hush-authorization")
        await secret_of(credential(BEDROCK))
    assert "127.0.0.1" in caplog.text, "the libraries do log"
    for secret in ("hush", "token-1", "entra-1", account["private_key"][60:90]):
        assert secret not in caplog.text
