"""Inference in neutral values: a function or a model is asked, a lane words the answer.

The envelope and the native API are such lanes. Routing, retries, time limits and the recording
promise are those of the relay; the difference is that answers are decoded as they come.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from functools import partial

from proxy.errors import (
    AllVariantsFailed,
    InvalidRequest,
    RecordingError,
    RequestError,
    Unrenderable,
    UpstreamTimeout,
    UpstreamUnsupported,
    VariantFailed,
    ZeroProxyError,
)
from proxy.inference.variant import Variant
from proxy.inference.variants.base import Final, Settled, Told
from proxy.models.policy import CallLog, Classify, classify_leniently
from proxy.services.asking import Asking, OpenChunks
from proxy.services.deadline import Deadline
from proxy.services.failures import describe, describe_variant, status_of, unsupported
from proxy.services.infer_call import (
    InferenceCall,
    InferProgress,
    Outlet,
    Served,
    VariantFailure,
)
from proxy.services.infer_record import build_exchange
from proxy.services.infer_result import headers_of, replayed, result_of, served_by, was_asked
from proxy.services.infer_sink import EVENT_STREAM, ChunkOutlet
from proxy.services.lane import Lane
from proxy.services.leg import Leg
from proxy.services.strategies import StrategyAsker
from proxy.services.tasks import ChatModelTask, ChatTask
from proxy.telemetry.metrics import RouteCells
from proxy.types.embeddings import EmbeddingsAnswer
from proxy.types.exchange import EndReason
from proxy.types.ports import Client, Headers
from proxy.types.response import Answer

JSON = (("Content-Type", "application/json"),)


class InferService:
    """Answers inferences of one configuration."""

    def __init__(self, lane: Lane, classify: Classify = classify_leniently) -> None:
        """`classify` says which errors of a provider are final."""
        self._lane = lane
        self._now = lane.watchdog.now
        self._asking = Asking(lane, classify)
        self.targets = lane.targets

    async def infer(self, call: InferenceCall, outlet: Outlet, client: Client) -> None:
        """Answer `client` in the outlet's words.

        Raises:
            RequestError: the call never got in; nothing was recorded.
            RecordingRefused: the journal is at its bound.
            AllVariantsFailed: no provider answered; recorded, and the client is to be told.
            asyncio.CancelledError: the client left; recorded.
        """
        self._lane.recorder.admit()
        if call.extra_body or call.extra_headers:
            self._check_scopes(call)
        progress = InferProgress(call, CallLog(call.began))
        drawn = call.target.choose(call.episode_id, call.pinned, call.namespace)
        with self._lane.metrics.in_flight(call.endpoint):
            try:
                for variant in drawn:
                    if await self.try_variant(progress, variant, outlet, client):
                        await self.finish(progress, outlet, client)
                        return
                await self._fail(progress, outlet)
            except asyncio.CancelledError:
                await self._ended(progress, self._lane.closing.reason)
                client.abort()
                raise
            except RequestError:
                if progress.log.attempts:
                    await self._ended(progress, EndReason.UPSTREAM_ERROR)
                raise
            except (ConnectionError, ZeroProxyError):
                raise
            except Exception:
                await self._ended(progress, EndReason.INTERNAL)
                client.abort()
                raise

    def _check_scopes(self, call: InferenceCall) -> None:
        """Whether what the request's rules name is there; raises RequestError."""
        for scope, _ in (*call.extra_body, *call.extra_headers):
            if scope.variant_name is not None:
                call.target.check_variant(scope.variant_name)
            if scope.model_name is not None:
                self.targets.check_filter(scope.model_name, scope.provider_name)

    # One variant.

    async def try_variant(
        self, progress: InferProgress, variant: Variant, outlet: Outlet, client: Client
    ) -> bool:
        """Whether the variant has an answer, which is then to be finished. If not, the reason is
        the last of `progress.failed`, and the client has been sent nothing."""

        task = progress.call.task
        open_chunks = partial(self._open_chunks, progress, outlet, client) if task.stream else None
        progress.assigned = progress.assigned or variant.name
        progress.variant, progress.leg, progress.settled = variant, None, None
        try:
            if variant.strategy is not None and isinstance(task, ChatTask):
                await self._try_strategy(progress, variant, task, open_chunks)
            else:
                leg = Leg(
                    variant.name,
                    variant.candidate,
                    task.for_variant(variant),
                    progress.log,
                    variant.rewrites,
                )
                self._take(progress, leg, open_chunks, await self._ask(progress, leg, open_chunks))
        except (VariantFailed, Unrenderable) as error:
            progress.failed.append(VariantFailure(variant.name, str(error), error))
            # Whoever is asked next asks again, at the same origins.
            progress.log.seen.update(*(leg.log.seen for leg in progress.legs))
            return False
        return True

    def _ask(
        self, progress: InferProgress, leg: Leg, open_chunks: OpenChunks | None
    ) -> Awaitable[object]:
        """Ask for the leg's answer; what comes of it is for `_take`."""
        progress.leg = leg
        return self._asking.run(progress, leg, open_chunks if leg.task.stream else None)

    def _take(
        self,
        progress: InferProgress,
        leg: Leg,
        open_chunks: OpenChunks | None,
        served: object,
    ) -> None:
        """Take the leg's answer, which is in it or perhaps begun to be sent.

        Raises:
            VariantFailed: nobody has `served` it, and the client has been sent nothing.
        """
        if served is None:
            raise VariantFailed(describe_variant(leg.failures))
        if open_chunks is not None and isinstance(leg.task, ChatModelTask) and not leg.task.stream:
            # A thinking variant's; it is played back.
            assert isinstance(leg.answer, Answer)
            told = Told(leg.answer, leg.task.prepared)
            progress.settled = Settled(told, leg.answer.raw_response)

    async def _try_strategy(
        self,
        progress: InferProgress,
        variant: Variant,
        task: ChatTask,
        open_chunks: OpenChunks | None,
    ) -> None:
        assert variant.strategy is not None
        _check_extras(progress.call, variant)
        asker = StrategyAsker(self._asking, progress, task.checked, variant.name)
        deadline = Deadline(variant, task.stream, self._now())
        try:
            async with asyncio.timeout(deadline.first):
                final = await variant.strategy.run(task.checked, asker)
        except TimeoutError as error:
            progress.log.last = deadline.error
            raise VariantFailed(deadline.sentence) from error
        await self._try_final(progress, asker, final, task.stream, deadline, open_chunks)

    async def _try_final(
        self,
        progress: InferProgress,
        asker: StrategyAsker,
        final: Final,
        stream: bool,
        deadline: Deadline,
        open_chunks: OpenChunks | None,
    ) -> None:
        """What a strategy has left to do."""
        if final.question is not None:
            question = replace(
                final.question,
                candidate=deadline.narrowed(final.question.candidate, self._now()),
            )
            leg = asker.leg(question, ChatModelTask(question.prepared, stream))
            try:
                self._take(progress, leg, open_chunks, await self._ask(progress, leg, open_chunks))
                return
            except VariantFailed:
                if final.settled is None:
                    raise
                progress.leg = None
        if final.settled is None:
            raise VariantFailed("the variant came to no answer")
        progress.settled = final.settled

    def _open_chunks(
        self,
        progress: InferProgress,
        outlet: Outlet,
        client: Client,
        leg: Leg,
        cells: RouteCells,
    ) -> ChunkOutlet:
        """Where the chunks of an attempt go: to the lane's words, and to the client."""
        now = self._now
        served = served_by(progress)
        outlet.begin(served)
        return ChunkOutlet(
            progress,
            leg,
            outlet,
            client,
            now=now,
            on_first=lambda: cells.first_token(now() - progress.call.began),
            on_gap=cells.gap,
            headers=lambda: _all_headers(served),
        )

    # The end.

    def finish(self, progress: InferProgress, outlet: Outlet, client: Client) -> Awaitable[None]:
        """Make the exchange safe, then let the client see the end of the answer."""
        if progress.started:
            return self._end_stream(progress, outlet, client)
        return self._answer(progress, outlet, client)

    async def _answer(self, progress: InferProgress, outlet: Outlet, client: Client) -> None:
        """An answer that is there whole; one that is wanted in a stream is played back."""
        served = served_by(progress)
        outlet.begin(served)
        progress.status = 200
        result = result_of(progress)
        stream, begun = progress.call.task.stream, b""
        if stream:
            progress.first_at = self._now()
            begun = b"".join(outlet.chunk(chunk) for chunk in replayed(progress))
        if not await self._recorded(progress, EndReason.COMPLETE, client):
            return
        if stream:
            assert not isinstance(result, EmbeddingsAnswer)
            client.start(200, EVENT_STREAM, *headers_of(served), length=None)
            client.finish(begun + outlet.last(result))
            return
        body = outlet.whole(result)
        client.start(200, JSON, *headers_of(served), length=len(body))
        client.finish(body)

    async def _end_stream(self, progress: InferProgress, outlet: Outlet, client: Client) -> None:
        error = progress.error
        if error is None:
            if await self._recorded(progress, EndReason.COMPLETE, client):
                result = result_of(progress)
                assert not isinstance(result, EmbeddingsAnswer)
                client.finish(outlet.last(result))
            return
        timed_out = isinstance(error, UpstreamTimeout)
        reason = EndReason.TIMEOUT if timed_out else EndReason.UPSTREAM_CUT
        if not await self._recorded(progress, reason, client):
            return
        client.write(outlet.failure(error))
        client.abort()

    async def _fail(self, progress: InferProgress, outlet: Outlet) -> None:
        log, bare = progress.log, progress.call.bare_errors
        if not progress.failed:
            raise _nobody_to_ask(progress.call)
        last = progress.failures[-1].error if progress.failures else None
        if isinstance(last, UpstreamUnsupported) and _never_asked(progress):
            raise unsupported(last)
        progress.status = status_of(progress.failed, log.last, bare=bare)
        if was_asked(progress):
            outlet.begin(served_by(progress))
        await self._ended(progress, EndReason.UPSTREAM_ERROR)
        raise AllVariantsFailed(
            describe(progress.failed, bare=bare),
            log.last,
            exhausted=log.exhausted,
            inference_id=str(progress.call.id),
            status=progress.status,
        )

    async def _recorded(self, progress: InferProgress, reason: EndReason, client: Client) -> bool:
        """Whether the client may now see the end; if not, its connection has been cut."""
        try:
            recording = self.record(progress, reason)
            if recording is not None:
                await recording
        except RecordingError:
            client.abort()
            return False
        return True

    async def _ended(self, progress: InferProgress, reason: EndReason) -> None:
        """Return when the call is recorded."""
        recording = self.record(progress, reason)
        if recording is not None:
            await recording

    def record(self, progress: InferProgress, reason: EndReason) -> Awaitable[None] | None:
        """Hand the exchange to the recorder, once. As `Recorder.exchange`."""
        if progress.recorded or progress.call.dryrun:
            return None
        progress.recorded = True
        lane, call, leg = self._lane, progress.call, progress.last_leg
        seconds = self._now() - call.began
        overhead = max(0.0, seconds - progress.waited)
        lane.metrics.ended(
            endpoint=call.endpoint,
            function_name=call.target.function_name,
            variant_name="" if progress.variant is None else progress.variant.name,
            model_name="" if leg is None else leg.candidate.model.name,
            reason=reason,
            status=progress.status,
            seconds=seconds,
            overhead=overhead,
        )
        exchange = build_exchange(progress, reason, seconds, overhead, lane.settings)
        return lane.recorder.exchange(exchange)


