"""The relay: an OpenAI application's call, routed, answered with the provider's bytes, recorded.

Bytes go through unchanged when the provider speaks the client's protocol (`raw`); otherwise the
neutral answer is written in the client's protocol, with nothing added (`translated`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import orjson

from proxy.errors import (
    AllVariantsFailed,
    InvalidRequest,
    RecordingError,
    UpstreamError,
    UpstreamTimeout,
    ZeroProxyError,
)
from proxy.inference.variant import Variant
from proxy.models.credentials import CallCredentials
from proxy.models.model import Route
from proxy.models.policy import CallLog, Candidate, Policy
from proxy.models.rewrite import rewrite_body, rewrite_headers
from proxy.net.watchdog import Watchdog
from proxy.providers.base import Provider
from proxy.services.neutral_attempt import NeutralOutcome, answer_neutrally
from proxy.services.recording_tap import RecordingTap
from proxy.services.relay_record import build_exchange
from proxy.services.relay_sink import RelaySink
from proxy.services.targets import Target, Targets
from proxy.telemetry.metrics import Metrics, RouteCells
from proxy.types.exchange import EndReason
from proxy.types.ids import new_id
from proxy.types.ports import Client, Headers, Limits, Recorder, Transport
from proxy.wire.chat_completions.usage_filter import UsageFilter
from proxy.wire.splice import ChatPeek, splice

WIRE = "chat_completions"
PATH = "chat/completions"
ASK_USAGE = b'{"include_usage":true}'


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """What the configuration says of the relay."""

    config_hash: bytes
    peek_limit: int
    record_limit: int
    request_usage: bool


@dataclass(slots=True)
class RelayCall:
    """One call, as `http/` hands it over."""

    began: float
    """On the monotonic clock."""
    path: str
    endpoint: str
    body: bytes
    peek: ChatPeek
    headers: Headers
    """The client's, without those that concern only this hop, and without credentials."""
    credentials: CallCredentials
    episode_id: UUID
    pinned: str | None
    tags: bytes
    user_agent: str
    api_key_name: str
    id: UUID


@dataclass(slots=True)
class Progress:
    """What is known of a call while it is under way; the record is made from it."""

    call: RelayCall
    target: Target
    log: CallLog
    assigned: str = ""
    sink: RelaySink | None = None
    candidate: Candidate | None = None
    route: Route | None = None
    raw_request: bytes = b""
    raw: bool = True
    attempt_began: float = 0.0
    neutral: NeutralOutcome | None = None
    status: int = 0
    recorded: bool = False
    waited: float = 0.0
    """Seconds in which the provider (or a pause before it) was waited for."""


