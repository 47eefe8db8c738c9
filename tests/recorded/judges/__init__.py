"""Judges: one file for each protocol, saying whether a recorded exchange was understood.

A judge knows how a recorded request is put into neutral form, which provider is to send it, and how
the answer is read by the vendor's own SDK. The runner (`tests/recorded/playing.py`) plays the
recorded answer from a local server, and asks the judge to compare both sides. Differences of form
that say the same are listed in each judge as `ALLOWED`, and shown in docs/providers.md.
"""

from __future__ import annotations

import importlib
import pkgutil

from tests.recorded.judges.base import Judge

WIRES = tuple(sorted(each.name for each in pkgutil.iter_modules(__path__) if each.name != "base"))
"""The names of the files."""


def load_judge(wire: str) -> Judge:
    """The judge of a protocol: the one class of its file whose name ends in `Judge`."""
    module = importlib.import_module(f"{__name__}.{wire}")
    found = (
        value
        for name, value in vars(module).items()
        if name.endswith("Judge") and getattr(value, "__module__", "") == module.__name__
    )
    judge: Judge = next(found)()
    return judge
