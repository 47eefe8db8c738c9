"""TensorZero's test provider, which needs no network: the model's name alone says what it answers.

In comes a neutral request, out comes a canned answer, whole (`whole`, `echoes`) or in chunks
(`streams`), or one of the errors that providers make. Names, texts, raw bodies and counts are those
that TensorZero's own tests and configurations rely on, word by word, oddities included.

A model called `slow` really is slow, by the `sleep` given to the provider. The only state is the
count of calls of `flaky_…` models, on an object that whoever builds the providers shares among
them. Nothing here opens a connection; a file that stands elsewhere is judged by what is said of it.
"""

from __future__ import annotations

from proxy.providers.dummy.provider import DummyProvider, FlakyCounters

__all__ = ["DummyProvider", "FlakyCounters"]
