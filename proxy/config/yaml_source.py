"""YAML into a plain tree: safe, without tags, the same under YAML 1.1 and 1.2.

The two versions of YAML read some plain words differently: `off` is false for the one and a word
for the other, `1_000` and `010` likewise. Such words are refused with the request to write them
without doubt. Everything else follows the core schema of YAML 1.2, so a date is text.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from proxy.config.findings import Finding, Path
from proxy.config.source import Source

_MOST_NODES = 200_000
_DEEPEST = 60
_MERGE = "tag:yaml.org,2002:merge"
_IMPLICIT = "tag:yaml.org,2002:"
_BOOLEANS = re.compile(r"(true|True|TRUE|false|False|FALSE)\Z")
_NULLS = re.compile(r"(~|null|Null|NULL|)\Z")
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z|0x[0-9a-fA-F]+\Z|0o[0-7]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_DISPUTED = re.compile(r"(yes|no|on|off)\Z", re.I)
_DISPUTED_NUMBER = re.compile(
    r"[-+]?[0-9][0-9]*_[0-9_]*\Z|[-+]?0[0-9]+\Z|[-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?\Z|0b[01]+\Z"
)
_SPECIAL_FLOAT = re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")
_CALLER = re.compile(r"(:\s+|-\s+)client::\s*(#.*)?$")


def read_yaml(text: str, source: Source) -> None:
    """Fills `source` from the text; faults are added to its problems and findings.

    Raises RecursionError when the text is nested too deeply.
    """
    loader = yaml.CSafeLoader(text)
    try:
        if _is_too_deep(text):
            raise RecursionError
        root = loader.get_single_node()
    except yaml.YAMLError as error:
        _note_syntax_error(error, text, source)
        return
    finally:
        loader.dispose()
    if root is None:
        return
    tree = _Reader(source).value(root, ())
    if isinstance(tree, dict):
        source.tree = {key: {} if value is None else value for key, value in tree.items()}
    elif tree is not None:
        source.fail(
            root.start_mark.line + 1,
            "the file is not a table of keys",
            "begin with sections such as `models:`",
        )


def _is_too_deep(text: str) -> bool:
    """The C loader's own recursion has no bound; its stream of events needs no recursion."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            return True
    return False


def _note_syntax_error(error: yaml.YAMLError, text: str, source: Source) -> None:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable"
    line = None if mark is None else mark.line + 1
    remedy = "correct the syntax; indentation is by spaces, and `: ` separates key and value"
    near = text.splitlines()[max((line or 0) - 2, 0) : line] if line else []
    if any(_CALLER.search(each) for each in near):
        remedy = 'put the location in quotes: `"client::"`; YAML takes a colon at the end for a key'
    where = "" if mark is None else f" (column {mark.column + 1})"
    source.fail(line, f"YAML syntax error: {what}{where}", remedy)


class _Reader:
    """Turns nodes into values, noting lines and faults as it goes."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._open: set[int] = set()
        self._count = 0

    def value(self, node: yaml.Node, path: Path) -> Any:
        """The plain value of a node; None where there was a fault."""
        self._count += 1
        if id(node) in self._open or self._count > _MOST_NODES:
            if self._count <= _MOST_NODES + 1:
                self._note(path, "aliases repeat without end or beyond measure", "write it out")
            return None
        if self._is_tagged(node):
            self._note(path, "YAML tags are not used here", "remove the word that begins with `!`")
            return None
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return self._sequence(node, path)
            assert isinstance(node, yaml.MappingNode)
            return self._mapping(node, path)
        finally:
            self._open.discard(id(node))

    def _is_tagged(self, node: yaml.Node) -> bool:
        if not node.tag.startswith(_IMPLICIT):
            return True
        kind = node.tag.removeprefix(_IMPLICIT)
        if isinstance(node, yaml.ScalarNode):
            return kind in ("binary", "map", "seq", "set", "omap", "pairs")
        return kind not in ("map", "seq")

    def _note(self, path: Path, message: str, remedy: str) -> None:
        self._source.findings.append(Finding(path, message, remedy))

    def _sequence(self, node: yaml.SequenceNode, path: Path) -> list[Any]:
        items = []
        for index, child in enumerate(node.value):
            self._source.lines[(*path, index)] = child.start_mark.line + 1
            items.append(self.value(child, (*path, index)))
        return items

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        for key_node, child in node.value:
            if key_node.tag == _MERGE:
                merged = self._merged(child, path) | merged
                continue
            key = self._key(key_node, path)
            if key is None:
                continue
            place = (*path, key)
            line = key_node.start_mark.line + 1
            if key in own:
                first = self._source.lines[place]
                message = f"this key stands twice (lines {first} and {line})"
                self._note(place, message, "keep one of them")
                continue
            self._source.lines[place] = line
            own[key] = self.value(child, place)
        return merged | own

    def _merged(self, node: yaml.Node, path: Path) -> dict[str, Any]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        result: dict[str, Any] = {}
        for each in nodes:
            value = self.value(each, path) if isinstance(each, yaml.MappingNode) else None
            if value is None:
                self._note(path, "`<<` does not name a table", "write `<<: *anchor`")
                continue
            result = value | result
        return result

    def _key(self, node: yaml.Node, path: Path) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self._note(path, "a key here is not a word", "write keys as plain words")
            return None
        text = str(node.value)
        doubtful = _DISPUTED.match(text) or _BOOLEANS.match(text) or _NULLS.match(text)
        if not node.style and doubtful:
            self._source.lines.setdefault((*path, text), node.start_mark.line + 1)
            self._note(
                (*path, text),
                f"YAML can read the key `{text}` as a boolean or as nothing, not as a word",
                f'put it in quotes: `"{text}":`',
            )
        return text

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        text = str(node.value)
        if node.style:
            return text
        if _DISPUTED.match(text):
            self._note(
                path,
                f"`{text}` without quotes is a boolean for some readers of YAML and a word for "
                "others",
                f'write `true` or `false` for a switch, `"{text}"` in quotes for the word',
            )
            return None
        if _DISPUTED_NUMBER.match(text):
            self._note(
                path,
                "without quotes this is a different number for different readers of YAML",
                "write plain decimal digits, or put it in quotes if it is text",
            )
            return None
        return _core_value(text)


def _core_value(text: str) -> Any:
    if _NULLS.match(text):
        return None
    if _BOOLEANS.match(text):
        return text[0] in "tT"
    if _INTEGER.match(text):
        return int(text, 0 if text[:2] in ("0x", "0o") else 10)
    if _FLOAT.match(text):
        return float(text)
    if _SPECIAL_FLOAT.match(text):
        return float(text.replace(".", "", 1))
    return text
