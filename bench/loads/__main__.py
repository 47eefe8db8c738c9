"""`python -m bench.loads TARGET`: one generator; see the package for how to speak with it."""

from __future__ import annotations

import asyncio
import json
import sys

import uvloop

from bench.loads.closed import Crowd
from bench.loads.connection import Connector
from bench.loads.held import Streams
from bench.loads.open import Arrivals
from bench.loads.target import Command, Target


async def read_line() -> str:
    return await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


def tell(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)


async def run(target: Target) -> None:
    """Do what the lines say, until there are no more."""
    connector = Connector(target)
    crowd = Crowd(target, connector)
    while line := await read_line():
        command = Command.load(line)
        if command.do == "closed":
            tell(await crowd.run(command))
        elif command.do == "open":
            told = asyncio.create_task(read_line()) if command.until_told else None
            tell(await Arrivals(target, connector, command, tell).run(told))
        else:
            told = asyncio.create_task(read_line())
            tell(await Streams(target, connector, command, tell).run(told))


if __name__ == "__main__":
    uvloop.run(run(Target.load(sys.argv[1])))
