"""The template engine with TensorZero's settings."""

from __future__ import annotations

from collections.abc import Mapping

from minijinja import Environment


def open_engine(includes: Mapping[str, str], fuel: int | None = None) -> Environment:
    """An engine without templates. `includes` are texts that templates may include, by the names
    they use; with `fuel` rendering fails after so many steps."""
    return Environment(
        fuel=fuel,
        loader=includes.get,
        undefined_behavior="strict",
        pycompat=False,
        debug=False,
        auto_escape_callback=lambda name: False,
    )
