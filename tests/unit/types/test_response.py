"""Neutral answers."""

from __future__ import annotations

from proxy.types.content import Text, Thought, Unknown
from proxy.types.response import Answer, ThoughtDelta, as_delta


def test_what_only_its_author_understands_bears_the_authors_name() -> None:
    blocks = (
        Text("a"),
        Thought("b"),
        Thought("c", provider_type="other"),
        Unknown(b"1"),
        Unknown(b"2", "other", None),
    )
    assert Answer("", blocks).signed_by("openai", "m", "p").blocks == (
        Text("a"),
        Thought("b", provider_type="openai"),
        Thought("c", provider_type="other"),
        Unknown(b"1", "m", "p"),
        Unknown(b"2", "other", None),
    )


def test_a_thought_that_is_played_back_keeps_its_author() -> None:
    thought = Thought("b", "s", provider_type="openai")
    assert as_delta("0", thought) == ThoughtDelta("0", "b", "s", provider_type="openai")


def test_a_thought_that_is_played_back_keeps_its_summary_in_paragraphs() -> None:
    summary = (
        b'[{"type":"summary_text","text":"a"},{"type":"x"},{"type":"summary_text","text":"b"}]'
    )
    delta = as_delta("0", Thought(None, summary=summary))
    assert delta == ThoughtDelta("0", summary_id="0", summary_text="a\n\nb")
    assert as_delta("0", Thought(None, summary=b"[]")).summary_text is None  # type: ignore[union-attr]
