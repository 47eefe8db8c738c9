"""Where the secret of a call comes from: fixed, carried by the call, or one after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from proxy.config.schema.credentials import CredentialLocation, parse_location
from proxy.errors import CredentialMissing
from proxy.models.credentials import CallCredentials, is_operators, load_credential

HUSH = "hush-1234567890"
CALL = CallCredentials(bearer="callers", dynamic={"k": HUSH})


def located(written: Any) -> CredentialLocation:
    return parse_location(written)


def value(written: Any, environ: dict[str, str] | None = None) -> Any:
    return load_credential(located(written), environ or {})(CALL, "Somebody")


def test_each_kind_of_location_gives_its_value(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("of-a-file\n")
    assert value("env::K", {"K": "of-a-variable"}) == "of-a-variable"
    assert value(f"path::{file}") == "of-a-file"
    assert value("path_from_env::F", {"F": str(file)}) == "of-a-file"
    assert value("dynamic::k") == HUSH
    assert value("client::") == "callers"
    assert value("none") is None


@pytest.mark.parametrize(
    ("written", "environ", "said"),
    [
        ("env::K", {}, "Environment variable `K` is missing"),
        ("env::K", {"K": ""}, "Environment variable `K` is missing"),
        ("path::/does/not/exist", {}, "Failed to read credentials file"),
        ("path_from_env::F", {}, "The file named by `F` cannot be read"),
        ("path_from_env::F", {"F": "\0"}, "The file named by `F` cannot be read"),
        ("dynamic::absent", {}, "Dynamic api key `absent` is missing"),
        ("sdk", {}, "`sdk` stands for nothing here"),
    ],
)
def test_what_is_missing_is_told_with_its_name(
    written: str, environ: dict[str, str], said: str
) -> None:
    with pytest.raises(CredentialMissing) as caught:
        value(written, environ)
    assert str(caught.value) == f"API key missing for provider Somebody: {said}"


@pytest.mark.parametrize(
    ("default", "fallback", "expected"),
    [
        ("dynamic::k", "none", HUSH),
        ("dynamic::absent", "client::", "callers"),
        ("env::ABSENT", "none", None),
        ("none", "dynamic::k", HUSH),
    ],
)
def test_a_fallback_serves_when_the_default_has_no_value(
    default: str, fallback: str, expected: str | None
) -> None:
    assert value({"default": default, "fallback": fallback}) == expected


def test_what_a_call_brings_is_not_shown() -> None:
    assert HUSH not in repr(CALL)
    assert "callers" not in repr(CALL)


@pytest.mark.parametrize(
    ("written", "operators"),
    [
        ("env::SET", True),
        ("env::UNSET", False),
        ("path::/a", True),
        ("sdk", True),
        ("dynamic::k", False),
        ("client::", False),
        ("none", False),
        ({"default": "dynamic::k", "fallback": "sdk"}, True),
    ],
)
def test_whose_secret_it_is(written: Any, operators: bool) -> None:
    assert is_operators(located(written), {"SET": "x"}) is operators
