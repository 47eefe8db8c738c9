"""Whom a request goes to: blocks that are for one model or one provider only reach no other."""

from __future__ import annotations

from dataclasses import replace

from proxy.types.content import Block, Thought, Unknown
from proxy.types.immutable import immutable
from proxy.types.request import Input, Message


@immutable
class Addressee:
    """Who gets the request, by the configuration's names; blocks for others are left out."""

    model_name: str | None = None
    provider_name: str | None = None
    provider_type: str | None = None

    def gets(self, block: Unknown | Thought) -> bool:
        """Whether the block is for everybody, or for this one."""
        if isinstance(block, Thought):
            return block.provider_type in (None, self.provider_type)
        return block.model_name in (None, self.model_name) and (
            block.provider_name in (None, self.provider_name)
        )

    def part_of(self, said: Input) -> Input:
        """The input without blocks for others."""
        if all(self._gets_all(message) for message in said.messages):
            return said
        messages = (
            Message(message.role, tuple(block for block in message.content if self._takes(block)))
            for message in said.messages
        )
        return replace(said, messages=tuple(messages))

    def _gets_all(self, message: Message) -> bool:
        return all(map(self._takes, message.content))

    def _takes(self, block: Block) -> bool:
        return not isinstance(block, Unknown | Thought) or self.gets(block)


ANYBODY = Addressee()