class RelayService:
    """Answers calls of one configuration."""

    def __init__(
        self,
        targets: Targets,
        policy: Policy,
        transport: Transport,
        watchdog: Watchdog,
        recorder: Recorder,
        metrics: Metrics,
        settings: RelaySettings,
    ) -> None:
        self.targets = targets
        self.closing = False
        """Set when calls that are still under way are about to be cut."""
        self._policy = policy
        self._transport = transport
        self._watchdog = watchdog
        self._recorder = recorder
        self._metrics = metrics
        self._settings = settings

    async def relay(self, call: RelayCall, client: Client) -> None:
        """Answer `client`, whatever happens.

        Raises:
            RequestError: the call never got in; nothing was recorded.
            RecordingRefused: the journal is at its bound.
            AllVariantsFailed: no provider answered; recorded, and the client is to be told.
            asyncio.CancelledError: the client left; recorded.
        """
        self._recorder.admit()
        target = self.targets.resolve(call.peek.model)
        progress = Progress(call, target, CallLog(call.began))
        candidates = self._candidates(progress, target.choose(call.episode_id, call.pinned))
        with self._metrics.in_flight(call.endpoint):
            try:
                await self._run(progress, candidates, client)
            except asyncio.CancelledError:
                reason = EndReason.SHUTDOWN if self.closing else EndReason.CLIENT_DISCONNECTED
                await self._record(progress, reason)
                client.abort()
                raise
            except (ConnectionError, ZeroProxyError):
                raise
            except Exception:
                await self._record(progress, EndReason.INTERNAL)
                client.abort()
                raise
            finally:
                # The sink knows its progress: a circle that only the collector would find.
                progress.sink = None

    def _candidates(self, progress: Progress, drawn: Iterator[Variant]) -> Iterator[Candidate]:
        for variant in drawn:
            progress.assigned = progress.assigned or variant.name
            yield variant.candidate

    async def _run(
        self, progress: Progress, candidates: Iterator[Candidate], client: Client
    ) -> None:
        async def attempt(
            candidate: Candidate, route: Route, limits: Limits
        ) -> UpstreamError | None:
            return await self._attempt(progress, candidate, route, limits, client)

        stream = progress.call.peek.stream
        served = await self._policy.run(candidates, attempt, progress.log, stream=stream)
        if served is None:
            await self._answer_failure(progress, client)
        else:
            await self._answer(progress, client)

    # One attempt.

    async def _attempt(
        self,
        progress: Progress,
        candidate: Candidate,
        route: Route,
        limits: Limits,
        client: Client,
    ) -> UpstreamError | None:
        now = self._watchdog.now
        variant = progress.target.named(candidate.variant_name)
        cells = self._metrics.for_route(
            progress.target.function_name, variant.name, candidate.model.name, route.name
        )
        sink = self._sink(progress, candidate, route, client, cells)
        progress.attempt_began = began = now()
        try:
            await self._send(progress, variant, route, limits, sink)
        except UpstreamError as error:
            sink.on_end(error)
        finally:
            progress.waited += now() - began
        failure = None if sink.started else sink.error
        cells.attempt(failure.kind if failure else "ok", now() - began)
        return failure

    def _sink(
        self,
        progress: Progress,
        candidate: Candidate,
        route: Route,
        client: Client,
        cells: RouteCells,
    ) -> RelaySink:
        peek = progress.call.peek

        def on_start(sink: RelaySink, length: int | None) -> None:
            cells.first_token(sink.last_at - progress.call.began)
            progress.status = sink.status
            client.start(sink.status, sink.headers, self._ours(progress), length=length)

        strip = UsageFilter() if self._asks_usage(peek) else None
        progress.candidate, progress.route, progress.neutral = candidate, route, None
        progress.sink = sink = RelaySink(
            client,
            stream=peek.stream,
            peek_limit=self._settings.peek_limit,
            tap=RecordingTap(self._settings.record_limit),
            now=self._watchdog.now,
            on_start=on_start,
            on_gap=cells.gap,
            strip=strip,
        )
        return sink

    async def _send(
        self, progress: Progress, variant: Variant, route: Route, limits: Limits, sink: RelaySink
    ) -> None:
        call, provider = progress.call, route.provider
        secret = route.credential(call.credentials, provider.type)
        body = self._outgoing(call, variant, route, provider)
        progress.raw_request = body
        headers = rewrite_headers(call.headers, variant.rewrites.headers)
        headers = rewrite_headers(headers, route.rewrites.headers)
        progress.raw = getattr(provider, "wire", None) == WIRE
        if progress.raw:
            request = provider.encode_relay(  # type: ignore[union-attr]
                PATH, body, headers, secret, limits, route.budget.try_retry
            )
            await self._transport.send(request, sink)
            return
        progress.neutral = await answer_neutrally(
            provider,  # type: ignore[arg-type]
            body,
            model=call.peek.model,
            stream=call.peek.stream,
            include_usage=call.peek.include_usage,
            credentials=call.credentials.dynamic,
            flight=self._watchdog.watch(limits),
            sink=sink,
        )

    def _outgoing(
        self, call: RelayCall, variant: Variant, route: Route, provider: Provider
    ) -> bytes:
        """The body as this provider gets it: ours taken out, the variant's part put in."""
        peek, body = call.peek, call.body
        replaced, missing = variant.replaced(body), variant.missing(peek.keys)
        if provider.model_name != peek.model:
            replaced["model"] = orjson.dumps(provider.model_name)
        if self._asks_usage(peek):
            replaced["stream_options"] = missing["stream_options"] = ASK_USAGE
        if replaced or missing or peek.extensions:
            body = splice(
                body,
                replace=replaced,
                remove=peek.extensions,
                append_missing=missing,
                members=peek.members,
            )
        body = rewrite_body(body, variant.rewrites.body)
        return rewrite_body(body, route.rewrites.body)

    def _asks_usage(self, peek: ChatPeek) -> bool:
        """Whether we ask for the usage chunk of a stream, and take it out again."""
        return self._settings.request_usage and peek.stream and not peek.include_usage

    def _ours(self, progress: Progress) -> list[tuple[str, str]]:
        """Our headers of an answer, which name what served the call."""
        call, target = progress.call, progress.target
        identifier = str(call.id)
        ours = [
            ("x-request-id", identifier),
            ("x-tensorzero-inference-id", identifier),
            ("x-tensorzero-episode-id", str(call.episode_id)),
            ("x-tensorzero-relay", "raw" if progress.raw else "translated"),
        ]
        if target.function is not None and progress.candidate is not None:
            ours.append(("x-tensorzero-function-name", target.function_name))
            ours.append(("x-tensorzero-variant-name", progress.candidate.variant_name))
        if progress.candidate is not None and progress.route is not None:
            ours.append(("x-tensorzero-model-name", progress.candidate.model.name))
            ours.append(("x-tensorzero-provider-name", progress.route.name))
        return ours

    # The end.

    async def _answer(self, progress: Progress, client: Client) -> None:
        """The attempt succeeded: make the exchange safe, then let the client see the end."""
        sink = progress.sink
        assert sink is not None
        if sink.error is not None:
            timed_out = isinstance(sink.error, UpstreamTimeout)
            reason = EndReason.TIMEOUT if timed_out else EndReason.UPSTREAM_CUT
            await self._record(progress, reason)
            client.abort()
            return
        progress.status = sink.status
        if not await self._recorded(progress, EndReason.COMPLETE, client):
            return
        held = sink.body()
        sink.sent += len(held)
        if not sink.started:
            client.start(sink.status, sink.headers, self._ours(progress), length=len(held))
        client.finish(held)

    async def _answer_failure(self, progress: Progress, client: Client) -> None:
        """All attempts failed: the last HTTP answer as it is, else an error for `http/` to word."""
        sink, log = progress.sink, progress.log
        if log.last is None:
            raise InvalidRequest("this function has no variant that could be tried")
        if sink is not None and sink.answered:
            progress.status = sink.status
            if not await self._recorded(progress, EndReason.UPSTREAM_ERROR, client):
                return
            ours = self._ours(progress)
            if log.exhausted:
                ours.append(("x-should-retry", "false"))
            held = sink.body()
            client.start(sink.status, sink.headers, ours, length=len(held))
            client.finish(held)
            return
        progress.status = 504 if isinstance(log.last, UpstreamTimeout) else 502
        if await self._recorded(progress, EndReason.UPSTREAM_ERROR, client):
            raise AllVariantsFailed(
                _failure_text(log),
                log.last,
                exhausted=log.exhausted,
                inference_id=str(progress.call.id),
            )

    async def _recorded(self, progress: Progress, reason: EndReason, client: Client) -> bool:
        """Whether the client may now see the end; if not, its connection has been cut."""
        try:
            await self._record(progress, reason)
        except RecordingError:
            client.abort()
            return False
        return True

    async def _record(self, progress: Progress, reason: EndReason) -> None:
        if progress.recorded:
            return
        progress.recorded = True
        seconds = self._watchdog.now() - progress.call.began
        self._metrics.ended(
            endpoint=progress.call.endpoint,
            function_name=progress.target.function_name,
            variant_name=progress.candidate.variant_name if progress.candidate else "",
            model_name=progress.candidate.model.name if progress.candidate else "",
            reason=reason,
            status=progress.status,
            seconds=seconds,
            overhead=max(0.0, seconds - progress.waited),
        )
        await self._recorder.exchange(build_exchange(progress, reason, seconds, self._settings))


def new_call_ids() -> tuple[UUID, UUID]:
    """A fresh inference id and a fresh episode id."""
    return new_id(), new_id()


def _failure_text(log: CallLog) -> str:
    tried = ", ".join(
        f"{attempt.provider_name}: {attempt.detail or attempt.error}" for attempt in log.attempts
    )
    return f"All providers failed: {tried}"


def monotonic() -> float:
    """The clock of `RelayCall.began`."""
    return time.monotonic()
