"""One attempt at one provider, on the relay: the client's body goes out, its answer into a sink."""

from __future__ import annotations

from proxy.errors import UpstreamError, UpstreamUnsupported
from proxy.inference.variant import Variant
from proxy.models.model import Route
from proxy.models.policy import Candidate
from proxy.models.rewrite import rewrite_headers
from proxy.providers.base import NeutralProvider, answers_neutrally, makes_vectors, title_of
from proxy.services.endpoints import CHAT_COMPLETIONS, EMBEDDINGS
from proxy.services.lane import Lane
from proxy.services.neutral_attempt import answer_embeddings, answer_neutrally
from proxy.services.outgoing import outgoing_body
from proxy.services.recording_tap import RecordingTap
from proxy.services.relay_call import Progress, RelayCall
from proxy.services.relay_sink import RelaySink
from proxy.telemetry.metrics import RouteCells
from proxy.types.ports import Body, Client, Limits
from proxy.wire.chat_completions.usage_filter import UsageFilter

USAGE_WIRES = ("chat_completions", "completions")


class RelayAttempts:
    """Makes attempts, and keeps in `Progress` what came of the last."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane

    async def attempt(
        self,
        progress: Progress,
        candidate: Candidate,
        route: Route,
        limits: Limits,
        client: Client,
    ) -> UpstreamError | None:
        """None when the client has been sent some of the answer, or is to be; else the error.

        Raises:
            RequestError: the call cannot be put to this provider as the client made it.
        """
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
        secret = route.credential(call.credentials, title_of(provider))
        changed = None if progress.function is None else progress.function.changed
        body = outgoing_body(call, variant, route, changed, ask_usage=self._asks_usage(call, route))
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
