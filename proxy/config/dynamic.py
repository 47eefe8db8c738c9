"""A variant that a request brings along, in the form of a configuration's."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError

from proxy.config.schema import VariantConfig
from proxy.errors import ConfigError, Problem

NAME = "internal_dynamic_variant_config"

_VARIANT: TypeAdapter[VariantConfig] = TypeAdapter(VariantConfig)


def read_variant(raw: bytes) -> VariantConfig:
    """`raw` is a JSON object. Files stand in it with their label and content, never by path alone.

    Raises:
        ConfigError: it is no variant; all faults at once.
    """
    try:
        return _VARIANT.validate_json(raw)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        raise ConfigError(
            [
                Problem(NAME, ".".join(map(str, fault["loc"])), fault["msg"], "correct the variant")
                for fault in faults
            ]
        ) from error
