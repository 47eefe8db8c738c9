"""Templates, rendered by the engine that TensorZero uses (MiniJinja), with its settings."""

from __future__ import annotations

from minijinja import Environment, TemplateError

from proxy.errors import ConfigError, InvalidRequest, Problem


class SystemTemplate:
    """A variant's system text. Its one variable is `system_text`: what the client sent, or none."""

    def __init__(self, label: str, text: str) -> None:
        self._label = label
        self._environment = Environment(
            undefined_behavior="strict", pycompat=False, auto_escape_callback=lambda name: False
        )
        try:
            self._environment.add_template("system", text)
        except TemplateError as error:
            problem = Problem(label, "system_template", str(error), "mend the template's syntax")
            raise ConfigError([problem]) from error

    def render(self, system_text: str | None) -> str:
        """The text to send.

        Raises:
            InvalidRequest: the template cannot be rendered with what the client sent.
        """
        try:
            return self._environment.render_template("system", system_text=system_text)
        except TemplateError as error:
            raise InvalidRequest(f"Error rendering template {self._label}: {error}") from error
