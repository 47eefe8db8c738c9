"""`experimental_dynamic_in_context_learning`: the model sees good answers to similar inputs.

Inputs are compared by the vectors of their stored JSON text; each example is a user's message with
that text and an assistant's with the output. What is asked comes last, in the same form.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import orjson

from proxy.errors import InvalidRequest, StoreUnavailable, Unrenderable, VariantFailed
from proxy.inference.prepare import CheckedCall, VariantSpec, prepare
from proxy.inference.templates import TemplateSet
from proxy.inference.variants.base import Asker, Final, Question
from proxy.models.policy import Candidate
from proxy.models.rewrite import NO_REWRITES, Rewrites
from proxy.types.content import OPAQUE, Block, Template, Text, ToolCall
from proxy.types.examples import Example
from proxy.types.ports import InferenceStore
from proxy.types.request import NO_PARAMS, Input, Message, Params, input_to_json
from proxy.wire.dumps import dumps
from proxy.wire.members import list_items, object_members
from proxy.wire.native.input import read_input
from proxy.wire.serde import read_string, required
from proxy.wire.values import raw_text

INSTRUCTIONS = (
    "Below you will see several inputs, each followed by the right output, and then one more "
    "input. Learn from these examples what to do, and give the output for that last input, in the "
    "same form as theirs."
)


log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Nearest:
    """Whose examples are looked for, and how many: at most `k`, none farther than `max_distance`
    (cosine distance; None is any)."""

    function_name: str
    variant_name: str
    k: int
    max_distance: float | None = None


class Dicl:
    """An answer after the model of similar ones."""

    asks_variants = False

    def __init__(
        self,
        nearest: Nearest,
        embedding: Candidate,
        model: Candidate,
        store: InferenceStore | None,
        *,
        params: Params = NO_PARAMS,
        system_instructions: str | None = None,
        rewrites: Rewrites = NO_REWRITES,
    ) -> None:
        """`embedding` makes the vectors, `model` answers; `params`, with the JSON mode, and
        `rewrites` are the variant's. Without a `store` no call can be answered."""
        self._nearest = nearest
        self._embedding = embedding
        self._model = model
        self._store = store
        self._spec = VariantSpec(TemplateSet({}), params)
        self._instructions = INSTRUCTIONS if system_instructions is None else system_instructions
        self._rewrites = rewrites

    async def run(self, call: CheckedCall, asker: Asker) -> Final:
        """See `base.Strategy`. There is always one question left, and nothing settled.

        Raises:
            VariantFailed: no vector, no store, or an example that cannot be read.
            Unrenderable: the input has files or unknown blocks.
        """
        said = plain_input(call.call.input)
        text = stored_text(said)
        vector = await asker.embed(self._embedding, text)
        examples = await self._examples(vector)
        messages = said.messages
        if examples:
            shown = (turn for each in examples for turn in _turns(each, call.spec.kind == "json"))
            messages = (*shown, Message("user", (Text(text),)))
        asked = replace(call.call, input=Input(messages, self._instructions))
        prepared = prepare(replace(call, call=asked), self._spec)
        return Final(Question(self._model, prepared, self._rewrites))

    async def _examples(self, vector: Sequence[float]) -> list[Example]:
        wanted = self._nearest
        if self._store is None:
            raise VariantFailed("Dynamic in-context learning needs a database for its examples")
        try:
            found = await self._store.similar_examples(
                wanted.function_name, wanted.variant_name, vector, wanted.k
            )
        except StoreUnavailable as error:
            raise VariantFailed(str(error)) from error
        if len(found) < wanted.k:
            log.debug("%s has %d examples of %d", wanted.variant_name, len(found), wanted.k)
        farthest = wanted.max_distance
        return [each for each in found if farthest is None or each.distance <= farthest]


def plain_input(said: Input) -> Input:
    """The input with arguments of templates as their JSON text, for the model gets no templates.

    Raises:
        Unrenderable: it has a block that cannot be told in text.
    """
    return replace(
        said,
        messages=tuple(
            Message(message.role, tuple(_plain_blocks(message, f"input.messages[{index}]")))
            for index, message in enumerate(said.messages)
        ),
    )


def stored_text(said: Input) -> str:
    """The JSON text of which vectors are made: what is stored, in its shortest spelling."""
    return _shortest(input_to_json(said))


def _plain_blocks(message: Message, where: str) -> Iterator[Block]:
    for index, block in enumerate(message.content):
        match block:
            case Template():
                yield Text(_shortest(dumps(block.as_json())))
            case _ if isinstance(block, OPAQUE):
                raise _unsupported(block, f"{where}.content[{index}]")
            case _:
                yield block


def _shortest(raw: bytes) -> str:
    """JSON as TensorZero writes it: no whitespace, no needless escapes, floats in their shortest
    form. What a strict reader refuses stays as it is."""
    try:
        return orjson.dumps(orjson.loads(raw)).decode()
    except orjson.JSONDecodeError:
        return raw.decode()


def _unsupported(block: Block, where: str) -> Unrenderable:
    kind = block.as_json()["type"]
    message = f"Unsupported content block type `{kind}` for provider `dicl`"
    return Unrenderable(message, param=where)


def _turns(example: Example, is_json: bool) -> tuple[Message, Message]:
    """An example as two messages. Raises VariantFailed."""
    if not example.output:
        raise VariantFailed("An example of dynamic in-context learning has no output: remove it")
    try:
        said, _ = read_input(example.input.encode(), "input")
        output = _json_output(example) if is_json else tuple(_chat_output(example))
    except InvalidRequest as error:
        raise VariantFailed(
            f"An example of dynamic in-context learning cannot be read: {error}"
        ) from error
    if any(isinstance(block, OPAQUE) for message in said.messages for block in message.content):
        raise VariantFailed("An example of dynamic in-context learning has a file: remove it")
    return Message("user", (Text(stored_text(said)),)), Message("assistant", output)


def _json_output(example: Example) -> tuple[Block, ...]:
    members = object_members(example.output.encode())
    return (Text(raw_text(members.get("raw")) or ""),)


def _chat_output(example: Example) -> Iterator[Block]:
    for raw in list_items(example.output.encode()):
        members = object_members(raw)
        if raw_text(members.get("type")) == "tool_call":
            names = ("id", "raw_name", "raw_arguments")
            identifier, name, arguments = (
                read_string(required(members, "", key), key) for key in names
            )
            yield ToolCall(identifier, name, arguments)
        else:
            message = dumps({"role": "assistant", "content": [orjson.Fragment(raw)]})
            said, _ = read_input(dumps({"messages": [message]}), "output")
            yield from said.messages[0].content
