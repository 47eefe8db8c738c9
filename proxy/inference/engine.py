"""The template engine with TensorZero's settings. It is loaded for those who have templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minijinja import Environment


def load_engine() -> None:
    """For processes that are forked of this one: what is loaded before is theirs, too."""
    import minijinja  # noqa: F401


def open_engine(includes: Mapping[str, str], fuel: int | None = None) -> Environment:
    """An engine without templates. `includes` are texts that templates may include, by the names
    they use; with `fuel` rendering fails after so many steps."""
    from minijinja import Environment

    return Environment(
        fuel=fuel,
        loader=includes.get,
        undefined_behavior="strict",
        pycompat=False,
        debug=False,
        auto_escape_callback=lambda name: False,
    )


def fault_told(error: Exception) -> str | None:
    """What the engine says of a template; None if the error is none of the engine's."""
    from minijinja import TemplateError

    return error.message if isinstance(error, TemplateError) else None
