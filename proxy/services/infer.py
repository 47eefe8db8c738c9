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
    UpstreamError,
    UpstreamTimeout,
    ZeroProxyError,
)
from proxy.inference.variant import Variant
from proxy.models.model import Route
from proxy.models.policy import CallLog, Candidate, classify_leniently
from proxy.models.rewrite import rewrite_body, rewrite_headers
from proxy.providers.base import answers_neutrally
from proxy.services.failures import describe
from proxy.services.infer_call import Failure, InferenceCall, InferProgress, Outlet, Served
from proxy.services.infer_record import build_exchange
from proxy.services.infer_sink import ChunkOutlet, InferSink
from proxy.services.lane import Lane
from proxy.services.recording_tap import RecordingTap
from proxy.services.tasks import Asked
from proxy.types.exchange import EndReason
from proxy.types.ids import new_id
from proxy.types.ports import Body, Client, Limits
from proxy.wire.accumulate import ChunkAccumulator

JSON = (("Content-Type", "application/json"),)


class InferService:
    """Answers inferences of one configuration."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
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
        progress = InferProgress(call, CallLog(call.began))
        candidates = self._candidates(progress, call.target.choose(call.episode_id, call.pinned))
        with self._lane.metrics.in_flight(call.endpoint):
            try:
                await self._run(progress, candidates, outlet, client)
            except asyncio.CancelledError:
                await self._record(progress, self._lane.closing.reason)
                client.abort()
                raise
            except RequestError:
                if progress.log.attempts:
                    await self._record(progress, EndReason.UPSTREAM_ERROR)
                raise
            except (ConnectionError, ZeroProxyError):
                raise
            except Exception:
                await self._record(progress, EndReason.INTERNAL)
                client.abort()
                raise

    def _candidates(self, progress: InferProgress, drawn: Iterator[Variant]) -> Iterator[Candidate]:
        for variant in drawn:
            progress.assigned = progress.assigned or variant.name
            yield variant.candidate

    async def _run(
        self,
        progress: InferProgress,
        candidates: Iterator[Candidate],
        outlet: Outlet,
        client: Client,
    ) -> None:
        async def attempt(
            candidate: Candidate, route: Route, limits: Limits
        ) -> UpstreamError | None:
            return await self._attempt(progress, candidate, route, limits, outlet, client)

        served = await self._lane.policy.run(
            candidates,
            attempt,
            progress.log,
            stream=progress.call.task.stream,
            classify=classify_leniently,
        )
        if served is None:
            await self._fail(progress)
        elif progress.call.task.stream:
            await self._end_stream(progress, outlet, client)
        else:
            await self._answer(progress, outlet, client)

    # One attempt.

    async def _attempt(
        self,
        progress: InferProgress,
        candidate: Candidate,
        route: Route,
        limits: Limits,
        outlet: Outlet,
        client: Client,
    ) -> UpstreamError | None:
        now = self._lane.watchdog.now
        variant = progress.call.target.named(candidate.variant_name)
        self._begin(progress, candidate, variant, route)
        cells = self._lane.metrics.for_route(
            progress.call.target.function_name, variant.name, candidate.model.name, route.name
        )
        outlet.begin(_served(progress))
        chunks = ChunkOutlet(
            progress,
            outlet,
            client,
            now=now,
            on_first=lambda: cells.first_token(now() - progress.call.began),
            on_gap=cells.gap,
            headers=lambda: ours(progress),
        )
        progress.attempt_began = began = progress.last_at = now()
        error: UpstreamError | None = None
        try:
            error = await self._ask(progress, self._asked(progress, limits), chunks)
        except UpstreamError as raised:
            error = raised
        finally:
            chunks.close()
            progress.waited += now() - began
        failure = None if progress.started else error
        cells.attempt(failure.kind if failure else "ok", now() - began)
        if failure is not None:
            provider = route.provider.type
            progress.failures.append(Failure(variant.name, route.name, provider, failure))
        else:
            progress.error = error
        return failure

    def _begin(
        self, progress: InferProgress, candidate: Candidate, variant: Variant, route: Route
    ) -> None:
        progress.candidate, progress.variant, progress.route = candidate, variant, route
        progress.model_inference_id = new_id()
        progress.tap = RecordingTap(self._lane.settings.record_limit)
        progress.accumulator = ChunkAccumulator()
        progress.answer, progress.upstream_headers = None, {}

    def _asked(self, progress: InferProgress, limits: Limits) -> Asked:
        call, variant, route = progress.call, progress.variant, progress.route
        assert variant is not None and route is not None and progress.candidate is not None
        model_name = progress.candidate.model.name
        headers = rewrite_headers((), variant.rewrites.headers)
        headers = rewrite_headers(headers, route.rewrites.headers)
        names = (variant.name, model_name, route.name)
        wanted = [rule for scope, rule in call.extra_headers if scope.holds(*names)]
        progress.params = call.task.params(variant)
        return Asked(
            variant, model_name, route, call.credentials, limits, rewrite_headers(headers, wanted)
        )

    async def _ask(
        self, progress: InferProgress, asked: Asked, chunks: ChunkOutlet
    ) -> UpstreamError | None:
        """Ask the provider and feed `chunks` to the end; what broke it off, if anything did."""
        task, provider = progress.call.task, asked.route.provider
        progress.raw_request, progress.wire = b"", ""
        if answers_neutrally(provider):
            flight = self._lane.watchdog.watch(asked.limits)
            with flight:
                progress.answer = await task.ask(provider, asked, chunks, flight)
            progress.last_at = self._lane.watchdog.now()
            return None
        outgoing = task.encode(provider, asked)
        body = self._rewritten(progress, asked, outgoing.body)
        progress.raw_request, progress.wire = body, task.wire
        sink = InferSink(
            progress,
            chunks,
            stream=task.stream,
            error_limit=self._lane.settings.peek_limit,
            decode=task.decode,
            now=self._lane.watchdog.now,
        )
        await self._lane.transport.send(replace(outgoing, body=body), sink)
        return sink.error

    def _rewritten(self, progress: InferProgress, asked: Asked, body: bytes | Body) -> bytes:
        """The body with the rules of variant, provider and request applied, in this order."""
        assert isinstance(body, bytes)
        names = (asked.variant.name, asked.model_name, asked.route.name)
        rules = [rule for scope, rule in progress.call.extra_body if scope.holds(*names)]
        for each in (asked.variant.rewrites.body, asked.route.rewrites.body, rules):
            body = rewrite_body(body, each)
        return body

    # The end.

    async def _answer(self, progress: InferProgress, outlet: Outlet, client: Client) -> None:
        progress.status = 200
        if not await self._recorded(progress, EndReason.COMPLETE, client):
            return
        body = outlet.whole(progress.result())
        client.start(200, JSON, ours(progress), length=len(body))
        client.finish(body)

    async def _end_stream(self, progress: InferProgress, outlet: Outlet, client: Client) -> None:
        error = progress.error
        if error is None:
            if await self._recorded(progress, EndReason.COMPLETE, client):
                client.finish(outlet.last())
            return
        timed_out = isinstance(error, UpstreamTimeout)
        reason = EndReason.TIMEOUT if timed_out else EndReason.UPSTREAM_CUT
        if not await self._recorded(progress, reason, client):
            return
        client.write(outlet.failure(error))
        client.abort()

    async def _fail(self, progress: InferProgress) -> None:
        log, bare = progress.log, progress.call.bare_errors
        if log.last is None:
            raise InvalidRequest("this function has no variant that could be tried")
        progress.status = 500 if bare else 502
        await self._record(progress, EndReason.UPSTREAM_ERROR)
        raise AllVariantsFailed(
            describe(progress.failures, bare=bare),
            log.last,
            exhausted=log.exhausted,
            inference_id=str(progress.call.id),
            bare=bare,
        )

    async def _recorded(self, progress: InferProgress, reason: EndReason, client: Client) -> bool:
        """Whether the client may now see the end; if not, its connection has been cut."""
        try:
            await self._record(progress, reason)
        except RecordingError:
            client.abort()
            return False
        return True

    async def _record(self, progress: InferProgress, reason: EndReason) -> None:
        if progress.recorded or progress.call.dryrun:
            return
        progress.recorded = True
        seconds = self._lane.watchdog.now() - progress.call.began
        self._lane.metrics.ended(
            endpoint=progress.call.endpoint,
            function_name=progress.call.target.function_name,
            variant_name=progress.candidate.variant_name if progress.candidate else "",
            model_name=progress.candidate.model.name if progress.candidate else "",
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
        await self._lane.recorder.exchange(exchange)


def _served(progress: InferProgress) -> Served:
    call, candidate, route = progress.call, progress.candidate, progress.route
    assert candidate is not None and route is not None and progress.model_inference_id is not None
    return Served(
        inference_id=call.id,
        episode_id=call.episode_id,
        function_name=call.function_name,
        variant_name=candidate.variant_name,
        model_name=candidate.model.name,
        provider_name=route.name,
        provider_type=route.provider.type,
        model_inference_id=progress.model_inference_id,
        failures=progress.failures,
    )


def ours(progress: InferProgress) -> list[tuple[str, str]]:
    """Our headers of an answer, which name what served the call."""
    served = _served(progress)
    named = [
        ("x-request-id", str(served.inference_id)),
        ("x-tensorzero-inference-id", str(served.inference_id)),
        ("x-tensorzero-episode-id", str(served.episode_id)),
    ]
    if served.function_name is not None:
        named.append(("x-tensorzero-function-name", served.function_name))
        named.append(("x-tensorzero-variant-name", served.variant_name))
    named.append(("x-tensorzero-model-name", served.model_name))
    named.append(("x-tensorzero-provider-name", served.provider_name))
    return named
