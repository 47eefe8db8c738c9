"""What a running program cannot change: a reload keeps it, and says that it waits for a restart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from proxy.config.loaded import LoadedConfig
from proxy.config.schema.base import Section

_Section = TypeVar("_Section", bound=Section)

FIXED = (
    ("gateway", "bind_address"),
    ("gateway", "observability"),
    ("gateway", "metrics"),
    ("postgres",),
    ("zeroproxy", "recording"),
    ("zeroproxy", "latency_buckets"),
    ("zeroproxy", "retry_budget", "window_s"),
    ("zeroproxy", "logging", "format"),
)
"""Sockets, tables, files, histograms and the log are made of these at the start."""


def hold_fixed(new: LoadedConfig, started: LoadedConfig) -> tuple[LoadedConfig, list[str]]:
    """The new configuration with the fixed keys of the one at the start, and which differ."""
    config, waiting = new.config, []
    for path in FIXED:
        wanted, kept = _at(config, path), _at(started.config, path)
        if wanted != kept:
            config = _with(config, path, kept)
            waiting.append(".".join(path))
    return (replace(new, config=config) if waiting else new), waiting


def _at(model: Section, path: tuple[str, ...]) -> Any:
    value: Any = model
    for name in path:
        value = getattr(value, name)
    return value


def _with(model: _Section, path: tuple[str, ...], value: Any) -> _Section:
    name, *rest = path
    inner = _with(getattr(model, name), tuple(rest), value) if rest else value
    return model.model_copy(update={name: inner})
