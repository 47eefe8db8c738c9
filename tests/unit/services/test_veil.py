"""Secrets that a provider repeats in its error."""

from __future__ import annotations

import pytest

from proxy.services.veil import veiled
from proxy.types.secrets import AddressedSecret, AwsAccess, BearerToken, Secret

ACCESS = AwsAccess(
    "eu-west-1",
    access_key_id="AKIDEXAMPLE",
    secret_access_key="the/secret+key",
    session_token="the+session/token==",
)


@pytest.mark.parametrize(
    "secret",
    ["sk-a-long-key", BearerToken("sk-a-long-key"), AddressedSecret("http://h/", "sk-a-long-key")],
)
def test_a_key_is_not_told_again(secret: Secret) -> None:
    assert veiled(b"no such key: sk-a-long-key (sk-a-long-key)", secret) == (
        b"no such key: *** (***)"
    )


def test_of_a_signed_request_the_token_and_the_signature_are_not_told_again() -> None:
    said = b"x-amz-security-token:the+session/token==\nCredential=AKIDEXAMPLE, Signature=" + (
        b"0a" * 32
    )
    assert veiled(said, ACCESS) == (
        b"x-amz-security-token:***\nCredential=AKIDEXAMPLE, Signature=***"
    )


@pytest.mark.parametrize("secret", [None, "", "k", ACCESS, AddressedSecret("http://h/", None)])
def test_other_words_stay_as_they_are(secret: Secret) -> None:
    assert veiled(b'{"message": "k is not ok"}', secret) == b'{"message": "k is not ok"}'
