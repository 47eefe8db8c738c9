"""How many steps it can take to hold a value against a JSON Schema, without taking them.

Callers bring schemas along, and references make short ones that take exponential time. What is
counted is an upper bound: each subschema on the way down one branch of the value, through all that
it combines and refers to. Keywords of which nothing is known count as if they were combined.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

NO_END = 10**12
"""More than anybody can wait for; also where it cannot be told."""
MOST_LOOKS = 200_000
"""Pairs of a subschema and a depth that are looked at before giving up."""

_REFERENCES = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})
_ANCHORS = ("$anchor", "$dynamicAnchor")
_FREE = frozenset({"$defs", "definitions", "const", "default", "examples"})
"""Not held against a value, or only by reference."""
_ONE_OF_THEM = frozenset({"properties", "prefixItems"})
"""Of their subschemas one is meant for each part of a value."""
_OF_PARTS = frozenset(
    {
        "additionalItems",
        "additionalProperties",
        "contains",
        "items",
        "patternProperties",
        "propertyNames",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
_EMBEDDED = "#"
"""No anchor's name. Schemas within, with ids of their own, have references of their own."""
_AGAIN = ("unevaluatedItems", "unevaluatedProperties")
"""They hold the value against what stands beside them once more."""
_TIMES_AGAIN = 3


class SchemaEffort:
    """Of one schema, decoded."""

    def __init__(self, schema: object) -> None:
        self._schema = schema
        self._by_depth: dict[int, int] = {}
        self._known: dict[tuple[int, int], int] = {}
        self._under_way: set[tuple[int, int]] = set()
        self._targets: dict[str, list[object]] = {}
        self._anchors: dict[str, list[object]] | None = None

    def steps(self, depth: int) -> int:
        """For each part of a value that is nested `depth` deep; at most `NO_END`."""
        if depth not in self._by_depth:
            try:
                self._by_depth[depth] = min(self._steps(self._schema, depth), NO_END)
            except RecursionError:
                self._by_depth[depth] = NO_END
            self._known.clear()
            self._under_way.clear()
        return self._by_depth[depth]

    def _steps(self, node: object, depth: int) -> int:
        if not isinstance(node, dict | list):
            return 1
        place = (id(node), depth)
        if place in self._known:
            return self._known[place]
        if place in self._under_way:  # a circle, which validators notice
            return 0
        if len(self._known) + len(self._under_way) > MOST_LOOKS:
            return NO_END
        self._under_way.add(place)
        found = self._of_object(node, depth) if isinstance(node, dict) else self._sum(node, depth)
        self._under_way.discard(place)
        self._known[place] = found
        return found

    def _of_object(self, node: dict[str, object], depth: int) -> int:
        total = 1
        for key, value in node.items():
            total += self._of_keyword(key, value, depth)
            if total >= NO_END:
                return NO_END
        return total * _TIMES_AGAIN if any(key in node for key in _AGAIN) else total

    def _of_keyword(self, key: str, value: object, depth: int) -> int:
        if key in _FREE:
            return 0
        if key in _REFERENCES and isinstance(value, str):
            return max((self._steps(each, depth) for each in self._found(value)), default=NO_END)
        if key not in _OF_PARTS and key not in _ONE_OF_THEM:
            return self._steps(value, depth)
        if not depth:
            return 0
        if key in _ONE_OF_THEM:
            return max((self._steps(each, depth - 1) for each in _children(value)), default=0)
        if key == "patternProperties":
            return self._sum(_children(value), depth - 1)
        return self._steps(value, depth - 1)

    def _sum(self, nodes: Iterable[object], depth: int) -> int:
        total = 0
        for node in nodes:
            total += self._steps(node, depth)
            if total >= NO_END:
                return NO_END
        return total

    def _found(self, reference: str) -> list[object]:
        """Where a reference can lead; nowhere when it leads out of the schema."""
        if reference not in self._targets:
            self._targets[reference] = self._resolve(reference)
        return self._targets[reference]

    def _resolve(self, reference: str) -> list[object]:
        base, _, fragment = reference.partition("#")
        root = self._schema
        if _EMBEDDED in self._named():
            return []
        if base and not (isinstance(root, dict) and root.get("$id") in (base, base + "#")):
            return []
        if not fragment or fragment.startswith("/"):
            target = _at(root, unquote(fragment))
            return [] if target is None else [target]
        return self._named().get(fragment, [])

    def _named(self) -> dict[str, list[object]]:
        if self._anchors is None:
            self._anchors = _anchors_of(self._schema)
        return self._anchors


def measure(value: object) -> tuple[int, int]:
    """How many parts a JSON value has, itself included, and how deep they are nested."""
    parts, depth, level = 1, 0, [value]
    while True:
        level = [each for parent in level for each in _children(parent)]
        if not level:
            return parts, depth
        parts, depth = parts + len(level), depth + 1


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _at(root: object, pointer: str) -> object | None:
    """What stands at a JSON pointer (RFC 6901)."""
    node = root
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(node, dict) and name in node:
            node = node[name]
        elif isinstance(node, list) and name.isdecimal() and int(name) < len(node):
            node = node[int(name)]
        else:
            return None
    return node


def _anchors_of(root: object) -> dict[str, list[object]]:
    """Subschemas by the names that references can use, and those that have ids of their own."""
    found: dict[str, list[object]] = {}
    level = [root]
    while level:
        for node in level:
            for name in _names_of(node, root):
                found.setdefault(name, []).append(node)
        level = [each for parent in level for each in _children(parent)]
    return found


def _names_of(node: object, root: object) -> Iterable[str]:
    if not isinstance(node, dict):
        return
    for key in _ANCHORS:
        name = node.get(key)
        if isinstance(name, str):
            yield name
    old = isinstance(root, dict) and "draft-04" in str(root.get("$schema"))
    if node is not root and isinstance(node.get("id" if old else "$id"), str):
        yield _EMBEDDED
