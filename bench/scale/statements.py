"""The statements of this folder, by name."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "sql"


def statement(name: str, **names: str) -> str:
    """`sql/NAME.sql`; what stands in braces is filled in."""
    text = (FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    return text.format(**names) if names else text


def statements(name: str) -> list[str]:
    """One after the other, as those need that cannot be in a transaction together."""
    return [each.strip() for each in statement(name).split(";") if each.strip()]
