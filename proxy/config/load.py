"""From a path or a glob to a validated configuration, or to everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path as FilePath

from proxy.config.endpoints import resolve_endpoints
from proxy.config.files import find_files
from proxy.config.findings import Finding, Path, dotted
from proxy.config.loaded import LoadedConfig as LoadedConfig
from proxy.config.merge import merge_sources
from proxy.config.named_files import absolute_locations, read_named_files
from proxy.config.notices import find_notices, render_unbuilt
from proxy.config.rules import check_rules
from proxy.config.rules.addresses import check_addresses
from proxy.config.rules.credentials import check_credentials
from proxy.config.rules.extras import check_extras, check_service_accounts
from proxy.config.schema import find_unbuilt
from proxy.config.shape import validate_shape
from proxy.config.snapshot import build_snapshot
from proxy.config.source import Source, sanitize
from proxy.config.toml_source import read_toml
from proxy.config.type_defaults import apply_type_defaults
from proxy.config.yaml_source import read_yaml
from proxy.errors import ConfigError, Problem


def load_config(pattern: str, environ: Mapping[str, str]) -> LoadedConfig:
    """Loads the file, or all files of the glob, as one configuration.

    Raises ConfigError with all problems, in the order of the files and their lines.
    """
    try:
        sources = _read_sources(pattern)
        return _validated(sources, environ)
    except RecursionError:
        remedy = "write it flatter; no key is more than ten levels deep"
        problem = Problem(pattern, "", "lists or tables are nested too deeply", remedy)
        raise ConfigError([problem]) from None


def _read_sources(pattern: str) -> list[Source]:
    paths, problems = find_files(pattern)
    sources = [read_source(path) for path in paths]
    problems += [problem for source in sources for problem in source.problems]
    if problems:
        raise ConfigError(problems)
    return sources


def read_source(path: FilePath) -> Source:
    """One file as a tree with its faults. Raises RecursionError, and nothing else."""
    source = Source(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        source.fail(None, f"not UTF-8 text (byte {error.start})", "save the file as UTF-8")
    except OSError as error:
        remedy = "make the file readable for this program"
        source.fail(None, f"cannot be read: {error.strerror}", remedy)
    else:
        (read_toml if path.suffix == ".toml" else read_yaml)(text, source)
    sanitize(source)
    return source


def _validated(sources: list[Source], environ: Mapping[str, str]) -> LoadedConfig:
    merged = merge_sources(sources)
    faulty = [_locate(source, finding) for source in sources for finding in source.findings]
    problems = faulty + merged.problems
    known = {finding.path for source in sources for finding in source.findings}
    resolved = read_named_files(merged)
    snapshot_tree = resolved.tree
    located = apply_type_defaults(absolute_locations(resolved.tree, merged))
    tree, absent = resolve_endpoints(located, environ)
    config, findings = validate_shape(tree)
    findings += absent
    warnings: list[str] = []

    def warn(path: Path, text: str) -> None:
        warnings.append(f"{dotted(path)}: {text}")

    findings += [*resolved.findings, *check_rules(tree)]
    findings += check_credentials(tree, environ, warn)
    findings += check_addresses(tree, environ, warn)
    findings += check_extras(tree, environ)
    findings += check_service_accounts(tree, environ)
    for path, text in find_notices(tree):
        warn(path, text)
    problems += [merged.problem(each) for each in _distinct(findings) if each.path not in known]
    if problems or config is None:
        raise ConfigError(_ordered(problems))
    files = (*(source.file for source in sources), *resolved.files)
    unbuilt = find_unbuilt(config)
    said = (*warnings, *render_unbuilt(unbuilt))
    return LoadedConfig(config, build_snapshot(snapshot_tree), files, said, unbuilt)


def _locate(source: Source, finding: Finding) -> Problem:
    place = source.mark(finding.path).label
    return Problem(place, dotted(finding.path), finding.message, finding.remedy)


def _distinct(findings: Iterable[Finding]) -> list[Finding]:
    return list(dict.fromkeys(findings))


def _ordered(problems: list[Problem]) -> list[Problem]:
    return sorted(problems, key=_place)


def _place(problem: Problem) -> tuple[str, int]:
    file, _, line = problem.file.rpartition(":")
    return (file, int(line)) if file and line.isdigit() else (problem.file, 0)
