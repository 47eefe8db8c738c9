"""What a generator is told: whom to ask, for what, and how to check the answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass

from bench.canned import SCRIPTS, Script
from bench.checking import Check, Kind, build_check

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Target:
    """A server, and what it is asked."""

    port: int
    path: str
    model: str
    """May hold `{n}`, which is then replaced by each number below `functions` in turn."""
    check: Kind
    script: str
    authority: str = ""
    """The file with the authority to trust, where the server is asked over TLS."""
    functions: int = 1

    @property
    def plays(self) -> Script:
        return SCRIPTS[self.script]

    def build_requests(self) -> list[bytes]:
        """Whole requests, to be sent in turn."""
        host = f"{HOST}:{self.port}"
        return [
            self.plays.request(self.model.replace("{n}", str(n)), path=self.path, host=host)
            for n in range(self.functions)
        ]

    def build_check(self) -> Check:
        return build_check(self.plays, self.check)

    def dump(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def load(line: str) -> Target:
        return Target(**json.loads(line))


@dataclass(frozen=True, slots=True)
class Command:
    """What to do next. Exactly one of `seconds`, `count` and `until_told` ends it."""

    do: str
    connections: int
    """How many applications; for an open loop, how many calls may be under way at most."""
    seconds: float = 0.0
    count: int = 0
    until_told: bool = False
    """Goes on until there is another line of input."""
    rate: float = 0.0
    """Calls a second, in an open loop."""
    spread_s: float = 0.0
    """Time over which the applications of a closed loop start."""
    seed: int = 1
    tell_s: float = 0.0
    """Of an open loop: a line of progress each so many seconds."""

    def dump(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def load(line: str) -> Command:
        return Command(**json.loads(line))


Tell = Callable[[dict[str, object]], None]
"""Prints one line for the parent."""
