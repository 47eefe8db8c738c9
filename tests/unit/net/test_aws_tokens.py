"""Keys and the region of AWS, as its library finds them."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path

import pytest

from proxy.errors import CredentialMissing
from proxy.net.aws_credentials import DefaultAwsKeys, DefaultAwsRegion
from proxy.net.tokens import TokenKeeper
from tests.unit.net.token_servers import aws_container, serving


@pytest.fixture(autouse=True)
def nothing_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = (
        "ACCESS_KEY_ID SECRET_ACCESS_KEY SESSION_TOKEN PROFILE REGION DEFAULT_REGION ROLE_ARN "
        "CONTAINER_CREDENTIALS_FULL_URI CONTAINER_CREDENTIALS_RELATIVE_URI WEB_IDENTITY_TOKEN_FILE"
    )
    for name in names.split():
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))


async def test_a_containers_keys_come_with_their_end_and_are_renewed_by_the_same_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(partial(aws_container, seconds=120)) as server:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.url}/creds")
        source = DefaultAwsKeys()
        first = await asyncio.to_thread(source)
        second = await asyncio.to_thread(source)
    numbers = [int(each.value.access_key_id.removeprefix("AK")) for each in (first, second)]
    assert numbers[0] < numbers[1]
    assert first.value.session_token == "hush-token"
    assert first.expires_at is not None
    assert "hush" not in repr(first.value) + repr(first)


async def test_a_hundred_callers_ask_the_container_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(aws_container) as server:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.url}/creds")
        keeper = TokenKeeper("the default credentials", DefaultAwsKeys())
        found = await asyncio.gather(*(keeper.fetch() for _ in range(100)))
    assert {each.access_key_id for each in found} == {"AK1"}
    assert server.calls == 1


async def test_a_source_that_fails_later_is_told_and_found_again_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = False

    def answer(number: int, path: str):  # type: ignore[no-untyped-def]
        return (500, "hush") if broken else aws_container(number, path, seconds=120)

    async with serving(answer) as server:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.url}/creds")
        source = DefaultAwsKeys()
        await asyncio.to_thread(source)
        broken = True
        with pytest.raises(CredentialMissing, match="has no credentials") as caught:
            await asyncio.to_thread(source)
        assert "hush" not in str(caught.value)
        broken = False
        assert (await asyncio.to_thread(source)).value.secret_access_key == "hush-key"


async def test_keys_of_a_file_have_no_end_and_are_read_anew_each_time(tmp_path: Path) -> None:
    source, file = DefaultAwsKeys(), tmp_path / "credentials"
    for key in ("AKONE", "AKTWO"):
        file.write_text(f"[default]\naws_access_key_id={key}\naws_secret_access_key=s\n")
        token = await asyncio.to_thread(source)
        assert (token.value.access_key_id, token.expires_at) == (key, None)
    assert token.value.session_token is None


async def test_nothing_found_is_told() -> None:
    with pytest.raises(CredentialMissing, match="finds no credentials"):
        await asyncio.to_thread(DefaultAwsKeys())
    with pytest.raises(CredentialMissing, match="finds no region; set AWS_REGION"):
        await asyncio.to_thread(DefaultAwsRegion())


async def test_a_profile_that_does_not_exist_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "hush")
    for source in (DefaultAwsKeys(), DefaultAwsRegion()):
        with pytest.raises(CredentialMissing, match="ProfileNotFound") as caught:
            await asyncio.to_thread(source)
        assert "hush" not in str(caught.value)


async def test_the_region_is_that_of_the_profile(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default]\nregion = eu-central-1\n")
    assert (await asyncio.to_thread(DefaultAwsRegion())).value == "eu-central-1"


async def test_the_region_is_asked_of_the_instance_where_nothing_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answer(number: int, path: str) -> tuple[int, str]:
        return 200, "us-west-2b" if path.endswith("availability-zone/") else "session"

    async with serving(answer) as server:
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "false")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url)
        assert (await asyncio.to_thread(DefaultAwsRegion())).value == "us-west-2"


@pytest.mark.parametrize("source", [DefaultAwsKeys(), DefaultAwsRegion()])
async def test_a_missing_library_is_named(
    source: DefaultAwsKeys | DefaultAwsRegion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(CredentialMissing, match=r"pip install 'zeroproxy\[aws\]'"):
        await asyncio.to_thread(source)
