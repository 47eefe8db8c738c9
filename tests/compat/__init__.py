"""What `/openai/v1` promises, line by line, each line proved over HTTP on a running proxy.

A `Case` is a sentence about TensorZero's OpenAI-compatible API, a request, and what must come of
it: the answer's status and body, the events of a stream, what reached the provider, what was
stored. Sentences that are not true here yet carry the reason, and their case proves that the proxy
then says so: a clear refusal which names the thing, never a silent drop. Where the proxy does
something else, the sentence says what, and the case proves that.

`case` has the value and `checks` the words that cases are written in; `setup` the configuration and
the providers behind it; one file for each section has the cases, `cases` puts them together.
`test_compat` runs them, `page` makes `docs/compatibility.md` of the same sentences.

Not here: product code, and what only `/v1` does.
"""

from __future__ import annotations
