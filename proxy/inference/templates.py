"""Templates, rendered by the engine that TensorZero uses (MiniJinja), with its settings.

Undefined variables are errors, nothing is escaped, a file's last newline is dropped, and templates
include only each other and what was handed in by name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.errors import ConfigError, Problem, Unrenderable
from proxy.inference.bounded_engine import BoundedEngine, EngineFailed
from proxy.inference.engine import fault_told, open_engine
from proxy.inference.template_values import NO_MEMBER, read_arguments
from proxy.types.content import Block, RawText, Template, Text
from proxy.types.request import Input, Message, Texts

if TYPE_CHECKING:
    from minijinja import Environment

SYSTEM = "system"
NOTHING: Mapping[str, str] = MappingProxyType({})
_RENDERED = (RawText, Template)
"""Blocks that become texts in any case."""


@dataclass(frozen=True, slots=True)
class TemplateSource:
    """A template as configured. `label` is its path as written, its name in messages.

    `of_role` says that it is the `system_template`, `user_template` or `assistant_template` (or an
    input wrapper): texts of that role go through it. Others are `templates.NAME`.
    """

    label: str
    text: str
    of_role: bool = False


class TemplateSet:
    """The templates of one variant, by name."""

    def __init__(
        self,
        sources: Mapping[str, TemplateSource],
        *,
        with_schema: Collection[str] = (),
        includes: Mapping[str, str] = NOTHING,
        brought: bool = False,
    ) -> None:
        """`with_schema` has the names for which the function has a schema; `includes` the texts
        that templates may include, by the names they use. `brought` says that a caller brought the
        templates, who is not trusted with the time and the memory that they take.

        Raises:
            ConfigError: a template's syntax is wrong; all faults at once.
        """
        self._sources = dict(sources)
        self._keys: dict[str, str] = {}
        self._text_only = {
            name for name, each in sources.items() if each.of_role and name not in with_schema
        }
        self._environment = _open(includes, brought) if sources else None
        self.plain = not sources and not brought
        """Whether there is nothing to render with."""
        problems = [problem for name in sources if (problem := self._add(name)) is not None]
        if problems:
            raise ConfigError(problems)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._sources)

    @property
    def explicit(self) -> frozenset[str]:
        """The names that a block of arguments can ask for: all but those that take one text."""
        return frozenset(self._sources) - self._text_only

    @property
    def renders_messages(self) -> bool:
        """Whether texts of users or assistants go through a template."""
        return any(each.of_role for name, each in self._sources.items() if name != SYSTEM)

    def undeclared(self, name: str) -> frozenset[str]:
        """The variables that the template takes from its context, without the engine's own."""
        assert not isinstance(self._environment, BoundedEngine) and self._environment is not None
        used = self._environment.undeclared_variables_in_template(self._keys[name])
        return frozenset(used) - frozenset(self._environment.globals)

    def render_input(self, said: Input) -> Input:
        """What a model gets to see.

        Raises:
            Unrenderable: a template is missing, or fails on what was sent; `param` is the place.
        """
        if self.plain and type(said.messages) is Texts and not isinstance(said.system, bytes):
            return said
        try:
            messages = said.messages
            if not all(map(self._leaves, messages)):
                messages = tuple(
                    self.render_message(message, f"input.messages[{index}]")
                    for index, message in enumerate(messages)
                )
            system = self.render_system(said.system)
            if messages is said.messages and system is said.system:
                return said
            parts = said.system_parts if system == said.system else ()
            return replace(said, messages=messages, system=system, system_parts=parts)
        finally:
            if isinstance(self._environment, BoundedEngine):
                self._environment.rest()

    def render_system(self, system: str | bytes | None) -> str | None:
        """The system text; None when there is neither text nor template. Raises as above."""
        where = "input.system"
        if SYSTEM not in self._sources:
            if isinstance(system, bytes):
                raise Unrenderable(
                    "System message content is a template but there is no variant template",
                    param=where,
                )
            return system
        if SYSTEM not in self._text_only:
            arguments = _arguments(system, where) if isinstance(system, bytes) else {}
            return self.render(SYSTEM, arguments, where)
        if isinstance(system, bytes):
            raise Unrenderable(
                "System message content is a template but `input_wrappers.system` is set in the "
                "variant config",
                param=where,
            )
        return self.render(SYSTEM, {f"{SYSTEM}_text": system}, where)

    def render_message(self, message: Message, where: str) -> Message:
        """The message with templates rendered and raw texts as texts. Raises as above."""
        if self._leaves(message):
            return message
        blocks = (
            self._render_block(block, message.role, f"{where}.content[{index}]")
            for index, block in enumerate(message.content)
        )
        return replace(message, content=tuple(blocks))

    def render(self, name: str, arguments: Mapping[str, object], where: str) -> str:
        """The template `name` with these variables. Raises as above."""
        label = self._sources[name].label
        assert self._environment is not None
        try:
            text = self._environment.render_template(self._keys[name], **arguments)
            if NO_MEMBER not in text:
                return text
            reason = f"undefined value (in {label})"
        except Exception as error:  # of the engine, or of the values in its stead
            told = _told(error)
            reason = str(error) if told is None else told
        raise Unrenderable(
            f"Error rendering template {label}: Could not render template: {reason}", param=where
        )

    def _add(self, name: str) -> Problem | None:
        source = self._sources[name]
        shared = any(
            key == source.label and self._sources[other].text != source.text
            for other, key in self._keys.items()
        )
        self._keys[name] = key = f"{source.label} ({name})" if shared else source.label
        assert self._environment is not None
        try:
            self._environment.add_template(key, source.text)
        except Exception as error:
            why = _told(error)
            if why is None:
                raise
            form = f"{name}_template" if source.of_role else f"templates.{name}"
            message = f"Error rendering template {source.label}: Failed to add template: {why}"
            return Problem(source.label, form, message, "correct the template (MiniJinja)")
        return None

    def _leaves(self, message: Message) -> bool:
        """Whether the message stays as it is."""
        return not any(self._changes(block, message.role) for block in message.content)

    def _changes(self, block: Block, role: str) -> bool:
        if isinstance(block, Text):
            return role in self._sources and self._sources[role].of_role
        return isinstance(block, _RENDERED)

    def _render_block(self, block: Block, role: str, where: str) -> Block:
        match block:
            case RawText(value):
                return Text(value)
            case Text(text=text) if self._changes(block, role):
                rendered = self.render(role, {f"{role}_text": text}, where)
                return replace(block, text=rendered)
            case Template():
                return Text(self._render_arguments(block, role, where))
        return block

    def _render_arguments(self, block: Template, role: str, where: str) -> str:
        if block.name not in self._sources:
            raise Unrenderable(f"Template `{block.name}` not found", param=where)
        if block.name in self._text_only:
            raise Unrenderable(
                f"Request message content {block.arguments.decode()} is not a string but "
                f"`input_wrappers.{role}` is set in the variant config",
                param=where,
            )
        return self.render(block.name, _arguments(block.arguments, where), where)


class SystemTemplate:
    """A variant's system text. Its one variable is `system_text`: what the client sent, or none."""

    def __init__(self, label: str, text: str, includes: Mapping[str, str] = NOTHING) -> None:
        """Raises ConfigError when the template's syntax is wrong."""
        source = TemplateSource(label, text, of_role=True)
        self._templates = TemplateSet({SYSTEM: source}, includes=includes)

    def render(self, system_text: str | None) -> str:
        """The text to send.

        Raises:
            Unrenderable: the template cannot be rendered with what the client sent.
        """
        return self._templates.render_system(system_text) or ""


def _arguments(raw: bytes, where: str) -> dict[str, object]:
    try:
        return read_arguments(raw)
    except ValueError as error:
        raise Unrenderable(f"Template arguments cannot be read: {error}", param=where) from error


def _open(includes: Mapping[str, str], brought: bool) -> BoundedEngine | Environment:
    return BoundedEngine(includes) if brought else open_engine(includes)


def _told(error: Exception) -> str | None:
    """What an engine says of a template; None if the error is no engine's."""
    return str(error) if isinstance(error, EngineFailed) else fault_told(error)
