"""Inference in neutral values: a function or a model is asked, a lane words the answer.

The envelope and the native API are such lanes. Routing, retries, time limits and the recording
promise are those of the relay; the difference is that answers are decoded as they come.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

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
from proxy.types.ports import Client
from proxy.types.response import Answer

JSON = (("Content-Type", "application/json"),)


class InferService:
    """Answers inferences of one configuration."""

    def __init__(self, lane: Lane, classify: Classify = classify_leniently) -> None:
        """`classify` says which errors of a provider are final."""
        self._lane = lane
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
        for scope, _ in (*call.extra_body, *call.extra_headers):
            if scope.variant_name is not None:
                call.target.check_variant(scope.variant_name)
            if scope.model_name is not None:
                self.targets.check_filter(scope.model_name, scope.provider_name)
        progress = InferProgress(call, CallLog(call.began))
        drawn = call.target.choose(call.episode_id, call.pinned, call.namespace)
        with self._lane.metrics.in_flight(call.endpoint):
            try:
                await self._run(progress, drawn, outlet, client)
            except asyncio.CancelledError:
                await self.record(progress, self._lane.closing.reason)
                client.abort()
                raise
            except RequestError:
                if progress.log.attempts:
                    await self.record(progress, EndReason.UPSTREAM_ERROR)
                raise
            except (ConnectionError, ZeroProxyError):
                raise
            except Exception:
                await self.record(progress, EndReason.INTERNAL)
                client.abort()
                raise

    async def _run(
        self,
        progress: InferProgress,
        drawn: Iterator[Variant],
        outlet: Outlet,
        client: Client,
    ) -> None:
        """Try variants until one has answered the client, or none is left."""
        for variant in drawn:
            if await self.try_variant(progress, variant, outlet, client):
                await self.finish(progress, outlet, client)
                return
        await self._fail(progress, outlet)

    # One variant.

    async def try_variant(
        self, progress: InferProgress, variant: Variant, outlet: Outlet, client: Client
    ) -> bool:
        """Whether the variant has an answer, which is then to be finished. If not, the reason is
        the last of `progress.failed`, and the client has been sent nothing."""

        def open_chunks(leg: Leg, cells: RouteCells) -> ChunkOutlet:
            return self._open_chunks(progress, leg, cells, outlet, client)

        progress.assigned = progress.assigned or variant.name
        progress.variant, progress.leg, progress.settled = variant, None, None
        try:
            await self._try(progress, variant, open_chunks)
        except (VariantFailed, Unrenderable) as error:
            progress.failed.append(VariantFailure(variant.name, str(error), error))
            # Whoever is asked next asks again, at the same origins.
            progress.log.seen.update(*(leg.log.seen for leg in progress.legs))
            return False
        return True

    async def _try(
        self, progress: InferProgress, variant: Variant, open_chunks: OpenChunks
    ) -> None:
        """The variant's answer, in `progress.leg` or `progress.settled`, perhaps begun to be sent.

        Raises:
            VariantFailed: it gave none, and the client has been sent nothing.
        """
        task = progress.call.task
        if variant.strategy is not None and isinstance(task, ChatTask):
            await self._try_strategy(progress, variant, task, open_chunks)
            return
        leg = Leg(
            variant.name,
            variant.candidate,
            task.for_variant(variant),
            progress.log,
            variant.rewrites,
        )
        await self._try_leg(progress, leg, open_chunks)
        if isinstance(leg.task, ChatModelTask) and task.stream and not leg.task.stream:
            assert isinstance(leg.answer, Answer)
            told = Told(leg.answer, leg.task.prepared)
            progress.settled = Settled(told, leg.answer.raw_response)

    async def _try_leg(self, progress: InferProgress, leg: Leg, open_chunks: OpenChunks) -> None:
        progress.leg = leg
        streamed = open_chunks if leg.task.stream else None
        if not await self._asking.run(progress, leg, streamed):
            raise VariantFailed(describe_variant(leg.failures))

    async def _try_strategy(
        self,
        progress: InferProgress,
        variant: Variant,
        task: ChatTask,
        open_chunks: OpenChunks,
    ) -> None:
        assert variant.strategy is not None
        _check_extras(progress.call, variant)
        asker = StrategyAsker(self._asking, progress, task.checked, variant.name)
        deadline = Deadline(variant, task.stream, self._lane.watchdog.now())
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
        open_chunks: OpenChunks,
    ) -> None:
        """What a strategy has left to do."""
        if final.question is not None:
            question = replace(
                final.question,
                candidate=deadline.narrowed(final.question.candidate, self._lane.watchdog.now()),
            )
            leg = asker.leg(question, ChatModelTask(question.prepared, stream))
            try:
                await self._try_leg(progress, leg, open_chunks)
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
        leg: Leg,
        cells: RouteCells,
        outlet: Outlet,
        client: Client,
    ) -> ChunkOutlet:
        """Where the chunks of an attempt go: to the lane's words, and to the client."""
        now = self._lane.watchdog.now
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
            headers=lambda: headers_of(served),
        )

    # The end.

    async def finish(self, progress: InferProgress, outlet: Outlet, client: Client) -> None:
        """Make the exchange safe, then let the client see the end of the answer."""
        if progress.started:
            await self._end_stream(progress, outlet, client)
        else:
            await self._answer(progress, outlet, client)

    async def _answer(self, progress: InferProgress, outlet: Outlet, client: Client) -> None:
        """An answer that is there whole; one that is wanted in a stream is played back."""
        served = served_by(progress)
        outlet.begin(served)
        progress.status = 200
        result = result_of(progress)
        begun = b""
        if progress.call.task.stream:
            progress.first_at = self._lane.watchdog.now()
            begun = b"".join(outlet.chunk(chunk) for chunk in replayed(progress))
        if not await self._recorded(progress, EndReason.COMPLETE, client):
            return
        if progress.call.task.stream:
            assert not isinstance(result, EmbeddingsAnswer)
            client.start(200, EVENT_STREAM, headers_of(served), length=None)
            client.finish(begun + outlet.last(result))
            return
        body = outlet.whole(result)
        client.start(200, JSON, headers_of(served), length=len(body))
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
        await self.record(progress, EndReason.UPSTREAM_ERROR)
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
            await self.record(progress, reason)
        except RecordingError:
            client.abort()
            return False
        return True

    async def record(self, progress: InferProgress, reason: EndReason) -> None:
        """Hand the exchange to the recorder, once. Raises RecordingError."""
        if progress.recorded or progress.call.dryrun:
            return
        progress.recorded = True
        seconds = self._lane.watchdog.now() - progress.call.began
        leg = progress.last_leg
        self._lane.metrics.ended(
            endpoint=progress.call.endpoint,
            function_name=progress.call.target.function_name,
            variant_name=progress.variant.name if progress.variant else "",
            model_name=leg.candidate.model.name if leg else "",
            reason=reason,
            status=progress.status,
            seconds=seconds,
            overhead=max(0.0, seconds - progress.waited),
        )
        settings = self._lane.settings
        exchange = build_exchange(
            progress,
            reason,
            seconds,
            config_hash=settings.config_hash,
            record_limit=settings.record_limit,
        )
        syncing = self._lane.recorder.exchange(exchange)
        if syncing is not None:
            await syncing


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
