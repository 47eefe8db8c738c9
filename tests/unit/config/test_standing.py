"""What is said to stand behind each key of the configuration."""

from __future__ import annotations

import pytest

from proxy.config.keys import names_of
from proxy.config.schema.root import Config
from proxy.config.standing import WORKS, find_standings

STANDINGS = list(find_standings())


def said(key: str, kind: str = "") -> str:
    """What is said of a key, of the table of this `type`."""
    (state,) = {
        each.state for each in STANDINGS if each.key == key and (not kind or kind in each.types)
    }
    return state


def test_every_section_and_its_keys_have_a_line():
    keys = {each.key for each in STANDINGS}
    assert {names_of(*field)[0] for field in Config.model_fields.items()} <= keys
    assert {"gateway.debug", "functions.FUNCTION.variants.VARIANT.weight"} <= keys
    assert all(each.state for each in STANDINGS)


@pytest.mark.parametrize(
    ("key", "kind", "state"),
    [
        ("gateway.debug", "", WORKS),
        ("gateway.cache.valkey.ttl_s", "", "without effect yet: the cache of answers"),
        ("rate_limiting.rules[].always", "", "without effect yet: rate limits"),
        ("clickhouse.disable_automatic_migrations", "", "accepted, without effect: there is"),
        ("gateway.auth.enabled", "", "differently: callers need a key"),
        ("models.MODEL.providers.PROVIDER.cost", "openai", WORKS),
        ("models.MODEL.providers.PROVIDER.cost", "anthropic", WORKS),
        ("models.MODEL.providers.PROVIDER.api_type", "openai", WORKS),
        (
            "models.MODEL.providers.PROVIDER.beta_structured_outputs",
            "anthropic",
            "accepted, without effect: structured outputs",
        ),
        ("functions.FUNCTION.variants.VARIANT.k", "", WORKS),
    ],
)
def test_marks_of_the_schema_become_words(key, kind, state):
    assert said(key, kind).startswith(state)


def test_a_table_that_works_anywhere_is_said_to_work():
    assert said("models.MODEL.providers.PROVIDER.timeouts.non_streaming.total_ms") == WORKS