def _all_headers(served: Served) -> Headers:
    named, fixed = headers_of(served)
    return (*named, *fixed)


def _nobody_to_ask(call: InferenceCall) -> AllVariantsFailed:
    """Not one variant could be tried."""
    function = call.target.function
    if function is not None and not function.variants:
        text, status = f"Function `{call.target.function_name}` has no variants", 500
    else:
        text, status = "No fallback variants remaining.", 502
    return AllVariantsFailed(text, None, inference_id=str(call.id), status=status)


def _check_extras(call: InferenceCall, variant: Variant) -> None:
    """What a strategy itself asks cannot be changed by a caller; what its candidates ask can.

    Raises:
        InvalidRequest: a rule of the request is meant for the strategy.
    """
    assert variant.strategy is not None
    for name, rules in (("extra_body", call.extra_body), ("extra_headers", call.extra_headers)):
        for scope, _ in rules:
            anywhere = scope.variant_name is None and not variant.strategy.asks_variants
            if scope.variant_name == variant.name or anywhere:
                raise InvalidRequest(
                    f"`{name}` of a request is not supported for variant `{variant.name}`, which "
                    "is more than one call",
                    param=name,
                )


def _never_asked(progress: InferProgress) -> bool:
    """Whether no provider could be asked at all."""
    return all(isinstance(each.error, UpstreamUnsupported) for each in progress.failures)
