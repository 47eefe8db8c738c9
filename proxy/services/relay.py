"""The relay: an OpenAI application's call, routed, answered with the provider's bytes, recorded.

Bytes go through unchanged when the provider speaks the client's protocol (`raw`); otherwise the
neutral answer is written in the client's protocol, with nothing added (`translated`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from proxy.errors import (
    AllVariantsFailed,
    Forbidden,
    InvalidRequest,
    NotSupported,
    RecordingError,
    RequestError,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnsupported,
    ZeroProxyError,
)
from proxy.inference.variant import Variant
from proxy.models.model import Route
from proxy.models.policy import CallLog, Candidate
from proxy.models.rewrite import rewrite_headers
from proxy.providers.base import NeutralProvider, answers_neutrally, makes_vectors
from proxy.services.endpoints import CHAT_COMPLETIONS, EMBEDDINGS
from proxy.services.lane import Lane
from proxy.services.neutral_attempt import answer_embeddings, answer_neutrally
from proxy.services.outgoing import outgoing_body
from proxy.services.recording_tap import RecordingTap
from proxy.services.relay_call import Progress, RelayCall
from proxy.services.relay_record import build_exchange
from proxy.services.relay_sink import RelaySink
from proxy.services.targets import Target
from proxy.telemetry.metrics import RouteCells
from proxy.types.exchange import EndReason
from proxy.types.ports import Body, Client, Limits
from proxy.wire.chat_completions.usage_filter import UsageFilter

USAGE_WIRES = ("chat_completions", "completions")
FUNCTION_WIRES = ("chat_completions", "responses", "completions")
"""Where a chat function can be called: the protocols in which a variant's part can be said."""


