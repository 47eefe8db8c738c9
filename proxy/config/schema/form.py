"""The words in which the schema is written: pydantic's, or in a process that loaded
`proxy.config.plain` before, those of that module."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING or "proxy.config.plain" not in sys.modules:
    from pydantic import (
        AliasChoices,
        BaseModel,
        BeforeValidator,
        ConfigDict,
        Field,
        PlainValidator,
        Strict,
        model_validator,
    )
    from pydantic.fields import FieldInfo
    from pydantic_core import PydanticCustomError
else:
    from proxy.config.plain import (
        AliasChoices,
        BaseModel,
        BeforeValidator,
        ConfigDict,
        Field,
        FieldInfo,
        PlainValidator,
        PydanticCustomError,
        Strict,
        model_validator,
    )

__all__ = [
    "AliasChoices",
    "BaseModel",
    "BeforeValidator",
    "ConfigDict",
    "Field",
    "FieldInfo",
    "PlainValidator",
    "PydanticCustomError",
    "Strict",
    "model_validator",
]
