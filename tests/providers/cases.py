"""The cases of the page: one for each feature of each provider, and the exchanges that prove it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.exchanges.written import Written, written_exchanges
from tests.providers.features import FEATURES, Feature
from tests.providers.lacks import NOT_YET, lack_of
from tests.providers.vendors import VENDORS, Vendor

WORKS = "yes"
APART = ("keyless", "embeddings")
"""Features that are proved without an exchange."""
WRAPPING, HOSTED_PROTOCOL = "payload_parts", "chat_completions"
"""A protocol that wraps another, and what a server behind it speaks."""


@dataclass(frozen=True)
class Case:
    """One cell. It works unless it says why not."""

    vendor: Vendor
    feature: Feature
    exchanges: tuple[Written, ...]
    not_offered: str = ""
    not_yet: str = ""

    @property
    def works(self) -> bool:
        return not self.not_offered and not self.not_yet

    def __str__(self) -> str:
        return f"{self.vendor.name}-{self.feature.name}"


def all_cases() -> list[Case]:
    """Feature by feature, as on the page."""
    return [case_of(vendor, feature) for feature in FEATURES for vendor in VENDORS]


def case_of(vendor: Vendor, feature: Feature) -> Case:
    return Case(
        vendor,
        feature,
        tuple(exchanges_of(vendor, feature.name)),
        lack_of(vendor.name, vendor.wire, feature.name),
        NOT_YET.get((vendor.name, feature.name), ""),
    )


def exchanges_of(vendor: Vendor, feature: str) -> Iterator[Written]:
    """Those of the vendor's protocol, save what only other vendors' dialects of it have.

    Of a feature for which a protocol that wraps another has none, the inner one's.
    """
    own = [each for each in written_exchanges() if each.values["feature"] == feature]
    for wire in (vendor.wire, *((HOSTED_PROTOCOL,) if vendor.wire == WRAPPING else ())):
        found = [each for each in own if each.wire == wire and speaks(vendor, each)]
        yield from found
        if found:
            return


def speaks(vendor: Vendor, exchange: Written) -> bool:
    """Whether the exchange is for all who speak its protocol, or for this one by name."""
    only = exchange.values.get("only")
    return vendor.name in only if only else vendor.name not in exchange.values.get("but", ())
