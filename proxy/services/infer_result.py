"""From what is known of a call to what its caller is told: who served it, and the whole answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial

from proxy.inference.json_mode import as_texts
from proxy.inference.prepare import Prepared
from proxy.models.cost import total_cost
from proxy.providers.base import answers_neutrally
from proxy.services.infer_call import AnyResult, InferProgress, MadeCall, Result, Served
from proxy.services.leg import Leg
from proxy.types.embeddings import EmbeddingsAnswer
from proxy.types.immutable import replace
from proxy.types.ports import FixedHeaders, Headers
from proxy.types.response import Chunk, TextDelta, as_delta
from proxy.types.usage import Usage, total_usage

CHAT = "chat_completions"
NO_CALLS: Sequence[MadeCall] = ()
API_TYPES = {"responses": "responses"}
"""What raw data is said to be, by the protocol; all other chats are `CHAT`."""


def served_by(progress: InferProgress) -> Served:
    """Who answers; of a strategy's settled answer, whoever was asked last."""
    call, legs, variant = progress.call, progress.legs, progress.variant
    leg, settled = progress.leg or legs[-1], progress.settled
    route, identifier = leg.route, leg.model_inference_id
    assert variant is not None and route is not None and identifier is not None
    provider, earlier = route.provider, NO_CALLS
    prepared = leg.task.prepared if settled is None else settled.told.prepared
    if settled is not None or len(legs) > 1 or leg is not progress.leg:
        earlier = _made([x for x in legs if settled is not None or x is not progress.leg])
    wire = "" if answers_neutrally(provider) else provider.wire
    return Served(
        call.id,
        call.episode_id,
        call.function_name,
        call.target.spec.kind,
        variant.name,
        leg.candidate.model.name,
        route.name,
        provider.type,
        identifier,
        wire != "",
        API_TYPES.get(wire, CHAT),
        prepared is not None and prepared.calls_are_texts,
        earlier,
        progress.failures,
        call.relay,
    )


def was_asked(progress: InferProgress) -> bool:
    """Whether there is somebody of whom `served_by` could tell."""
    return (leg := progress.last_leg) is not None and leg.route is not None


def headers_of(served: Served) -> tuple[Headers, FixedHeaders]:
    """Our headers of an answer: those that name the call, and those that name what served it."""
    identifier = str(served.inference_id)
    named = (
        ("x-request-id", identifier),
        ("x-tensorzero-inference-id", identifier),
        ("x-tensorzero-episode-id", str(served.episode_id)),
    )
    return named, _names_of(
        served.relay,
        served.function_name,
        served.variant_name,
        served.model_name,
        served.provider_name,
    )


@lru_cache(maxsize=1024)
def _names_of(
    relay: str, function: str | None, variant: str, model: str, provider: str
) -> FixedHeaders:
    """The same for all calls that go one way."""
    named = [("x-tensorzero-relay", relay)] if relay else []
    if function is not None:
        named.append(("x-tensorzero-function-name", function))
        named.append(("x-tensorzero-variant-name", variant))
    named.append(("x-tensorzero-model-name", model))
    named.append(("x-tensorzero-provider-name", provider))
    return tuple(named)


def result_of(progress: InferProgress) -> AnyResult:
    """The answer, or as much of it as came, as its function understands it."""
    legs, settled = progress.legs, progress.settled
    if settled is None:
        leg = progress.leg or legs[-1]
        prepared, said = leg.task.prepared, leg.result()
    else:
        prepared, said = settled.told.prepared, settled.told.answer
    if prepared is None or isinstance(said, EmbeddingsAnswer):
        assert isinstance(said, EmbeddingsAnswer)
        return said
    answer, blocks = said, said.blocks
    texts = prepared.calls_are_texts
    if texts or len(legs) > 1 or settled is not None:
        shown = as_texts(blocks) if texts else blocks
        answer = replace(answer, usage=usage_of(progress), blocks=shown)
    return Result(
        answer,
        prepared.read_chat(blocks),
        prepared.read_json(blocks) if prepared.kind == "json" else None,
        said.raw_response if settled is None else settled.original_response,
        partial(_made, legs),
        None if _is_unpriced(legs) else total_cost([leg.cost() for leg in legs if leg.answered]),
    )


def replayed(progress: InferProgress) -> Iterator[Chunk]:
    """A whole answer as the chunks of a stream: all of it at once, then why it ended."""
    result = result_of(progress)
    assert isinstance(result, Result)
    if result.output is None:
        deltas = tuple(as_delta(str(at), block) for at, block in enumerate(result.answer.blocks))
    else:
        raw = result.output.raw
        deltas = () if raw is None else (TextDelta("0", raw),)
    yield Chunk(deltas)
    yield Chunk(finish_reason=result.answer.finish_reason)


def prepared_of(progress: InferProgress) -> Prepared | None:
    """How the answer is to be read; None of vectors."""
    settled = progress.settled
    if settled is not None:
        return settled.told.prepared
    return (progress.leg or progress.legs[-1]).task.prepared


def usage_of(progress: InferProgress) -> Usage:
    """What all answered calls of models consumed together."""
    return total_usage([leg.result().usage for leg in progress.legs if leg.answered])


def _is_unpriced(legs: Sequence[Leg]) -> bool:
    """Whether it is plain that nobody knows what the calls cost; it need not be."""
    route = legs[0].route
    return len(legs) == 1 and (route is None or route.prices is None)


def _made(legs: Sequence[Leg]) -> list[MadeCall]:
    return [_made_call(leg) for leg in legs if leg.answered]


def _made_call(leg: Leg) -> MadeCall:
    assert leg.route is not None and leg.model_inference_id is not None
    answer = leg.result()
    raw, provider = answer.raw_response, leg.route.provider
    api_type = (
        "embeddings" if isinstance(answer, EmbeddingsAnswer) else API_TYPES.get(leg.wire, CHAT)
    )
    over_http = not answers_neutrally(provider)
    return MadeCall(provider.type, leg.model_inference_id, api_type, raw, over_http)
