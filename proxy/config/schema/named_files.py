"""Files that the configuration names, as loading has read them: a label and a content."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from proxy.config.schema.base import Section, Shown, problem
from proxy.config.schema.form import BeforeValidator, Field

LABEL = "__tensorzero_remapped_path"
TEXT = "__data"


class NamedFile(Section):
    """A file's text, and the label it has in messages (its path as written)."""

    label: str = Field(alias=LABEL, description="The name it has in messages.")
    text: str = Field(alias=TEXT, description="Its content.")


class Template(NamedFile):
    """A template's text."""


class SchemaFile(NamedFile):
    """A JSON Schema's text; loading has checked that it is one."""

    @property
    def value(self) -> Any:
        """The schema as plain JSON, in its own key order."""
        return json.loads(self.text)


def _checked(kind: str) -> Callable[[object], object]:
    def check(value: object) -> object:
        if value is None or isinstance(value, dict | NamedFile):
            return value
        raise problem(
            f"expected the path of a {kind}",
            f"write a path as text, or the object `{{{LABEL}: LABEL, {TEXT}: CONTENT}}`",
        )

    return check


TextPath = Annotated[Template, BeforeValidator(_checked("text file")), Shown("path of a text file")]
SchemaPath = Annotated[
    SchemaFile, BeforeValidator(_checked("JSON Schema")), Shown("path of a JSON Schema")
]


class TemplateEntry(Section):
    path: TextPath = Field(description="The template (MiniJinja).")


class SchemaEntry(Section):
    path: SchemaPath = Field(description="The schema of the template's arguments.")


Schemas = Mapping[str, SchemaFile]
Templates = Mapping[str, Template]
