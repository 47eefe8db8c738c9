"""Answers in JSON: by a schema that the provider enforces, or by asking for it in words."""

from __future__ import annotations

from typing import NamedTuple

import orjson

from proxy.types.request import ModelRequest
from proxy.wire.messages.content import members_of
from proxy.wire.values import compact_json, raw_text

JSON_INSTRUCTION = (
    "Respond with one JSON object and nothing else: no words before or after it, no code fence."
)
SCHEMA_INSTRUCTION = "It must fit this JSON schema: "


class Format(NamedTuple):
    """What makes an answer JSON."""

    output_format: object = None
    """The member of `output_config`."""
    instruction: str = ""
    """To be added to the system text."""
    ignored: bool = False
    """A schema is asked for in words that should have been enforced."""


def encode_format(request: ModelRequest, *, enforces_schemas: bool) -> Format:
    """Of JSON mode and response format what the protocol can say. The models refuse answers that
    are begun for them, so that JSON without a schema can but be asked for."""
    mode = request.params.json_mode
    given = members_of(request.response_format)
    kind = raw_text(given.get("type"))
    schema = members_of(given.get("json_schema")).get("schema")
    if mode in (None, "strict") and kind == "json_schema" and schema is not None:
        if enforces_schemas:
            fragment = orjson.Fragment(schema)
            return Format({"type": "json_schema", "schema": fragment})
        words = f"{JSON_INSTRUCTION} {SCHEMA_INSTRUCTION}{compact_json(schema)}"
        return Format(instruction=words, ignored=True)
    if mode in ("on", "strict") or (mode is None and kind in ("json_object", "json_schema")):
        return Format(instruction=JSON_INSTRUCTION)
    return Format()