class RelayService:
    """Answers calls of one configuration."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self.targets = lane.targets

    def admit(self) -> None:
        """Ask before a body is read; raises RecordingRefused when the journal is at its bound."""
        self._lane.recorder.admit()

    async def relay(self, call: RelayCall, client: Client) -> None:
        """Answer `client`, whatever happens.

        Raises:
            RequestError: the call never got in; nothing was recorded.
            RecordingRefused: the journal is at its bound.
            AllVariantsFailed: no provider answered; recorded, and the client is to be told.
            asyncio.CancelledError: the client left; recorded.
        """
        self._lane.recorder.admit()
        target = self._resolve(call)
        progress = Progress(call, target, CallLog(call.began))
        candidates = self._candidates(progress, target.choose(call.episode_id, call.pinned))
        with self._lane.metrics.in_flight(call.endpoint.name):
            try:
                await self._run(progress, candidates, client)
            except asyncio.CancelledError:
                await self._record(progress, self._lane.closing.reason)
                client.abort()
                raise
            except ConnectionError:
                # The client left while it was sending.
                await self._record(progress, EndReason.CLIENT_DISCONNECTED)
                client.abort()
                raise
            except RequestError:
                # The body turned out to be none that may pass; the answer may have begun already.
                if progress.sink is not None and progress.sink.started:
                    await self._record(progress, EndReason.CLIENT_DISCONNECTED)
                    client.abort()
                    return
                if progress.log.attempts:
                    await self._record(progress, EndReason.UPSTREAM_ERROR)
                raise
            except ZeroProxyError:
                raise
            except Exception:
                await self._record(progress, EndReason.INTERNAL)
                client.abort()
                raise
            finally:
                # The sink knows its progress: a circle that only the collector would find.
                progress.sink = None

    def _resolve(self, call: RelayCall) -> Target:
        """Where the call goes, if it may go there."""
        if call.endpoint is EMBEDDINGS:
            target = self.targets.resolve_embedding(call.peek.model)
        else:
            target = self.targets.resolve(call.peek.model)
        if target.function is not None and call.endpoint.wire not in FUNCTION_WIRES:
            raise InvalidRequest(
                f"`{call.peek.model}` is a chat function; it cannot be called on {call.path}",
                param="model",
            )
        if not call.endpoint.inference and not self._allowed(call.upstream_path):
            self._refuse_operators_keys(call, target)
        return target

    def _allowed(self, path: str) -> bool:
        allowed = self._lane.settings.allowed_paths
        return any(path == each or path.startswith(each + "/") for each in allowed)

    def _refuse_operators_keys(self, call: RelayCall, target: Target) -> None:
        if any(route.operators_key for route in target.routes()):
            raise Forbidden(
                f"{call.path} is no inference endpoint, so this proxy's own provider keys do not "
                "serve it; its operator can list the path in `zeroproxy.allowed_paths`"
            )

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
        served = await self._lane.policy.run(candidates, attempt, progress.log, stream=stream)
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
        now = self._lane.watchdog.now
        variant = progress.target.named(candidate.variant_name)
        cells = self._lane.metrics.for_route(
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
        call = progress.call

        def on_start(sink: RelaySink, length: int | None) -> None:
            if call.peek.stream:
                cells.first_token(sink.last_at - call.began)
            progress.status = sink.status
            client.start(sink.status, sink.headers, ours(progress), length=length)

        progress.candidate, progress.route, progress.neutral = candidate, route, None
        progress.sink = sink = RelaySink(
            client,
            endpoint=call.endpoint,
            stream=call.peek.stream,
            peek_limit=self._lane.settings.peek_limit,
            tap=RecordingTap(self._lane.settings.record_limit),
            now=self._lane.watchdog.now,
            on_start=on_start,
            on_gap=cells.gap,
            strip=UsageFilter() if self._asks_usage(call, route) else None,
        )
        return sink

    async def _send(
        self, progress: Progress, variant: Variant, route: Route, limits: Limits, sink: RelaySink
    ) -> None:
        call, provider = progress.call, route.provider
        secret = route.credential(call.credentials, provider.type)
        body = outgoing_body(call, variant, route, ask_usage=self._asks_usage(call, route))
        progress.raw_request = body if isinstance(body, bytes) else b""
        headers = rewrite_headers(call.headers, variant.rewrites.headers)
        headers = rewrite_headers(headers, route.rewrites.headers)
        progress.raw = not answers_neutrally(provider)
        if answers_neutrally(provider):
            await self._ask(progress, provider, body, limits, sink)
            return
        request = provider.encode_relay(
            call.upstream_path,
            body,
            headers,
            secret,
            limits,
            route.budget.try_retry,
            method=call.method,
            query=call.query,
        )
        await self._lane.transport.send(request, sink)

    async def _ask(
        self,
        progress: Progress,
        provider: NeutralProvider,
        body: bytes | Body,
        limits: Limits,
        sink: RelaySink,
    ) -> None:
        """A provider that answers in neutral values."""
        call = progress.call
        if call.endpoint is CHAT_COMPLETIONS and isinstance(body, bytes):
            progress.neutral = await answer_neutrally(
                provider,
                body,
                identifier=str(call.id),
                model=call.peek.model,
                stream=call.peek.stream,
                include_usage=call.peek.include_usage,
                credentials=call.credentials.dynamic,
                flight=self._lane.watchdog.watch(limits),
                sink=sink,
            )
        elif call.endpoint is EMBEDDINGS and isinstance(body, bytes) and makes_vectors(provider):
            await answer_embeddings(
                provider,
                body,
                model=call.peek.model,
                credentials=call.credentials.dynamic,
                flight=self._lane.watchdog.watch(limits),
                sink=sink,
            )
        else:
            raise UpstreamUnsupported(
                f"a provider of type `{provider.type}` does not serve {call.path}"
            )

    def _asks_usage(self, call: RelayCall, route: Route) -> bool:
        """Whether we ask for the usage chunk of a stream, and take it out again."""
        if not self._lane.settings.request_usage or call.endpoint.wire not in USAGE_WIRES:
            return False
        asks = call.peek.stream and not call.peek.include_usage
        return asks and getattr(route.provider, "usage", "ask") == "ask"

    # The end.

    async def _answer(self, progress: Progress, client: Client) -> None:
        """The attempt succeeded: make the exchange safe, then let the client see the end."""
        sink = progress.sink
        assert sink is not None
        if sink.error is not None:
            timed_out = isinstance(sink.error, UpstreamTimeout)
            reason = EndReason.TIMEOUT if timed_out else EndReason.UPSTREAM_CUT
            if await self._recorded(progress, reason, client):
                client.abort()
            return
        progress.status = sink.status
        if not await self._recorded(progress, EndReason.COMPLETE, client):
            return
        held = sink.body()
        sink.sent += len(held)
        if not sink.started:
            client.start(sink.status, sink.headers, ours(progress), length=len(held))
        client.finish(held)

    async def _answer_failure(self, progress: Progress, client: Client) -> None:
        """All attempts failed: the last HTTP answer as it is, else an error for `http/` to word."""
        sink, log = progress.sink, progress.log
        if log.last is None:
            raise InvalidRequest("this function has no variant that could be tried")
        if isinstance(log.last, UpstreamUnsupported) and len(log.attempts) == 1:
            raise NotSupported(str(log.last), param="model")
        if sink is not None and sink.answered:
            progress.status = sink.status
            if not await self._recorded(progress, EndReason.UPSTREAM_ERROR, client):
                return
            extra = [("x-should-retry", "false")] if log.exhausted else []
            held = sink.body()
            client.start(sink.status, sink.headers, [*ours(progress), *extra], length=len(held))
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
        seconds = self._lane.watchdog.now() - progress.call.began
        self._lane.metrics.ended(
            endpoint=progress.call.endpoint.name,
            function_name=progress.target.function_name,
            variant_name=progress.candidate.variant_name if progress.candidate else "",
            model_name=progress.candidate.model.name if progress.candidate else "",
            reason=reason,
            status=progress.status,
            seconds=seconds,
            overhead=max(0.0, seconds - progress.waited),
        )
        await self._lane.recorder.exchange(
            build_exchange(progress, reason, seconds, self._lane.settings)
        )


def ours(progress: Progress) -> list[tuple[str, str]]:
    """Our headers of an answer, which name what served the call."""
    call, target = progress.call, progress.target
    identifier = str(call.id)
    named = [
        ("x-request-id", identifier),
        ("x-tensorzero-inference-id", identifier),
        ("x-tensorzero-episode-id", str(call.episode_id)),
        ("x-tensorzero-relay", "raw" if progress.raw else "translated"),
    ]
    if target.function is not None and progress.candidate is not None:
        named.append(("x-tensorzero-function-name", target.function_name))
        named.append(("x-tensorzero-variant-name", progress.candidate.variant_name))
    if progress.candidate is not None and progress.route is not None:
        named.append(("x-tensorzero-model-name", progress.candidate.model.name))
        named.append(("x-tensorzero-provider-name", progress.route.name))
    return named


def _failure_text(log: CallLog) -> str:
    tried = ", ".join(
        f"{attempt.provider_name}: {attempt.detail or attempt.error}" for attempt in log.attempts
    )
    return f"All providers failed: {tried}"
