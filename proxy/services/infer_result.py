"""From what is known of a call to what its caller is told: who served it, and the whole answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from proxy.inference.json_mode import as_texts
from proxy.inference.prepare import Prepared
from proxy.inference.variants.base import Told
from proxy.models.cost import total_cost
from proxy.providers.base import answers_neutrally
from proxy.services.infer_call import AnyResult, InferProgress, MadeCall, Result, Served
from proxy.services.leg import Leg
from proxy.services.tasks import ChatModelTask
from proxy.types.embeddings import EmbeddingsAnswer
from proxy.types.response import Chunk, TextDelta, as_delta
from proxy.types.usage import Usage, total_usage

CHAT = "chat_completions"
API_TYPES = {"responses": "responses"}
"""What raw data is said to be, by the protocol; all other chats are `CHAT`."""


def served_by(progress: InferProgress) -> Served:
    """Who answers; of a strategy's settled answer, whoever was asked last."""
    call, leg, variant = progress.call, _last(progress), progress.variant
    assert variant is not None and leg.route is not None and leg.model_inference_id is not None
    prepared, settled = prepared_of(progress), progress.settled is not None
    provider = leg.route.provider
    wire = "" if answers_neutrally(provider) else provider.wire
    return Served(
        call.id,
        call.episode_id,
        call.function_name,
        call.target.spec.kind,
        variant.name,
        leg.candidate.model.name,
        leg.route.name,
        provider.type,
        leg.model_inference_id,
        wire != "",
        API_TYPES.get(wire, CHAT),
        prepared is not None and prepared.calls_are_texts,
        _made([each for each in progress.legs if settled or each is not progress.leg]),
        progress.failures,
        call.relay,
    )


def was_asked(progress: InferProgress) -> bool:
    """Whether there is somebody of whom `served_by` could tell."""
    return (leg := progress.last_leg) is not None and leg.route is not None


def headers_of(served: Served) -> list[tuple[str, str]]:
    """Our headers of an answer, which name what served the call."""
    identifier = str(served.inference_id)
    named = [
        ("x-request-id", identifier),
        ("x-tensorzero-inference-id", identifier),
        ("x-tensorzero-episode-id", str(served.episode_id)),
    ]
    if served.relay:
        named.append(("x-tensorzero-relay", served.relay))
    if served.function_name is not None:
        named.append(("x-tensorzero-function-name", served.function_name))
        named.append(("x-tensorzero-variant-name", served.variant_name))
    named.append(("x-tensorzero-model-name", served.model_name))
    named.append(("x-tensorzero-provider-name", served.provider_name))
    return named


def result_of(progress: InferProgress) -> AnyResult:
    """The answer, or as much of it as came, as its function understands it."""
    told = told_by(progress)
    if told is None:
        answer = _last(progress).result()
        assert isinstance(answer, EmbeddingsAnswer)
        return answer
    prepared = told.prepared
    answer, settled = told.answer, progress.settled
    if prepared.calls_are_texts or len(progress.legs) > 1 or settled is not None:
        blocks = as_texts(answer.blocks) if prepared.calls_are_texts else answer.blocks
        answer = replace(answer, usage=usage_of(progress), blocks=blocks)
    return Result(
        answer,
        prepared.read_chat(told.answer.blocks),
        prepared.read_json(told.answer.blocks) if prepared.kind == "json" else None,
        told.answer.raw_response if settled is None else settled.original_response,
        _made(progress.legs),
        total_cost([leg.cost() for leg in progress.legs if leg.answered]),
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


def told_by(progress: InferProgress) -> Told | None:
    """The answer and how to read it; None of vectors."""
    if progress.settled is not None:
        return progress.settled.told
    leg = _last(progress)
    answer = leg.result()
    if not isinstance(leg.task, ChatModelTask) or isinstance(answer, EmbeddingsAnswer):
        return None
    return Told(answer, leg.task.prepared)


def prepared_of(progress: InferProgress) -> Prepared | None:
    """How the answer is to be read; None of vectors."""
    if progress.settled is not None:
        return progress.settled.told.prepared
    task = _last(progress).task
    return task.prepared if isinstance(task, ChatModelTask) else None


def usage_of(progress: InferProgress) -> Usage:
    """What all answered calls of models consumed together."""
    return total_usage([leg.result().usage for leg in progress.legs if leg.answered])


def _last(progress: InferProgress) -> Leg:
    leg = progress.last_leg
    assert leg is not None
    return leg


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
