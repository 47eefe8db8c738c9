"""Damaged answers through a protocol's decoders, and what must hold of each; run in processes.

For every one:

- nothing but an error of our own tree comes out of a whole body, and nothing out of a stream;
- what stood before the damage is decoded as it would have been;
- the record's reader raises nothing and finds what the stream's reader found;
- the chunks are no more than the bytes.

A watchdog kills what hangs. Memory is measured of the process, over the whole run.
"""

from __future__ import annotations

import contextlib
import importlib
import random
import resource
import signal
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from proxy.errors import UpstreamErrorInBody, UpstreamGarbage
from proxy.providers.base import HttpProvider
from proxy.types.content import blocks_to_json
from proxy.types.decoded import Decoder
from proxy.types.exchange import ModelCall
from proxy.wire.accumulate import ChunkAccumulator
from tests.fake_upstream import split
from tests.recorded.damage import damaged, first_change, with_each_value_replaced
from tests.recorded.exchanges import named, rows_to_play
from tests.recorded.judges import load_judge
from tests.recorded.judges.base import Judge, Row, response_body
from tests.recorded.streams import Plain, plain, provider_of

LONGEST = 48 * 1024
"""Longer answers are left out: they are more of the same and slow."""
PER_CASE_SECONDS = 20
GROWTH_BYTES = 256 * 1024 * 1024
"""How much a process may grow over a run, whatever was fed to it."""
FLAWS_KEPT = 20


@dataclass
class Endurance:
    """What came of many damaged answers."""

    cases: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """Errors of our own, which are as they should be, by their names."""
    flaws: list[str] = field(default_factory=list)
    slowest: float = 0.0
    slowest_case: str = ""
    grown: int = 0
    """Bytes by which the process' peak of memory rose."""

    def added(self, other: Endurance) -> Endurance:
        return Endurance(
            self.cases + other.cases,
            self.refused + other.refused,
            (self.flaws + other.flaws)[:FLAWS_KEPT],
            *max((self.slowest, self.slowest_case), (other.slowest, other.slowest_case)),
            max(self.grown, other.grown),
        )

    def __str__(self) -> str:
        refused = ", ".join(f"{name} {count}" for name, count in sorted(self.refused.items()))
        return (
            f"{self.cases} damaged answers, {len(self.flaws)} flaws; refused: {refused or 'none'}; "
            f"slowest {self.slowest * 1000:.0f} ms ({self.slowest_case}); "
            f"memory grew by {self.grown / 2**20:.0f} MiB"
        )


class Hung(BaseException):
    """A case took longer than any may."""


def _hung(signum: int, frame: FrameType | None) -> None:
    raise Hung


def endure(wire: str, seed: int, cases: int, each: int) -> Endurance:
    """So many damaged answers of a protocol, made of `each` rows of a provider's API."""
    judge = load_judge(wire)
    rows = corpus(judge, each)
    return endure_rows(
        judge, rows, load_decoder(judge.wire), random.Random(f"{wire} {seed}"), cases
    )


def corpus(judge: Judge, each: int) -> list[Row]:
    """Answers that are not too long, those of status 200 and errors."""
    return [
        row
        for row in rows_to_play(judge.apis, each)
        if 0 < len(response_body(row)) <= LONGEST and judge.serves(row) is None
    ]


def load_decoder(wire: str) -> Decoder:
    """What reads the protocol for the record."""
    module = importlib.import_module(f"proxy.wire.{wire}.decode")
    found = (
        value
        for name, value in vars(module).items()
        if name.endswith("Decoder")
        and name != "StreamDecoder"
        and value.__module__ == module.__name__
    )
    decoder: Decoder = next(found)()
    return decoder


def endure_rows(
    judge: Judge, rows: Sequence[Row], decoder: Decoder, source: random.Random, cases: int
) -> Endurance:
    result = Endurance()
    previous = signal.signal(signal.SIGALRM, _hung)
    before = peak_memory(forget=True)
    try:
        for _ in range(cases):
            row = source.choice(rows)
            body = damaged(response_body(row), source)
            cuts = [source.randrange(len(body) + 1) for _ in range(source.choice((0, 1, 3)))]
            _one(Case(row, provider_of(judge, row), decoder, body, cuts), result)
    finally:
        signal.signal(signal.SIGALRM, previous)
    result.grown = peak_memory() - before
    return result


