"""What runs out: room for the journal, descriptors, memory."""

from __future__ import annotations

import asyncio
import contextlib
import re
import resource
from collections import Counter
from pathlib import Path

import psutil

from bench.faults.calls import LARGE_BYTES, large_request
from bench.faults.run import Fault
from bench.faults.stage import MODEL, Setup, Stage
from bench.faults.verdict import Limits

FULL_S = 10.0
DISK_MB = 256
DESCRIPTORS = 300
IDLE_CLIENTS = 1200
IDLE_S = 12.0
ROOM_BYTES = 64 * 2**20
LARGE_CALLS = 24
BLOCK_BYTES = 64 * 2**10
BLOCK_EVERY_S = 0.04
LARGE_PATIENCE_S = 30.0


async def fill_disk(stage: Stage) -> None:
    assert stage.journal_disk is not None
    await asyncio.to_thread(stage.journal_disk.hold_full, FULL_S)


async def take_descriptors(stage: Stage) -> None:
    """More clients than the product may have files open; they come, say nothing, and leave."""
    writers: list[asyncio.StreamWriter] = []
    refused = 0
    for _ in range(IDLE_CLIENTS):
        try:
            async with asyncio.timeout(1):
                _, writer = await asyncio.open_connection("127.0.0.1", stage.product.port)
            writers.append(writer)
        except OSError:
            refused += 1
    await asyncio.sleep(IDLE_S)
    for writer in writers:
        writer.transport.abort()
    stage.notes.append(
        f"{IDLE_CLIENTS} idle clients at two workers that may have {DESCRIPTORS} files open each"
    )


async def take_memory(stage: Stage) -> None:
    """Large bodies come slowly, large answers are read slowly, and there is no room for them."""
    await asyncio.to_thread(_limit_memory, stage)
    ends = Counter(
        await asyncio.gather(*(_large_call(stage.product.port) for _ in range(LARGE_CALLS)))
    )
    told = ", ".join(f"{count} {end}" for end, count in ends.most_common())
    stage.notes.append(
        f"{ROOM_BYTES >> 20} MB more for each process; {LARGE_CALLS} calls of "
        f"{LARGE_BYTES >> 20} MB at once: {told}"
    )


def _limit_memory(stage: Stage) -> None:
    """The same limit for all, so that a worker that takes another's place has it, too."""
    processes = stage.product.processes()
    most = max(_data_bytes(process.pid) for process in processes) + ROOM_BYTES
    for process in processes:
        with contextlib.suppress(psutil.Error, OSError):
            process.rlimit(resource.RLIMIT_DATA, (most, most))


def _data_bytes(pid: int) -> int:
    """What the kernel counts against RLIMIT_DATA."""
    with contextlib.suppress(OSError):
        found = re.search(r"VmData:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        return int(found[1]) * 1024 if found else 0
    return 0


async def _large_call(port: int) -> str:
    """Send a large body in small pieces, read the answer as slowly; how it ended."""
    request = large_request(MODEL)
    writer = None
    try:
        async with asyncio.timeout(LARGE_PATIENCE_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=BLOCK_BYTES)
            for begin in range(0, len(request), BLOCK_BYTES):
                writer.write(request[begin : begin + BLOCK_BYTES])
                await writer.drain()
                await asyncio.sleep(BLOCK_EVERY_S)
            line = await reader.readline()
            while await reader.read(BLOCK_BYTES):
                await asyncio.sleep(BLOCK_EVERY_S)
            return line.decode(errors="replace").partition(" ")[2].strip() or "cut off"
    except TimeoutError:
        return "not ended in time"
    except (OSError, RuntimeError):  # uvloop's word for a transport that is closed
        return "cut off"
    finally:
        if writer is not None:
            writer.transport.abort()


FAULTS = (
    Fault(
        "journal-disk-full-refuse",
        f"disk full under the journal for {FULL_S:g} s, `when_full: refuse`",
        fill_disk,
        Limits(failing_s=int(FULL_S) + 3, recovery_s=15),
        Setup(journal_disk_mb=DISK_MB, recording={"when_full": "refuse"}),
    ),
    Fault(
        "journal-disk-full-shed",
        f"disk full under the journal for {FULL_S:g} s, `when_full: shed`",
        fill_disk,
        Limits(recovery_s=15),
        Setup(journal_disk_mb=DISK_MB, recording={"when_full": "shed"}),
    ),
    Fault(
        "descriptors",
        "descriptors exhausted",
        take_descriptors,
        Limits(failing_s=int(IDLE_S) + 20, recovery_s=20),
        Setup(descriptors=DESCRIPTORS),
    ),
    Fault(
        "memory",
        "memory limited, large bodies, slow clients",
        take_memory,
        Limits(failing_s=int(LARGE_PATIENCE_S) + 10, recovery_s=30, growth_mb=256),
    ),
)
