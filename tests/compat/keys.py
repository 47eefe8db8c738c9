"""The keys of the configuration as lines of the page, out of the schema itself."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.config.standing import Standing, find_standings

OURS = "zeroproxy"
LIMIT = "RESOURCE_per_INTERVAL"
INTRO = """
## Keys of the configuration

Every key of TensorZero's configuration is read and checked. *Works*: it does what it does there.
*Without effect yet*: it loads, a warning says so, and it changes nothing. *501 when called*: it
loads, and what needs it is answered with 501 and its name. *Refused*: the configuration does not
load. Where a key means several things, the values of the `type` beside it stand behind it. What may
stand in a table is said at the first place where such a table can be.
"""


def render_keys() -> str:
    """One table for each section of the configuration."""
    tables: dict[str, dict[str, dict[str, list[str]]]] = {}
    for standing in find_standings():
        section = standing.key.partition(".")[0]
        if _is_shown(standing):
            states = tables.setdefault(section, {}).setdefault(_written(standing.key), {})
            states.setdefault(_said(standing), []).extend(standing.types)
    return INTRO + "".join(_table(name, keys) for name, keys in tables.items())


def _is_shown(standing: Standing) -> bool:
    """Not: sections, what is ours, what loading writes, and the parts of a limit's name."""
    key = standing.key
    parts = key.split(".")
    hidden = key.endswith((".limits[].resource", ".limits[].interval"))
    return len(parts) > 1 and parts[0] != OURS and not parts[-1].startswith("__") and not hidden


def _said(standing: Standing) -> str:
    """Types of providers, which stand behind the key, are not named twice."""
    state = standing.state
    return "501 when called" if state.startswith("501 when called: provider type") else state


def _written(key: str) -> str:
    return key.replace(".limits[]", f".{LIMIT}").replace("rules[].limits", f"rules[].{LIMIT}")


def _table(name: str, keys: dict[str, dict[str, list[str]]]) -> str:
    rows = "".join(f"| {what} | {state} |\n" for what, state in _rows(keys))
    return f"\n### `{name}`\n\n| key | state |\n| --- | --- |\n{rows}"


def _rows(keys: dict[str, dict[str, list[str]]]) -> Iterator[tuple[str, str]]:
    for key, states in keys.items():
        several = len(states) > 1
        for state, types in states.items():
            of = ", ".join(f"`{each}`" for each in dict.fromkeys(types))
            yield f"`{key}`" + (f" ({of})" if several and of else ""), state