def peak_memory(*, forget: bool = False) -> int:
    """Bytes that this process has held at most; where the system can, since it was told to forget
    what was before."""
    if forget:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        peak = next(line for line in lines if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _one(case: Case, result: Endurance) -> None:
    result.cases += 1
    signal.alarm(PER_CASE_SECONDS)
    started = time.process_time()
    try:
        refused = case.run()
        if refused:
            result.refused[refused] += 1
    except Hung:
        result.flaws.append(f"{case}: took more than {PER_CASE_SECONDS} s")
    except (Exception, RecursionError) as error:
        if len(result.flaws) < FLAWS_KEPT:
            result.flaws.append(f"{case}: {type(error).__name__}: {error}")
    finally:
        signal.alarm(0)
    took = time.process_time() - started
    if took > result.slowest:
        result.slowest, result.slowest_case = took, str(case)


def endure_each(judge: Judge, rows: Sequence[Row], odd: Any) -> Endurance:
    """These rows with each of their values replaced by an odd one, and each name spoilt."""
    result, decoder = Endurance(), load_decoder(judge.wire)
    previous = signal.signal(signal.SIGALRM, _hung)
    for row in rows:
        provider = provider_of(judge, row)
        for body in with_each_value_replaced(response_body(row), odd):
            _one(Case(row, provider, decoder, body), result)
    signal.signal(signal.SIGALRM, previous)
    return result


class Case:
    """One damaged answer, and where it is cut on its way."""

    def __init__(
        self,
        row: Row,
        provider: HttpProvider,
        decoder: Decoder,
        body: bytes,
        cuts: Sequence[int] = (),
    ) -> None:
        self.row = row
        self.provider = provider
        self.decoder = decoder
        self.original = response_body(row)
        self.body = body
        self.cuts = cuts

    def __str__(self) -> str:
        place = first_change(self.original, self.body)
        return f"{named(self.row)} at byte {place} {self.body[max(0, place - 30) : place + 50]!r}"

    def run(self) -> str:
        """Raises AssertionError or whatever the decoders raise; the name of an allowed error."""
        if self.row["response"]["status"] >= 400:
            self._error()
            return ""
        if self.row["stream"]:
            self._stream()
            return ""
        return self._whole()

    def _error(self) -> None:
        headers = (("retry-after", "soon"),)
        fault = self.provider.read_error(self.row["response"]["status"], headers, self.body)
        assert isinstance(fault.message, str)
        assert isinstance(fault.status, int)

    def _whole(self) -> str:
        refused = ""
        output = None
        try:
            output = blocks_to_json(self.provider.decode_chat(self.body).blocks)
        except (UpstreamGarbage, UpstreamErrorInBody) as error:
            refused = type(error).__name__
            str(error)
        recorded = self.decoder.decode_call(self._call()).output
        assert output is None or recorded == output, ("the record differs", recorded[:500], output)
        return refused

    def _stream(self) -> None:
        chunks, output = self._read_stream()
        assert len(chunks) <= len(self.body) + 2
        kept = first_change(self.original, self.body)
        before = self._chunks_before(kept)
        assert chunks[: len(before)] == before, "what stood before the damage was decoded otherwise"
        recorded = self.decoder.decode_call(self._call()).output
        if self.body.lstrip()[:1] not in (b"{", b"["):  # that is read as a whole answer
            assert recorded == output, ("the record differs", recorded[:500], output[:500])

    def _read_stream(self) -> tuple[list[Plain], bytes]:
        reader = self.provider.open_chat_stream()
        accumulator = ChunkAccumulator()
        chunks = [chunk for piece in split(self.body, self.cuts) for chunk in reader.feed(piece)]
        chunks += reader.close()
        for chunk in chunks:
            accumulator.add(chunk)
        return list(map(plain, chunks)), blocks_to_json(accumulator.answer().blocks)

    def _chunks_before(self, kept: int) -> list[Plain]:
        reader = self.provider.open_chat_stream()
        return list(map(plain, reader.feed(self.original[:kept])))

    def _call(self) -> ModelCall:
        values: dict[str, Any] = {
            "id": b"",
            "model_name": "m",
            "provider_name": "p",
            "wire": self.provider.wire,
            "stream": self.row["stream"],
            "raw_request": b"",
            "raw_response": split(self.body, self.cuts),
            "response_time_ms": 1,
            "ttft_ms": None,
            "output": b"",
            "input_tokens": None,
            "output_tokens": None,
            "finish_reason": "",
        }
        return ModelCall(**values)
