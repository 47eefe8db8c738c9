"""A folder to write configuration files into, and a way to load them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from proxy.config.load import LoadedConfig, load_config
from proxy.errors import ConfigError, Problem

Load = Callable[..., LoadedConfig]
Problems = Callable[..., list[Problem]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def load(folder: Path) -> Load:
    """Writes the files and loads the pattern, or else the first of them."""

    def write_and_load(
        files: Mapping[str, str | bytes] | str,
        pattern: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> LoadedConfig:
        files = {"routes.yaml": files} if isinstance(files, str) else files
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return load_config(pattern or next(iter(files)), environ or {})

    return write_and_load


@pytest.fixture
def problems(load: Load) -> Problems:
    """As `load`, for configurations that must be refused."""

    def write_and_fail(*arguments: object, **options: object) -> list[Problem]:
        with pytest.raises(ConfigError) as caught:
            load(*arguments, **options)
        return caught.value.problems

    return write_and_fail
